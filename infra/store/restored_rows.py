"""Restored rows: bulk inserts of rows with the numbers that they had in another store.

All of it is within the caller's transaction.
"""

from collections.abc import Mapping, Sequence
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

from infra.store.backend import Backend
from infra.store.bulk import BulkInsert
from infra.store.events.history import head_seen
from infra.store.exchange_rates import exchange_rates
from infra.store.keys import api_keys
from infra.store.pauses import pauses
from infra.store.reactions.failures import reaction_failures
from infra.store.reactions.tables import derived_messages, reaction_references, reaction_wakes
from infra.store.register.tables import (
    clock_holds,
    feeds,
    ignored_fields,
    left_out_records,
    letters_set_aside,
    malformed_messages,
    messages,
    notices,
    raw_messages,
    reactor_positions,
    snapshots,
    unreadable_batches,
)
from projections.views.columns import Amount

RESTORABLE: Mapping[str, Table] = {
    table.name: table
    for table in (
        messages,
        raw_messages,
        ignored_fields,
        malformed_messages,
        notices,
        feeds,
        clock_holds,
        letters_set_aside,
        reactor_positions,
        derived_messages,
        reaction_wakes,
        reaction_failures,
        unreadable_batches,
        left_out_records,
        pauses,
        exchange_rates,
    )
}
"""The tables whose rows come from an archive, by name; the events are beside them."""
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
    """Inserts, replaces and deletes rows of one of RESTORABLE, with values in the order of `columns`."""

    def __init__(self, backend: Backend, name: str, columns: Sequence[str]):
        self.table = RESTORABLE[name]
        self.columns = columns
        self.has_decimals = any(isinstance(self.table.c[column].type, Amount) for column in columns)
        self._key = [column.name for column in self.table.primary_key]
        quote = backend.engine.dialect.identifier_preparer.quote
        key, rest = self._key, [column for column in columns if column not in self._key]
        updated = ", ".join(f"{quote(column)} = excluded.{quote(column)}" for column in rest)
        on_conflict = f"ON CONFLICT ({', '.join(map(quote, key))}) DO UPDATE SET {updated}"
        self._insert = BulkInsert(self.table, backend.engine, columns)
        self._copies = backend.engine.dialect.name == "postgresql"
        if self._copies:
            target, part = quote(name), quote(f"restored_{name}")
            named = ", ".join(map(quote, columns))
            part_table = self.table.to_metadata(MetaData(), name=f"restored_{name}")
            self._replace = BulkInsert(part_table, backend.engine, columns)
            self._before = f"CREATE TEMPORARY TABLE {part} (LIKE {target} INCLUDING DEFAULTS) ON COMMIT DROP"
            self._after = f"INSERT INTO {target} ({named}) SELECT {named} FROM {part} {on_conflict}"
        else:
            self._replace = BulkInsert(self.table, backend.engine, columns, on_conflict)

    def insert(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows; the store has none with their keys."""
        self._insert(connection, rows)

    def replace(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows, in place of those with their keys; at most once in a transaction."""
        if rows and self._copies:
            connection.exec_driver_sql(self._before)
            self._replace(connection, rows)
            connection.exec_driver_sql(self._after)
        else:
            self._replace(connection, rows)

    def delete(self, connection: Connection, keys: Sequence[Mapping[str, Any]]) -> None:
        """Delete the rows with these keys, by the names of their columns, where there are any."""
        delete_rows(connection, self.table, self._key, keys)


def delete_rows(connection: Connection, table: Table, key: Sequence[str], keys: Sequence[Mapping[str, Any]]) -> None:
    """Delete the rows with these values of the columns `key`."""
    if keys:
        named = (table.c[name] == bindparam(f"the_{name}") for name in key)
        connection.execute(delete(table).where(*named), [{f"the_{name}": one[name] for name in key} for one in keys])


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
    for table in (*RESTORABLE.values(), *_COMPUTED):
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
