"""Loads rows that were made elsewhere into the tables of a build: COPY on PostgreSQL, bulk inserts on SQLite.

On PostgreSQL rows come as CSV, which Arrow writes without a Python object a value: three times as many rows a second
of processor time as binary COPY of rows made of Python's values.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table

from projections.table import Row


class LoadedRows(NamedTuple):
    """Rows of a table with these columns, in either form, which is made when it is asked for.

    `csv` has UTF-8 lines that end with a line feed: every text is quoted, nulls are empty, instants have an offset.
    `rows` has SQLite's values: instants in microseconds since 1970 in UTC, amounts and days as text.
    """

    columns: Sequence[str]
    number: int
    csv: Callable[[], Any]
    rows: Callable[[], Sequence[Row]]


def load_rows(connection: Connection, table: Table, loaded: LoadedRows) -> None:
    """Insert the rows within the connection's transaction."""
    quote = connection.dialect.identifier_preparer.quote
    target = f"{quote(table.name)} ({', '.join(map(quote, loaded.columns))})"
    if connection.dialect.name == "postgresql":
        statement = f"COPY {target} FROM STDIN (FORMAT csv, ENCODING 'UTF8')"
        with connection.connection.cursor() as cursor, cursor.copy(statement) as copy:  # type: ignore[attr-defined]
            copy.write(loaded.csv())
    else:
        values = ", ".join("?" for _ in loaded.columns)
        connection.exec_driver_sql(f"INSERT INTO {target} VALUES ({values})", loaded.rows())
