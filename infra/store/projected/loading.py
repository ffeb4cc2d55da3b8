"""Loads rows that were made elsewhere into the tables of a build: binary COPY on PostgreSQL, bulk inserts on SQLite."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table

from infra.export.arrow_schema import pyarrow
from projections.table import ValueType


class LoadedRows(NamedTuple):
    """Rows of a table, by columns: Arrow's arrays of these types.

    Instants are timestamps in UTC to the microsecond, days date32, whole numbers int64, and amounts text with the
    places that they have.
    """

    names: Sequence[str]
    types: Sequence[ValueType]
    columns: Sequence[Any]
    number: int


def load_rows(connection: Connection, table: Table, rows: LoadedRows) -> None:
    """Insert the rows within the connection's transaction."""
    quote = connection.dialect.identifier_preparer.quote
    target = f"{quote(table.name)} ({', '.join(map(quote, rows.names))})"
    if connection.dialect.name == "postgresql":
        # Imported here: SQLite does not need the driver.
        from infra.store.postgres.arrow_copy import copy_columns

        with connection.connection.cursor() as cursor:  # type: ignore[attr-defined]
            copy_columns(cursor, target, rows.types, rows.columns)
    else:
        values = ", ".join("?" for _ in rows.names)
        columns = [_sqlite_values(*column) for column in zip(rows.types, rows.columns, strict=True)]
        connection.exec_driver_sql(f"INSERT INTO {target} VALUES ({values})", list(zip(*columns, strict=True)))


def _sqlite_values(value_type: ValueType, column: Any) -> list[Any]:
    """Instants as microseconds since 1970 in UTC, days as text (projections/views/columns.py)."""
    if value_type is ValueType.INSTANT:
        column = column.cast(pyarrow().int64())
    elif value_type is ValueType.DAY:
        column = column.cast(pyarrow().string())
    values: list[Any] = column.to_pylist()
    return values
