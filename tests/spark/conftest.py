"""One session of Spark for all tests that need one: it takes 7 seconds and more to start.

They need Java 17 and PySpark (`make spark` installs it), and skip with a line where either is missing.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import structlog

from infra.app.archive import archive_store
from infra.app.container import Waybill
from infra.app.spark_rebuild import spark_rebuild
from infra.export.arrow_schema import MissingPackageError
from infra.settings import Settings
from infra.spark import row_fold
from infra.spark.executors.rows import fold_here
from infra.spark.session import SparkUnavailableError, expect_java, pyspark, spark_session
from tests.simulated_store import fill_with_floor

OF_TESTS = {
    "spark.driver.memory": "1g",
    # Java compiles quickly instead of well, and Spark writes no code for it: that would pay with many events only.
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.shuffle.partitions": "2",
}


@pytest.fixture(autouse=True)
def logs_as_before_the_test() -> Iterator[None]:
    """What a command makes of the logs, the next test must not find: it may be the first that makes the rows."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """A session in this process; two tasks run at once, and each is tried up to three times."""
    try:
        pyspark()
        expect_java()
    except (MissingPackageError, SparkUnavailableError) as e:
        if os.environ.get("CI") and not isinstance(e, MissingPackageError):
            pytest.fail(str(e))
        pytest.skip(f"needs Spark: {e}")
    with spark_session("tests", "local[2,3]", OF_TESTS) as session:
        yield session


class Floor(NamedTuple):
    """A store, and the folder of its archive."""

    waybill: Waybill
    archive: Path


@pytest.fixture(scope="session")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    """A sales floor of 300 orders; a tenth of its messages are wrong, and the archive's name needs care."""
    folder = tmp_path_factory.mktemp("floor")
    with Waybill(Settings(store=f"sqlite:///{folder}/waybill.db")) as waybill:
        fill_with_floor(waybill, 300, wrong=0.1)
        archive = folder / "an archive [1] {of 2}"
        archive_store(waybill, str(archive), buckets=2)
        yield Floor(waybill, archive)


@pytest.fixture(scope="session")
def made(floor: Floor, tmp_path_factory: pytest.TempPathFactory, spark: Any) -> str:
    """The folder of the rows that Spark made of the floor, although each task failed once, its files being written."""

    def fold_that_fails_once(url: str, run: str) -> Any:
        def fold(batches: Iterator[Any]) -> Iterator[Any]:
            from pyspark import TaskContext

            yield from fold_here(url, run, batches)
            if TaskContext.get().attemptNumber() == 0:
                raise RuntimeError("as a test wants")

        return fold

    to = tmp_path_factory.mktemp("rows") / "rows"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(row_fold, "rows_fold", fold_that_fails_once)
        spark_rebuild(str(floor.archive), str(to), partitions=3)
    return str(to)
