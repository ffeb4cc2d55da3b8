"""The decimal places of amounts beside Parquet's decimals, which all have six: 1.50 is stored and answered as 1.50.

A file of rows has them in one further column: a text with one digit for each amount of a row, in the order of the
columns, and "-" for an amount that is null. Few different texts occur, so the column takes hardly any space.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from infra.export.arrow_schema import pyarrow, schema_of_table
from projections.table import Row, RowTable, ValueType

PLACES = "_places"
NO_AMOUNT = "-"


def schema_with_places(table: RowTable[Any]) -> Any:
    """The pyarrow.Schema of a file with a table's rows."""
    schema = schema_of_table(table)
    if not amounts_of(table):
        return schema
    return schema.append(pyarrow().field(PLACES, pyarrow().string(), False, {"doc": "The places of its amounts."}))


def amounts_of(table: RowTable[Any]) -> Sequence[int]:
    """The indexes of the columns with amounts; a table without any has no column of places."""
    return [index for index, column in enumerate(table.columns) if column.type is ValueType.AMOUNT]


def places_of(amounts: Sequence[int], rows: Iterable[Row]) -> list[str]:
    """The places of these columns of each row."""
    return ["".join(_places(row[index]) for index in amounts) for row in rows]


def _places(amount: Any) -> str:
    return NO_AMOUNT if amount is None else str(max(0, -amount.as_tuple().exponent))
