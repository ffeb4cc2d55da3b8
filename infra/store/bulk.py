"""Bulk inserts without building a statement for every row: executemany on SQLite, binary COPY on PostgreSQL."""

from array import array
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from psycopg.sql import Composed
from sqlalchemy import Connection, Dialect, Engine, Table
from sqlalchemy.types import TypeEngine

from projections.table import Row
from projections.views.columns import driver_converter

_INTEGER = psycopg.adapters.types["integer"].oid


class BulkInsert:
    """Inserts rows with values in the order of `columns` (by default all of the table's).

    A value that its column cannot hold raises an error that is not the store's own (see infra.store.retries).
    """

    def __init__(self, table: Table, engine: Engine, columns: Sequence[str] | None = None):
        names = list(columns or (column.name for column in table.columns))
        dialect = engine.dialect
        types = [table.c[name].type for name in names]
        self._copies = dialect.name == "postgresql"
        quote = dialect.identifier_preparer.quote
        target = f"{quote(table.name)} ({', '.join(quote(name) for name in names)})"
        if self._copies:
            self._statement = f"COPY {target} FROM STDIN (FORMAT BINARY)"
            self._type_numbers = [_type_number(column_type, dialect) for column_type in types]
        else:
            self._statement = f"INSERT INTO {target} VALUES ({', '.join('?' for _ in names)})"
        self._converters = [
            (index, convert)
            for index, column_type in enumerate(types)
            if (convert := driver_converter(column_type, dialect)) is not None
        ]

    def __call__(self, connection: Connection, rows: Sequence[Row]) -> None:
        if not rows:
            return
        if self._converters:
            columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
            for index, convert in self._converters:
                columns[index] = convert(columns[index])
            rows = list(zip(*columns, strict=True))
        if self._copies:
            with connection.connection.cursor() as cursor:  # type: ignore[attr-defined]
                copy_rows(cursor, self._statement, self._type_numbers, rows)
        else:
            connection.exec_driver_sql(self._statement, rows)


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


def _type_number(column_type: TypeEngine[Any], dialect: Dialect) -> int:
    name = column_type.compile(dialect).partition(" COLLATE ")[0]
    return psycopg.adapters.types[name.lower()].oid
