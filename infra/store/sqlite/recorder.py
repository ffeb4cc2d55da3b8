"""The event store on SQLite: the library's recorder, fit for batches and for several processes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteCursor


class RegisteringRecorder(SQLiteApplicationRecorder):
    """The library's recorder, with bulk inserts, and transactions that lock before they read."""

    def _insert_events(self, c: SQLiteCursor, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:
        before = self.newest_position(c)
        c.executemany(
            self.insert_events_statement,
            [(e.originator_id, e.originator_version, e.topic, e.state) for e in stored_events],
        )
        # Rows are never deleted, and this transaction has the write lock: the positions follow on without a gap.
        return range(before + 1, before + 1 + len(stored_events))

    def newest_position(self, c: SQLiteCursor) -> int:
        """The position of the newest event, 0 in an empty store."""
        c.execute(self.select_max_notification_id_statement)
        return int(c.fetchone()[0] or 0)

    @contextmanager
    def locked(self) -> Iterator[SQLiteCursor]:
        """A transaction that holds the write lock from its beginning.

        The library begins a deferred one: had it read before another process wrote, its own write would fail at once,
        without waiting for the lock.
        """
        with self.datastore.get_connection(commit=True) as connection:
            cursor = connection.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    @contextmanager
    def reading(self) -> Iterator[SQLiteCursor]:
        """A transaction that reads one state of the store."""
        with self.datastore.transaction(commit=False) as cursor:
            yield cursor
