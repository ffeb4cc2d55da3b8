"""One session of Spark for all tests that need one: it takes 7 seconds and more to start.

They need Java 17 and PySpark (`make spark` installs it), and skip with a line where either is missing.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from infra.export.arrow_schema import MissingPackageError
from infra.spark.session import SparkUnavailableError, expect_java, pyspark, spark_session

OF_TESTS = {
    "spark.driver.memory": "1g",
    # Java compiles quickly instead of well, and Spark writes no code for it: that would pay with many events only.
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.shuffle.partitions": "2",
}


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """A session in this process, with two executors' threads."""
    try:
        pyspark()
        expect_java()
    except (MissingPackageError, SparkUnavailableError) as e:
        if os.environ.get("CI") and not isinstance(e, MissingPackageError):
            pytest.fail(str(e))
        pytest.skip(f"needs Spark: {e}")
    with spark_session("tests", "local[2]", OF_TESTS) as session:
        yield session
