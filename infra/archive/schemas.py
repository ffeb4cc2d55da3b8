"""The Arrow schemas of datasets: typed columns with their meanings, and the version of the schema."""

from typing import Any

from infra.archive.dataset import Dataset, Type
from infra.archive.manifest import FORMAT, SCHEMA_VERSION
from infra.archive.packages import pyarrow


def arrow_schema(dataset: Dataset) -> Any:
    """The pyarrow.Schema of a dataset's files, each column's meaning as its field's metadata `doc`."""
    arrow = pyarrow()
    types = {
        Type.TEXT: arrow.string(),
        Type.WHOLE: arrow.int64(),
        Type.BOOLEAN: arrow.bool_(),
        Type.INSTANT: arrow.timestamp("us", tz="UTC"),
        Type.BYTES: arrow.binary(),
        Type.RATE: arrow.decimal128(38, 12),
    }
    return arrow.schema(
        [
            arrow.field(column.name, types[column.type], column.nullable, {"doc": column.meaning})
            for column in dataset.columns
        ],
        {"doc": dataset.doc, "format": FORMAT, "dataset": dataset.name, "schema_version": str(SCHEMA_VERSION)},
    )
