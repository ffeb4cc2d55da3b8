"""The store in a PostgreSQL database."""

from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg
from eventsourcing.utils import register_topic
from psycopg import Cursor
from psycopg.rows import DictRow
from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text

from infra.sql_views import postgres as analysts
from infra.sql_views.relations import Relation
from infra.store.backend import EventRow
from infra.store.engine import LOCKED
from infra.store.events.application import Fulfillment
from infra.store.leadership import Leadership, PostgresLeadership
from infra.store.opening import Access, NoStoreError
from infra.store.postgres.recorder import ArrayRecorder

register_topic("waybill.postgres", ArrayRecorder)

CONNECT_TIMEOUT_SECONDS = 10
LOCK_TIMEOUT_SECONDS = 60
IDLE_WRITER_SECONDS = 60
"""How long a transaction that writes may do nothing: its process is frozen or out of reach, and others wait for it."""
SCHEMA = "public"


class PostgresBackend:
    """Implements infra.store.backend.Backend. `url` is postgresql://USER:PASSWORD@HOST:PORT/DATABASE."""

    position = "notification_id"

    def __init__(self, url: str, access: Access = Access.ACTING):
        self.url = url
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query))
        self.engine = _engine(url, access)
        # Even where all is there, what the library does to make its tables would wait for whoever writes.
        tables_to_make = not inspect(self.engine).has_table(f"{Fulfillment.name}_events", SCHEMA)
        if tables_to_make and access is Access.READING:
            self.engine.dispose()
            raise NoStoreError(make_url(url).render_as_string(hide_password=True))
        self.application = Fulfillment(
            env={
                "PERSISTENCE_MODULE": "eventsourcing.postgres",
                "POSTGRES_DBNAME": parts.path.lstrip("/"),
                "POSTGRES_HOST": options.get("host") or parts.hostname or "127.0.0.1",
                "POSTGRES_PORT": str(parts.port or 5432),
                "POSTGRES_USER": unquote(parts.username or "postgres"),
                "POSTGRES_PASSWORD": unquote(parts.password or ""),
                "POSTGRES_SCHEMA": SCHEMA,
                "POSTGRES_LOCK_TIMEOUT": str(LOCK_TIMEOUT_SECONDS),
                "POSTGRES_POOL_SIZE": "1",
                "POSTGRES_MAX_OVERFLOW": "4",
                "CREATE_TABLE": "yes" if tables_to_make else "no",
                "ORIGINATOR_ID_TYPE": "text",
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
        return PostgresLeadership(role, self.url, self._recorder.channel_name)

    def define(self, relations: Sequence[Relation]) -> bool:
        return analysts.define(self.engine, relations)

    def redefine(self, connection: Connection, relations: Sequence[Relation]) -> None:
        analysts.redefine(connection, relations)

    def grant(self, role: str) -> list[str]:
        return analysts.grant(self.engine, role)

    def revoke(self, role: str) -> None:
        analysts.revoke(self.engine, role)

    def close(self) -> None:
        self.engine.dispose()
        self.application.close()


def _look_for_tables_in_their_schema(connection: psycopg.Connection, _: object) -> None:
    # A role's own schema comes first unless told otherwise, and a role named waybill has one: that of the analysts.
    connection.autocommit = True
    connection.execute(f"SET search_path TO {SCHEMA}")
    connection.autocommit = False


def _refuse_to_write(connection: psycopg.Connection, _: object) -> None:
    connection.autocommit = True
    connection.execute("SET default_transaction_read_only = on")
    connection.autocommit = False


def _engine(url: str, access: Access) -> Engine:
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS},
        pool_pre_ping=True,
    )
    event.listen(engine, "connect", _look_for_tables_in_their_schema)
    if access is Access.READING:
        event.listen(engine, "connect", _refuse_to_write)
    limits = text(
        f"SELECT set_config('lock_timeout', '{LOCK_TIMEOUT_SECONDS}s', true), "
        f"set_config('idle_in_transaction_session_timeout', '{IDLE_WRITER_SECONDS}s', true)"
    )

    @event.listens_for(engine, "begin")
    def limit_writers(connection: Connection) -> None:
        options: Any = connection.get_execution_options()
        if options.get(LOCKED, False):
            connection.execute(limits)

    return engine


def _cursor(connection: Connection) -> Cursor[DictRow]:
    """A cursor of the driver, within the transaction of SQLAlchemy's connection."""
    return cast(Cursor[DictRow], connection.connection.cursor())
