"""Datasets of an archive as Spark DataFrames: the rows that count at the archive's position."""

from collections.abc import Mapping
from functools import reduce
from operator import and_
from typing import Any, NamedTuple

from infra.archive.dataset import Kind, Type
from infra.archive.datasets import DATASETS
from infra.archive.manifest import Manifest
from infra.spark.archived_events import spark_path

_SPARK_TYPES: Mapping[str, str] = {
    Type.TEXT: "string",
    Type.WHOLE: "bigint",
    Type.BOOLEAN: "boolean",
    Type.INSTANT: "timestamp",
    Type.BYTES: "binary",
    Type.RATE: "decimal(38, 12)",
}
RUN = "archive_run"
"""The column with the number of the run that wrote a row."""


class ArchivedRows(NamedTuple):
    """The datasets of one archive, at the folder or URL `url`, as of its manifest."""

    session: Any
    url: str
    manifest: Manifest

    def rows(self, name: str) -> Any:
        """All rows of a dataset's files, with RUN."""
        from pyspark.sql import functions as sql

        schema = ", ".join(f"`{column.name}` {_SPARK_TYPES[column.type]}" for column in DATASETS[name].columns)
        files = self.manifest.files(name)
        if not files:
            return self.session.createDataFrame([], f"{schema}, {RUN} int")
        root = spark_path(self.url)
        read = self.session.read.schema(schema).parquet(*(f"{root}/{file.path}" for file in files))
        # The names of files begin with it.
        run = sql.split(sql.col("_metadata.file_name"), "-")[0].cast("int")
        return read.select(*DATASETS[name].names, run.alias(RUN))

    def newest(self, name: str, condition: Any, among: Any = None) -> Any:
        """Of a dataset of changed rows, those that meet the condition, each in the state of the newest run that has it.

        `among` are its rows to look at (None: all). It is made for conditions that few rows meet: only these are
        compared with what newer runs say.
        """
        from pyspark.sql import functions as sql

        dataset = DATASETS[name]
        assert dataset.kind is Kind.CHANGED
        rows = self.rows(name) if among is None else among
        found = rows.where(condition).dropDuplicates([*dataset.key, RUN])
        if len({file.run for file in self.manifest.files(name)}) < 2:
            return found
        newer = rows.select(*(sql.col(column).alias(f"newer_{column}") for column in (*dataset.key, RUN)))
        same = [sql.col(column) == sql.col(f"newer_{column}") for column in dataset.key]
        is_newer = reduce(and_, same) & (sql.col(f"newer_{RUN}") > sql.col(RUN))
        return found.join(newer, is_newer, "left_anti")
