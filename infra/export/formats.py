"""The formats of exported files, by file ending. Each writes rows as they come and keeps none."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from infra.export.arrow_schema import MissingPackageError, TooLongAmountError, pyarrow, schema_of_columns
from infra.export.spreadsheets import spreadsheet_cell
from infra.printable import escape_json
from infra.serialization import csv_cell, json_value
from projections.table import Row, ValueType

__all__ = [
    "FORMATS",
    "SPREADSHEET_ENDING",
    "Columns",
    "MissingPackageError",
    "TooLongAmountError",
    "Write",
    "expect_packages",
    "file_format",
]

Columns = Mapping[str, ValueType]
"""The written columns in order, with their types."""
Write = Callable[[Sequence[Row]], None]
WriteFile = Callable[[Path, Columns], AbstractContextManager[Write]]


@contextmanager
def csv_file(path: Path, columns: Columns) -> Iterator[Write]:
    """CSV: a line of names, then one line a row; values as in the command's CSV."""
    with _csv_of(path, columns, csv_cell) as write:
        yield write


@contextmanager
def spreadsheet_csv_file(path: Path, columns: Columns) -> Iterator[Write]:
    """CSV for spreadsheets: no text of an upstream becomes a formula (see infra.export.spreadsheets)."""
    with _csv_of(path, columns, spreadsheet_cell) as write:
        yield write


@contextmanager
def _csv_of(path: Path, columns: Columns, cell: Callable[[Any], Any]) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        yield lambda rows: writer.writerows([cell(value) for value in row] for row in rows)


@contextmanager
def json_lines_file(path: Path, columns: Columns) -> Iterator[Write]:
    """JSON Lines: one JSON object a row; values as in the command's JSON."""
    names = list(columns)
    encoder = msgspec.json.Encoder()
    with path.open("wb") as file:

        def write(rows: Sequence[Row]) -> None:
            lines = encoder.encode_lines([dict(zip(names, map(json_value, row), strict=True)) for row in rows])
            file.write(escape_json(lines.decode()).encode())

        yield write


@contextmanager
def parquet_file(path: Path, columns: Columns) -> Iterator[Write]:
    """Typed columns: timestamps in UTC to the microsecond, days, decimals, whole numbers, booleans, texts."""
    arrow, schema = pyarrow(), schema_of_columns(columns)
    with arrow.parquet.ParquetWriter(path, schema, compression="zstd") as writer:

        def write(rows: Sequence[Row]) -> None:
            values = [
                _arrow_array(column, field) for column, field in zip(zip(*rows, strict=True), schema, strict=True)
            ]
            writer.write_batch(arrow.record_batch(values, schema=schema))

        yield write


def _arrow_array(column: Sequence[Any], field: Any) -> Any:
    """Raises TooLongAmountError."""
    arrow = pyarrow()
    if arrow.types.is_date32(field.type):
        column = [None if day is None else date.fromisoformat(day) for day in column]
    try:
        return arrow.array(column, field.type)
    except arrow.ArrowInvalid as e:
        if not arrow.types.is_decimal(field.type):
            raise
        raise TooLongAmountError(field.name) from e


FORMATS: Mapping[str, WriteFile] = {
    ".csv": csv_file,
    ".jsonl": json_lines_file,
    ".parquet": parquet_file,
}


SPREADSHEET_ENDING = ".csv"
"""The ending of files that can be written for spreadsheets."""


def file_format(ending: str, *, for_spreadsheets: bool = False) -> WriteFile:
    """The writer for that file ending."""
    return spreadsheet_csv_file if for_spreadsheets and ending == SPREADSHEET_ENDING else FORMATS[ending]


def expect_packages(ending: str) -> None:
    """Raises MissingPackageError for a format that cannot be written here."""
    if ending == ".parquet":
        pyarrow()
