"""The forms of an exported file, by its ending. Each writes rows as they come and keeps none."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Boolean, Integer
from sqlalchemy.types import TypeEngine

from infra.serialization import csv_cell, json_value
from projections.table import Row
from projections.views.columns import Amount, Hours, Instant

Columns = Mapping[str, TypeEngine[Any]]
"""The columns of what is written, in order, with the types that they have in the store."""
Write = Callable[[Sequence[Row]], None]

# An order's value has at most 31 digits before the point: 15 of a quantity, 15 of a price, and a carry of many lines.
AMOUNT_DIGITS, AMOUNT_PLACES = 38, 6
HOURS_DIGITS, HOURS_PLACES = 12, 2


class MissingPackageError(Exception):
    """A form needs a package that is not installed; the message says how to get it."""


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
    arrow, parquet = _arrow()
    schema = arrow.schema([(name, _arrow_type(arrow, kind)) for name, kind in columns.items()])
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:

        def write(rows: Sequence[Row]) -> None:
            values = [
                arrow.array(column, field.type) for column, field in zip(zip(*rows, strict=True), schema, strict=True)
            ]
            writer.write_batch(arrow.record_batch(values, schema=schema))

        yield write


def _arrow() -> tuple[Any, Any]:
    # Imported here, since it is an extra that not everybody has.
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as e:
        raise MissingPackageError(
            "a .parquet file needs the package pyarrow: pip install 'waybill[export]'; .csv and .jsonl need nothing"
        ) from e
    return pyarrow, pyarrow.parquet


def _arrow_type(arrow: Any, kind: TypeEngine[Any]) -> Any:
    if isinstance(kind, Instant):
        return arrow.timestamp("us", tz="UTC")
    if isinstance(kind, Hours):
        return arrow.decimal128(HOURS_DIGITS, HOURS_PLACES)
    if isinstance(kind, Amount):
        return arrow.decimal128(AMOUNT_DIGITS, AMOUNT_PLACES)
    if isinstance(kind, Boolean):
        return arrow.bool_()
    return arrow.int64() if isinstance(kind, Integer) else arrow.string()


FORMATS: Mapping[str, Callable[[Path, Columns], AbstractContextManager[Write]]] = {
    ".csv": csv_file,
    ".jsonl": json_lines_file,
    ".parquet": parquet_file,
}


def expect_packages(ending: str) -> None:
    """Raises MissingPackageError for a form that cannot be written here."""
    if ending == ".parquet":
        _arrow()
