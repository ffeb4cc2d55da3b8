"""The bare database: the rows that ingest wrote, inserted again with the method that ingest uses, and nothing else.

Opening the stores, reading the rows and sorting them come before the part that counts.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg.sql import SQL, Identifier

from infra.app.container import Waybill, open_backend
from infra.settings import Settings
from infra.store.engine import CACHE_KIBIBYTES

TABLES = ("messages", "ignored_fields", "raw_messages", "notices")
"""What ingest writes for messages, beside events. Rows that it changes later are inserted as they are in the end."""


class Rows(NamedTuple):
    """Rows of one table in the order in which they came, with the types of their columns where they are known."""

    table: str
    columns: Sequence[str]
    types: Sequence[int]
    rows: list[tuple[Any, ...]]

    def part(self, first: int, batch: int, of: int) -> list[tuple[Any, ...]]:
        """A batch's share of the rows: as many in a hundred as the batch has of all `of` events."""
        begin, end = (min(place, of) * len(self.rows) // of for place in (first, first + batch))
        return self.rows[begin:end]


def raw_insert(store: str, target: str, batch: int) -> Iterator[int]:
    """With executemany into an SQLite file of the same tables, a transaction for each batch. Commits are durable."""
    Waybill(Settings(store=target)).close()
    source = sqlite3.connect(_path(store))
    written = _written(source.execute, "stored_events", "rowid")
    source.close()
    connection = sqlite3.connect(_path(target), isolation_level=None)
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
    statements = [
        f"INSERT INTO {table} ({', '.join(map(_quoted, columns))}) VALUES ({', '.join('?' for _ in columns)})"
        for table, columns, *_ in written
    ]
    yield 0
    events = len(written[0].rows)
    for first in range(0, events, batch):
        connection.execute("BEGIN IMMEDIATE")
        for statement, rows in zip(statements, written, strict=True):
            connection.executemany(statement, rows.part(first, batch, events))
        connection.execute("COMMIT")
    yield events
    connection.close()


def raw_copy(store: str, target: str, batch: int) -> Iterator[int]:
    """With binary COPY into a PostgreSQL database of the same tables, a transaction for each batch."""
    Waybill(Settings(store=target)).close()
    backend = open_backend(Settings(store=store))
    backend.close()
    with psycopg.connect(store) as source:
        written = _written(source.execute, backend.events_table, backend.position)
    statements = [
        SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
            Identifier(table), SQL(", ").join(map(Identifier, columns))
        )
        for table, columns, *_ in written
    ]
    with psycopg.connect(target, autocommit=True) as connection:
        yield 0
        events = len(written[0].rows)
        for first in range(0, events, batch):
            with connection.transaction(), connection.cursor() as cursor:
                for statement, rows in zip(statements, written, strict=True):
                    if part := rows.part(first, batch, events):
                        with cursor.copy(statement) as copy:
                            copy.set_types(rows.types)
                            for row in part:
                                copy.write_row(row)
        yield events


def _written(execute: Any, events_table: str, position: str) -> list[Rows]:
    """Events first, then the register's tables, each in the order of the events that its rows belong to."""
    columns = "originator_id, originator_version, topic, state"
    events = _read(execute, events_table, f"SELECT {columns} FROM {events_table} ORDER BY {position}")
    places = {event[:2]: place for place, event in enumerate(events.rows)}
    tables = [_read(execute, table, f"SELECT * FROM {table}") for table in TABLES]
    messages = tables[0]
    stream, version = messages.columns.index("stream"), messages.columns.index("version")
    messages.rows.sort(key=lambda row: places[row[stream], row[version]])
    return [events, *tables]


def _read(execute: Any, table: str, query: str) -> Rows:
    cursor = execute(query)
    columns = [column[0] for column in cursor.description]
    types = [column[1] for column in cursor.description]
    return Rows(table, columns, types, [tuple(row) for row in cursor.fetchall()])


def _path(store: str) -> str:
    return store.removeprefix("sqlite:///")


def _quoted(name: str) -> str:
    return f'"{name}"'
