"""The library's recorder on PostgreSQL, with COPY for batches, and plain arrays where single events are saved."""

from collections.abc import Sequence
from typing import Any

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier

from infra.store.backend import EventRow


class ArrayRecorder(PostgresApplicationRecorder):
    """Copies a batch in: a fifth of the time of the library's arrays of a composite type, in the same transaction.

    Where the library saves events itself it wants their positions back; then they go in as four plain arrays.
    """

    def __init__(self, datastore: PostgresDatastore, *, events_table_name: str = "stored_events"):
        super().__init__(datastore, events_table_name=events_table_name)
        self._copy = SQL("COPY {schema}.{table} (originator_id, originator_version, topic, state) FROM STDIN").format(
            schema=Identifier(datastore.schema), table=Identifier(events_table_name)
        )
        self._insert_arrays = SQL(
            "INSERT INTO {schema}.{table} (originator_id, originator_version, topic, state) "
            "SELECT * FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::bytea[]) RETURNING notification_id"
        ).format(schema=Identifier(datastore.schema), table=Identifier(events_table_name))

    def lock(self, cursor: Cursor[DictRow]) -> None:
        """Keep other writers of events out until the transaction ends."""
        self._lock_table(cursor)

    def insert_all(self, cursor: Cursor[DictRow], events: Sequence[EventRow]) -> None:
        """Insert within a transaction that is not the library's own: the register is written in the same one."""
        # The lock makes the order of positions that of the commits, so that who follows them skips nothing (see the
        # library's _lock_table; a rolled-back transaction leaves a gap). NOTIFY wakes the projectors.
        self._lock_table(cursor)
        self._notify_channel(cursor)
        with cursor.copy(self._copy) as copy:
            for event in events:
                copy.write_row(event)

    def _insert_stored_events(self, curs: Cursor[DictRow], stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        self._lock_table(curs)
        self._notify_channel(curs)
        events = [(str(e.originator_id), e.originator_version, e.topic, e.state) for e in stored_events]
        curs.execute(self._insert_arrays, [list(column) for column in zip(*events, strict=True)])
