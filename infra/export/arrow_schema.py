"""The Arrow schema of a table of rows or of an answer, derived from the declaration of the SQL tables.

pyarrow is an optional extra, so it is imported on first use.
"""

from collections.abc import Mapping
from typing import Any

from projections.table import RowTable, ValueType

# An order's value has at most 31 digits before the point: 15 of a quantity, 15 of a price, and a carry from many lines.
AMOUNT_DIGITS, AMOUNT_PLACES = 38, 6
HOURS_DIGITS, HOURS_PLACES = 12, 2
RATE_DIGITS, RATE_PLACES = 38, 12


class MissingPackageError(Exception):
    """A format needs a package that is not installed; the message says how to get it."""


class TooLongAmountError(Exception):
    """An amount has more digits than a decimal of 128 bits; the message says which column, and what to do."""

    def __init__(self, column: str):
        super().__init__(
            f"an amount in the column {column} has more than {AMOUNT_DIGITS - AMOUNT_PLACES} digits before the point, "
            "which a .parquet file cannot hold; export to .csv or .jsonl, which hold any number of digits"
        )


def pyarrow() -> Any:
    """The package. Raises MissingPackageError."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as e:
        raise MissingPackageError(
            "a .parquet file needs pyarrow: install Waybill with '.[export]' instead of '.'; "
            ".csv and .jsonl need nothing"
        ) from e
    return pyarrow


def arrow_type(value_type: ValueType) -> Any:
    """Text, 64-bit integers, booleans, timestamps in UTC to the microsecond, days, and decimals of 128 bits."""
    arrow = pyarrow()
    return {
        ValueType.TEXT: arrow.string(),
        ValueType.WHOLE: arrow.int64(),
        ValueType.BOOLEAN: arrow.bool_(),
        ValueType.INSTANT: arrow.timestamp("us", tz="UTC"),
        ValueType.DAY: arrow.date32(),
        ValueType.AMOUNT: arrow.decimal128(AMOUNT_DIGITS, AMOUNT_PLACES),
        ValueType.RATE: arrow.decimal128(RATE_DIGITS, RATE_PLACES),
        ValueType.HOURS: arrow.decimal128(HOURS_DIGITS, HOURS_PLACES),
    }[value_type]


def schema_of_columns(columns: Mapping[str, ValueType]) -> Any:
    """The pyarrow.Schema of an answer with these columns, each of which may be null."""
    return pyarrow().schema([(name, arrow_type(value_type)) for name, value_type in columns.items()])


def schema_of_table(table: RowTable[Any]) -> Any:
    """The pyarrow.Schema of a table's rows, with each column's meaning as its field's metadata `doc`."""
    arrow = pyarrow()
    return arrow.schema(
        [
            arrow.field(column.name, arrow_type(column.type), column.nullable, {"doc": column.doc})
            for column in table.columns
        ],
        {"doc": table.doc},
    )
