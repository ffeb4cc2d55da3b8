"""The store in one SQLite file."""

import sqlite3
from collections.abc import Sequence
from errno import ENOENT
from pathlib import Path
from typing import cast
from urllib.parse import quote

from eventsourcing.utils import register_topic
from sqlalchemy import Connection

from infra.sql_views import sqlite as analysts
from infra.sql_views.relations import NotAllowedError, Relation, Wanted
from infra.store.backend import EventRow
from infra.store.engine import CONNECTIONS, read_only_sqlite_engine, sqlite_engine
from infra.store.events.application import Fulfillment
from infra.store.leadership import FileLeadership, Leadership
from infra.store.opening import Access, NoStoreError
from infra.store.sqlite.file_ownership import begin_store, expect_ours
from infra.store.sqlite.recorder import BulkRecorder

LOCK_TIMEOUT_SECONDS = 60
NO_ROLES = (
    "the store is a file, and whoever can read the file can query its views; roles are those of a PostgreSQL store "
    "(WAYBILL_STORE=postgresql://…)"
)

register_topic("waybill.sqlite", BulkRecorder)


class SqliteBackend:
    """Implements infra.store.backend.Backend. `path` is relative to the working directory unless absolute.

    `connections` is the most that are open at once; see infra.store.engine.connections_for.
    """

    position = "rowid"

    def __init__(self, path: str, access: Access = Access.ACTING, connections: int = CONNECTIONS):
        self.url = f"sqlite:///{path}"
        self._path = Path(path).absolute()
        folder = self._path.parent
        reading = access is Access.READING
        if reading and (not self._path.is_file() or not self._path.stat().st_size):
            raise NoStoreError(self.url)
        if not folder.is_dir():
            raise FileNotFoundError(ENOENT, "the store's folder does not exist", str(folder))
        if not reading:
            begin_store(self._path, LOCK_TIMEOUT_SECONDS)
        expect_ours(self._path)
        self.application = Fulfillment(
            env={
                "PERSISTENCE_MODULE": "eventsourcing.sqlite",
                # As a URI with an escaped path.
                "SQLITE_DBNAME": f"file:{quote(str(self._path))}?mode={'ro' if reading else 'rwc'}",
                "CREATE_TABLE": "no" if reading else "yes",
                "SQLITE_LOCK_TIMEOUT": str(LOCK_TIMEOUT_SECONDS),
                "ORIGINATOR_ID_TYPE": "text",
                "MAPPER_TOPIC": "waybill.mapper",
                "APPLICATION_RECORDER_TOPIC": "waybill.sqlite",
            }
        )
        recorder = self.application.recorder
        assert isinstance(recorder, BulkRecorder)
        self._recorder = recorder
        self.events_table = recorder.events_table_name
        self.engine = (
            read_only_sqlite_engine(self._path, LOCK_TIMEOUT_SECONDS)
            if reading
            else sqlite_engine(path, LOCK_TIMEOUT_SECONDS, connections=connections)
        )

    def lock(self, connection: Connection) -> None:
        # Its transaction already has the write lock (see infra.store.engine).
        pass

    def insert_events(self, connection: Connection, events: Sequence[EventRow]) -> None:
        cursor = connection.connection.cursor()
        self._recorder.insert_all(cast(sqlite3.Cursor, cursor), events)
        cursor.close()

    def keys(self, width: int) -> str:
        if width == 1:
            return "(SELECT value AS k0 FROM json_each(:keys)) AS k"
        columns = ", ".join(f"json_extract(value, '$[{index}]') AS k{index}" for index in range(width))
        return f"(SELECT {columns} FROM json_each(:keys)) AS k"

    def leadership(self, role: str) -> Leadership:
        return FileLeadership(role, str(self._path))

    def define(self, wanted: Sequence[Relation] | Wanted) -> bool:
        return analysts.define(self.engine, wanted)

    def redefine(self, connection: Connection, relations: Sequence[Relation]) -> None:
        analysts.redefine(connection, relations)

    def remove(self, connection: Connection, relations: Sequence[Relation]) -> None:
        analysts.remove(connection, relations)

    def grant(self, role: str, *, fills_rates: bool = False) -> list[str]:
        raise NotAllowedError(NO_ROLES)

    def revoke(self, role: str) -> None:
        raise NotAllowedError(NO_ROLES)

    def close(self) -> None:
        self.engine.dispose()
        self.application.close()
