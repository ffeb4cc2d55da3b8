"""COPY in PostgreSQL's binary format, with the types of the columns."""

from array import array
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from psycopg.sql import Composed
from sqlalchemy import Dialect
from sqlalchemy.types import TypeEngine

_INTEGER = psycopg.adapters.types["integer"].oid


def copy_rows(
    cursor: psycopg.Cursor[Any], statement: str | Composed, type_numbers: Sequence[int], rows: Sequence[Sequence[Any]]
) -> None:
    """Copy rows in PostgreSQL's binary format; `statement` says so, and values are of these types (their numbers).

    Raises OverflowError for an integer that its column cannot hold.
    """
    for index, number in enumerate(type_numbers):
        if number == _INTEGER:
            _expect_32_bits(row[index] for row in rows)
    with cursor.copy(statement) as copy:
        copy.set_types(type_numbers)
        for row in rows:
            copy.write_row(row)


def _expect_32_bits(values: Iterable[int | None]) -> None:
    # The driver would cut a longer one silently. An array checks them without a line of Python for each.
    array("i", (value for value in values if value is not None))


def type_number(column_type: TypeEngine[Any], dialect: Dialect) -> int:
    """The driver's number of a column's type."""
    name = column_type.compile(dialect).partition(" COLLATE ")[0]
    return psycopg.adapters.types[name.lower()].oid
