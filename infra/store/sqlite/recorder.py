"""The library's recorder on SQLite, with bulk inserts."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteCursor

from infra.store.backend import EventRow


class BulkRecorder(SQLiteApplicationRecorder):
    """Inserts a batch with one statement instead of one for each event."""

    def insert_all(self, cursor: sqlite3.Cursor, events: Sequence[EventRow]) -> None:
        """Insert within our own transaction, which also writes the register."""
        cursor.executemany(self.insert_events_statement, events)

    def _insert_events(self, c: SQLiteCursor, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:
        c.execute(self.select_max_notification_id_statement)
        before = int(c.fetchone()[0] or 0)
        c.executemany(
            self.insert_events_statement,
            [(e.originator_id, e.originator_version, e.topic, e.state) for e in stored_events],
        )
        # Rows are never deleted, and this transaction has the write lock, so positions have no gaps.
        return range(before + 1, before + 1 + len(stored_events))
