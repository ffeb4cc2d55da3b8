"""The store in a PostgreSQL database."""

from collections.abc import Sequence
from typing import Any, cast

import psycopg
from eventsourcing.utils import register_topic
from psycopg import Cursor
from psycopg.rows import DictRow
from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import OperationalError

from infra.sql_views import postgres as analysts
from infra.sql_views.relations import Relation, Wanted
from infra.store.backend import EventRow
from infra.store.engine import ASYNCHRONOUS_COMMIT, CONNECTIONS, LOCKED, pool_of
from infra.store.events.application import Fulfillment
from infra.store.leadership import Leadership
from infra.store.opening import Access, NoStoreError
from infra.store.postgres.datastore import LOCK_TIMEOUT_SECONDS, library_environment
from infra.store.postgres.leadership import PostgresLeadership
from infra.store.postgres.recorder import ArrayRecorder
from infra.store.postgres.sessions import SCHEMA, Sessions

register_topic("waybill.postgres", ArrayRecorder)

IDLE_WRITER_SECONDS = 60
"""How long a writing transaction may be idle: its process is frozen or unreachable, and others wait for it."""


class PostgresBackend:
    """Implements infra.store.backend.Backend. `url` is postgresql://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE.

    `connections` is the most that are open at once; see infra.store.engine.connections_for.
    Raises NoStoreError for an empty database opened for reading, and SharedSessionsError behind a transaction pooler.
    """

    position = "notification_id"

    def __init__(self, url: str, access: Access = Access.ACTING, connections: int = CONNECTIONS):
        self.url = url
        self._sessions = Sessions(url, read_only=access is Access.READING)
        if access is Access.READING:  # for acting, infra.store.opening has checked this before taking a lock
            _expect_own(self._sessions)
        self.engine = _engine(self._sessions, connections)
        # Even if all tables exist, the library's creation of tables would wait for writers.
        tables_to_make = not inspect(self.engine).has_table(f"{Fulfillment.name}_events", SCHEMA)
        if tables_to_make and access is Access.READING:
            self.engine.dispose()
            raise NoStoreError(url)
        self.application = Fulfillment(
            env={
                **library_environment(url, access, tables_to_make=tables_to_make),
                "MAPPER_TOPIC": "waybill.mapper",
                "APPLICATION_RECORDER_TOPIC": "waybill.postgres",
            }
        )
        recorder = self.application.recorder
        assert isinstance(recorder, ArrayRecorder)
        self._recorder = recorder
        self.events_table = recorder.events_table_name

    def lock(self, connection: Connection) -> None:
        with _cursor(connection) as cursor:
            self._recorder.lock(cursor)

    def insert_events(self, connection: Connection, events: Sequence[EventRow]) -> None:
        with _cursor(connection) as cursor:
            self._recorder.insert_all(cursor, events)

    def keys(self, width: int) -> str:
        if width == 1:
            return "json_array_elements_text(CAST(:keys AS json)) AS k (k0)"
        columns = ", ".join(f"value ->> {index} AS k{index}" for index in range(width))
        return f"(SELECT {columns} FROM json_array_elements(CAST(:keys AS json))) AS k"

    def leadership(self, role: str) -> Leadership:
        return PostgresLeadership(role, self._sessions, self._recorder.channel_name)

    def define(self, wanted: Sequence[Relation] | Wanted) -> bool:
        return analysts.define(self.engine, wanted)

    def redefine(self, connection: Connection, relations: Sequence[Relation]) -> None:
        analysts.redefine(connection, relations)

    def remove(self, connection: Connection, relations: Sequence[Relation]) -> None:
        analysts.remove(connection, relations)

    def grant(self, role: str, *, fills_rates: bool = False) -> list[str]:
        return analysts.grant(self.engine, role, fills_rates=fills_rates)

    def revoke(self, role: str) -> None:
        analysts.revoke(self.engine, role)

    def close(self) -> None:
        self.engine.dispose()
        self.application.close()


def _expect_own(sessions: Sessions) -> None:
    try:
        sessions.expect_own()
    except psycopg.Error as e:
        raise OperationalError("connecting", None, e) from e


def _engine(sessions: Sessions, connections: int) -> Engine:
    def connect() -> psycopg.Connection:
        connection = sessions.open()
        connection.autocommit = False
        return connection

    engine = create_engine("postgresql+psycopg://", creator=connect, pool_pre_ping=True, **pool_of(connections))
    limits = (
        f"SELECT set_config('lock_timeout', '{LOCK_TIMEOUT_SECONDS}s', true), "
        f"set_config('idle_in_transaction_session_timeout', '{IDLE_WRITER_SECONDS}s', true)"
    )
    waiting = text(limits)
    not_waiting = text(f"{limits}, set_config('synchronous_commit', 'off', true)")

    @event.listens_for(engine, "begin")
    def limit_writers(connection: Connection) -> None:
        options: Any = connection.get_execution_options()
        if options.get(LOCKED, False):
            connection.execute(not_waiting if options.get(ASYNCHRONOUS_COMMIT, False) else waiting)

    return engine


def _cursor(connection: Connection) -> Cursor[DictRow]:
    """A cursor of the driver, within the transaction of SQLAlchemy's connection."""
    return cast(Cursor[DictRow], connection.connection.cursor())
