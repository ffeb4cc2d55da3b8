"""Restored rows: bulk inserts of rows with the numbers that they had in another store.

All of it is within the caller's transaction.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    LargeBinary,
    MetaData,
    Table,
    Text,
    bindparam,
    delete,
    select,
    text,
)

from infra.store.archived_tables import ARCHIVED_TABLES
from infra.store.backend import Backend
from infra.store.bulk import BulkInsert
from infra.store.events.history import head_seen
from infra.store.exchange_rates import exchange_rates
from infra.store.keys import api_keys
from infra.store.reactions.tables import reaction_references
from infra.store.register.tables import feeds, malformed_messages, messages, notices, snapshots
from projections.views.columns import Amount

_COMPUTED = (reaction_references, snapshots)
"""The tables that are filled while events are restored, or later."""
_SIGNS_OF_USE = (feeds, messages, malformed_messages, api_keys, exchange_rates)
_NUMBERED = ((feeds, "feed_id"), (notices, "notice_id"))


class RestoredEvents:
    """Inserts rows of (position, stream, version, topic, state)."""

    def __init__(self, backend: Backend):
        columns = (
            Column(backend.position, BigInteger),
            Column("originator_id", Text),
            Column("originator_version", BigInteger),
            Column("topic", Text),
            Column("state", LargeBinary),
        )
        self._insert = BulkInsert(Table(backend.events_table, MetaData(), *columns), backend.engine)

    def insert(self, connection: Connection, rows: Sequence[tuple[int, str, int, str, bytes]]) -> None:
        """Insert events at their positions; the store has none there."""
        self._insert(connection, rows)


class RestoredTable:
    """Inserts, replaces and deletes rows of one of ARCHIVED_TABLES, with values in the order of `columns`."""

    def __init__(self, backend: Backend, name: str, columns: Sequence[str]):
        table, engine = ARCHIVED_TABLES[name], backend.engine
        quote = engine.dialect.identifier_preparer.quote
        key = [column.name for column in table.primary_key]
        named = ", ".join(map(quote, columns))
        updated = ", ".join(f"{quote(column)} = excluded.{quote(column)}" for column in columns if column not in key)
        on_conflict = f"ON CONFLICT ({', '.join(map(quote, key))}) DO UPDATE SET {updated}"
        self.has_decimals = any(isinstance(table.c[column].type, Amount) for column in columns)
        self._key_places = {column: columns.index(column) for column in key}
        self._delete = delete(table).where(*(table.c[column] == bindparam(f"the_{column}") for column in key))
        self._insert = BulkInsert(table, engine, columns)
        self._copies = engine.dialect.name == "postgresql"
        if self._copies:
            part = f"restored_{name}"
            self._replace = BulkInsert(table.to_metadata(MetaData(), name=part), engine, columns)
            self._before = f"CREATE TEMPORARY TABLE {part} (LIKE {quote(name)} INCLUDING DEFAULTS) ON COMMIT DROP"
            self._after = f"INSERT INTO {quote(name)} ({named}) SELECT {named} FROM {part} {on_conflict}"
        else:
            self._replace = BulkInsert(table, engine, columns, on_conflict)

    def key_of(self, row: Sequence[Any]) -> tuple[Any, ...]:
        """The values of the row's key."""
        return tuple(row[place] for place in self._key_places.values())

    def insert(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows; the store has none with their keys."""
        self._insert(connection, rows)

    def replace(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows with different keys, in place of those with these; at most once in a transaction."""
        if rows and self._copies:
            connection.exec_driver_sql(self._before)
            self._replace(connection, rows)
            connection.exec_driver_sql(self._after)
        else:
            self._replace(connection, rows)

    def delete(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
        """Delete the rows with the keys of these, where there are any."""
        if rows:
            keys = [{f"the_{column}": row[place] for column, place in self._key_places.items()} for row in rows]
            connection.execute(self._delete, keys)


def what_it_has(connection: Connection, backend: Backend) -> list[str]:
    """What is in a store that nobody may restore into, in words; empty if there is nothing."""
    head = head_seen(connection, backend)
    found = [f"events up to position {head:,}"] if head else []
    for table in _SIGNS_OF_USE:
        if connection.execute(select(*table.primary_key).limit(1)).first() is not None:
            found.append(f"rows in {table.name}")
    return found


def empty(connection: Connection, backend: Backend) -> None:
    """Delete all rows that a restore brings."""
    connection.execute(text(f"DELETE FROM {backend.events_table}"))
    for table in (*ARCHIVED_TABLES.values(), *_COMPUTED):
        connection.execute(delete(table))


def number_on(connection: Connection, backend: Backend) -> None:
    """Let new rows get the numbers after those that are there. SQLite does so by itself."""
    if backend.engine.dialect.name != "postgresql":
        return
    for table, column in ((backend.events_table, backend.position), *((one.name, name) for one, name in _NUMBERED)):
        connection.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), greatest(max({column}), 1), "
                f"max({column}) IS NOT NULL) FROM {table}"
            )
        )
