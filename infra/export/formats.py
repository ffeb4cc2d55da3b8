"""The forms of an exported file, by its ending. Each writes rows as they come and keeps none."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import msgspec

from infra.export.arrow_schema import MissingPackageError, pyarrow, schema_of_columns
from infra.serialization import csv_cell, json_value
from projections.table import Row, ValueType

__all__ = ["FORMATS", "Columns", "MissingPackageError", "Write", "expect_packages"]

Columns = Mapping[str, ValueType]
"""The columns of what is written, in order, with what they hold."""
Write = Callable[[Sequence[Row]], None]


@contextmanager
def csv_file(path: Path, columns: Columns) -> Iterator[Write]:
    """A line of names, then a line a row; values as the command's CSV has them."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        yield lambda rows: writer.writerows([csv_cell(value) for value in row] for row in rows)


@contextmanager
def json_lines_file(path: Path, columns: Columns) -> Iterator[Write]:
    """A JSON object a row and line; values as the command's JSON has them."""
    names = list(columns)
    encoder = msgspec.json.Encoder()
    with path.open("wb") as file:

        def write(rows: Sequence[Row]) -> None:
            file.write(encoder.encode_lines([dict(zip(names, map(json_value, row), strict=True)) for row in rows]))

        yield write


@contextmanager
def parquet_file(path: Path, columns: Columns) -> Iterator[Write]:
    """Typed columns: timestamps in UTC to the microsecond, decimals, whole numbers, booleans, texts."""
    arrow, schema = pyarrow(), schema_of_columns(columns)
    with arrow.parquet.ParquetWriter(path, schema, compression="zstd") as writer:

        def write(rows: Sequence[Row]) -> None:
            values = [
                arrow.array(column, field.type) for column, field in zip(zip(*rows, strict=True), schema, strict=True)
            ]
            writer.write_batch(arrow.record_batch(values, schema=schema))

        yield write


FORMATS: Mapping[str, Callable[[Path, Columns], AbstractContextManager[Write]]] = {
    ".csv": csv_file,
    ".jsonl": json_lines_file,
    ".parquet": parquet_file,
}


def expect_packages(ending: str) -> None:
    """Raises MissingPackageError for a form that cannot be written here."""
    if ending == ".parquet":
        pyarrow()
