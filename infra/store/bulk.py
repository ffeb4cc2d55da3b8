"""Bulk inserts without building a statement for every row: executemany on SQLite, COPY on PostgreSQL."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Table

from projections.table import Row
from projections.views.columns import driver_converter


class BulkInsert:
    """Inserts rows with values in the order of `columns` (by default all of the table's)."""

    def __init__(self, table: Table, engine: Engine, columns: Sequence[str] | None = None):
        names = list(columns or (column.name for column in table.columns))
        self._copies = engine.dialect.name == "postgresql"
        quote = engine.dialect.identifier_preparer.quote
        target = f"{quote(table.name)} ({', '.join(quote(name) for name in names)})"
        if self._copies:
            self._statement = f"COPY {target} FROM STDIN"
        else:
            self._statement = f"INSERT INTO {target} VALUES ({', '.join('?' for _ in names)})"
        self._converters = [
            (index, convert)
            for index, name in enumerate(names)
            if (convert := driver_converter(table.c[name].type, engine.dialect)) is not None
        ]

    def __call__(self, connection: Connection, rows: Sequence[Row]) -> None:
        if not rows:
            return
        if self._copies:
            with connection.connection.cursor() as cursor, cursor.copy(self._statement) as copy:  # type: ignore[attr-defined]
                for row in rows:
                    copy.write_row(row)
            return
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for index, convert in self._converters:
            columns[index] = convert(columns[index])
        connection.exec_driver_sql(self._statement, list(zip(*columns, strict=True)))
