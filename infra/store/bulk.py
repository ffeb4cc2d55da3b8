"""Bulk inserts without building a statement for every row: executemany on SQLite, binary COPY on PostgreSQL."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Table

from projections.table import Row
from projections.views.columns import driver_converter


class BulkInsert:
    """Inserts rows with values in the order of `columns` (by default all of the table's).

    `on_conflict` is SQLite's clause for rows that are there; COPY on PostgreSQL has none. A value that its column
    cannot hold raises an error that is not the store's own (see infra.store.retries).
    """

    def __init__(self, table: Table, engine: Engine, columns: Sequence[str] | None = None, on_conflict: str = ""):
        names = list(columns or (column.name for column in table.columns))
        dialect = engine.dialect
        types = [table.c[name].type for name in names]
        self._copies = dialect.name == "postgresql"
        quote = dialect.identifier_preparer.quote
        target = f"{quote(table.name)} ({', '.join(quote(name) for name in names)})"
        if self._copies:
            self._statement = f"COPY {target} FROM STDIN (FORMAT BINARY)"
            # Imported here: SQLite does not need the driver.
            from infra.store.postgres.binary_copy import copy_rows, type_number

            self._copy_rows = copy_rows
            self._type_numbers = [type_number(column_type, dialect) for column_type in types]
        else:
            self._statement = f"INSERT INTO {target} VALUES ({', '.join('?' for _ in names)}) {on_conflict}".rstrip()
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
                self._copy_rows(cursor, self._statement, self._type_numbers, rows)
        else:
            connection.exec_driver_sql(self._statement, rows)
