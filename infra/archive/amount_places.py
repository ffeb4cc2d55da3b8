"""The decimal places of amounts beside Parquet's decimals, which all have six: 1.50 is stored and answered as 1.50.

A file of rows has them in one further column: a text with one digit for each amount of a row, in the order of the
columns, and "-" for an amount that is null. Few different texts occur, so the column takes hardly any space.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from infra.export.arrow_schema import arrow_type, pyarrow, schema_of_table
from projections.table import RowTable, ValueType

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


class AmountArrays(NamedTuple):
    """Columns of amounts as Arrow arrays of decimals, and the array of their places."""

    decimals: Sequence[Any]
    places: Any


def amount_arrays(columns: Sequence[Sequence[Decimal | None]]) -> AmountArrays:
    """The arrays of one or more columns of equal length.

    Raises pyarrow.ArrowInvalid for an amount that the decimals cannot hold.
    """
    # Imported here: the package is an optional extra.
    from pyarrow import compute

    texts = [_texts(column) for column in columns]
    decimals = [text.cast(arrow_type(ValueType.AMOUNT)) for text in texts]
    places = compute.binary_join_element_wise(*map(_places, texts), "")
    return AmountArrays(decimals, places)


def _texts(amounts: Sequence[Decimal | None]) -> Any:
    """The amounts as texts, without exponents."""
    # Imported here: the package is an optional extra.
    from pyarrow import compute

    arrow = pyarrow()
    # Arrow writes each decimal as a text too; from texts it also counts the places, without a call for each of them.
    texts = arrow.array([None if amount is None else str(amount) for amount in amounts], arrow.string())
    if compute.any(compute.match_substring(texts, "E")).as_py():
        texts = arrow.array([None if amount is None else f"{amount:f}" for amount in amounts], arrow.string())
    return texts


def _places(texts: Any) -> Any:
    """The number of digits after the point of each text, as text; NO_AMOUNT for null."""
    # Imported here: the package is an optional extra.
    from pyarrow import compute

    arrow = pyarrow()
    point = compute.find_substring(texts, ".")
    after = compute.subtract(compute.subtract(compute.binary_length(texts), point), 1)
    digits = compute.if_else(compute.less(point, 0), 0, after).cast(arrow.string())
    return digits.fill_null(NO_AMOUNT)
