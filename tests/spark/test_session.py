"""What is said where Spark cannot be started, or fails: in a line, with the remedy. Only the last test starts Spark."""

import sys
from pathlib import Path
from typing import Any

import pytest
from typer import BadParameter

from infra.archive.folder import WrongFolderError
from infra.cli.spark_options import options_of
from infra.export.arrow_schema import MissingPackageError
from infra.spark.archived_events import EVENTS_A_PARTITION, partitions_for, spark_path
from infra.spark.session import (
    SparkFailedError,
    SparkUnavailableError,
    expect_java,
    java_version,
    pyspark,
    spark_session,
)


def fake_java(folder: Path, says: str) -> Path:
    """A program `bin/java` that says this as its version."""
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    java.chmod(0o755)
    return java


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_411"', 8),
        ("no java at all", None),
    ],
)
def test_the_version_of_a_java_is_read_from_what_it_says(says: str, version: int | None, tmp_path: Path) -> None:
    assert java_version(str(fake_java(tmp_path, says))) == version


def test_a_java_that_is_too_old_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_java(tmp_path, 'openjdk version "11.0.2"')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(SparkUnavailableError, match=r"bin/java is Java 11: install one .* or set JAVA_HOME"):
        expect_java()


@pytest.mark.parametrize("home", [None, "/nowhere"])
def test_without_java_it_says_where_it_looked(
    home: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    if home is not None:
        monkeypatch.setenv("JAVA_HOME", home)
    with pytest.raises(
        SparkUnavailableError, match="the PATH has none" if home is None else "JAVA_HOME=/nowhere has none"
    ):
        expect_java()


@pytest.mark.parametrize("missing", ["pyspark", "pandas"])
def test_without_its_packages_it_names_the_extra(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingPackageError, match=r"install Waybill with '\.\[spark\]'"):
        pyspark()


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("s3://bucket/a/", "s3a://bucket/a"),
        ("gcs://bucket/a", "gs://bucket/a"),
        ("hdfs://name:8020/a", "hdfs://name:8020/a"),
        ("file:///data/archive", "file:///data/archive"),
        ("/data/an [old] one", "file:///data/an \\[old\\] one"),
    ],
)
def test_a_folder_has_the_name_by_which_spark_knows_it(url: str, path: str) -> None:
    assert spark_path(url) == path


def test_a_folder_that_no_executor_sees_is_refused() -> None:
    with pytest.raises(WrongFolderError, match="name a folder that all executors see"):
        spark_path("memory://archive")


@pytest.mark.parametrize(
    ("events", "tasks", "partitions"),
    [
        (0, 8, 1),
        (30_000, 8, 1),
        (100_000, 8, 5),
        (3_000_000, 8, 16),
        (100 * EVENTS_A_PARTITION + 1, 8, 104),
        (5_000_000, 2, 10),
        (5_000_001, 2, 12),
    ],
)
def test_partitions_are_small_enough_to_sort_and_enough_for_all_tasks(events: int, tasks: int, partitions: int) -> None:
    assert partitions_for(events, tasks) == partitions


@pytest.mark.parametrize("wrong", ["spark.driver.memory", "driver.memory=8g", "=8g"])
def test_a_setting_that_is_not_of_spark_is_refused(wrong: str) -> None:
    with pytest.raises(BadParameter, match=r"is not KEY=VALUE of Spark, such as spark\.driver\.memory=8g"):
        options_of([wrong])


def test_settings_of_spark_are_taken() -> None:
    assert options_of(["spark.a=b=c", "spark.d="]) == {"spark.a": "b=c", "spark.d": ""}


def test_what_fails_in_an_executor_is_told_in_its_own_words(spark: Any) -> None:
    def fold(batches: Any) -> Any:
        raise ZeroDivisionError("as a test wants")
        yield

    with (
        pytest.raises(SparkFailedError, match="Spark failed: ZeroDivisionError: as a test wants"),
        spark_session("a test"),
    ):
        spark.range(1).mapInArrow(fold, "id bigint").collect()
