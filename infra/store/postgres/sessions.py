"""Sessions of a PostgreSQL store: all connections are opened here, with the same options and settings.

Waybill needs dedicated sessions: advisory locks, LISTEN and settings belong to a session. A transaction pooler
(PgBouncer's pool_mode = transaction) would leak them to other clients, so it is detected before anything is locked or
set.
"""

import random
import time
from collections.abc import Sequence
from contextlib import ExitStack

import psycopg
from psycopg.sql import SQL, Literal

from infra.store.opening import SharedSessionsError
from infra.store.postgres.connection_string import connection_parameters

SCHEMA = "public"

SETTINGS = {
    # The server's default time zone is that of its machine. In UTC, the first and the last instants of the calendar are
    # read as written; in other zones they fall into the years 0 and 10000, which Python does not have.
    "TimeZone": "UTC",
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    # By default a role's own schema comes first, and for a role named waybill this is the analysts' schema.
    "search_path": SCHEMA,
    # To compile a question's expressions takes longer than to answer it: half a second for one about the past.
    "jit": "off",
}
"""The settings of every session, regardless of the server, the database and the role."""
READ_ONLY = {"default_transaction_read_only": "on"}

PROBES = 3
LOOKS = 40
IDLE_MILLISECONDS = 50
IDLE_WAITS_SECONDS = (0.1, 0.3, 0.9, 2.7)


class Sessions:
    """Opens sessions of one connection string. Raises ValueError if it is invalid."""

    def __init__(self, url: str, *, read_only: bool = False):
        self.parameters = connection_parameters(url)
        self._settings = {**SETTINGS, **(READ_ONLY if read_only else {})}

    def open(self) -> psycopg.Connection:
        """A new connection that commits each statement. Raises psycopg.OperationalError."""
        connection = self._connect()
        try:
            self.prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def prepare(self, connection: psycopg.Connection[object]) -> None:
        """Apply the settings of a session; the connection commits each statement."""
        settings = SQL(", ").join(
            SQL("set_config({}, {}, false)").format(Literal(name), Literal(value))
            for name, value in self._settings.items()
        )
        connection.execute(SQL("SELECT {}").format(settings))

    def expect_own(self) -> None:
        """Raise SharedSessionsError unless each connection has a dedicated session. It sets and locks nothing.

        Without a pooler it costs one connection and one query.
        """
        with ExitStack() as stack:
            first = stack.enter_context(self._connect())
            if first.info.backend_pid == _backend(first):
                return
            # A pooler is in between: it gives clients its own numbers for cancelling.
            others = [stack.enter_context(self._connect()) for _ in range(PROBES - 1)]
            if _share_backends([first, *others]) or _outlives_its_backend(first):
                raise SharedSessionsError

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(**self.parameters, autocommit=True)


def _backend(connection: psycopg.Connection) -> int:
    """The server process that answers."""
    # Not prepared: the statement would stay with a process that may serve other clients.
    row = connection.execute("SELECT pg_backend_pid()", prepare=False).fetchone()
    assert row is not None
    return int(row[0])


def _share_backends(connections: Sequence[psycopg.Connection]) -> bool:
    """Whether one process answers two connections, or two processes one.

    In random order: otherwise a round-robin pooler could happen to give each connection its own process.
    """
    seen: dict[int, int] = {}
    for index in [*range(len(connections)), *random.choices(range(len(connections)), k=LOOKS)]:
        backend = _backend(connections[index])
        if seen.setdefault(index, backend) != backend:
            return True
    return len(set(seen.values())) < len(connections)


def _outlives_its_backend(connection: psycopg.Connection) -> bool:
    """Whether the connection survives the end of its idle server process, which means that it was not dedicated.

    This also detects several poolers in parallel, when each connection reached another one.
    """
    try:
        backend = _backend(connection)
        connection.execute(f"SET idle_session_timeout = {IDLE_MILLISECONDS}")
        for seconds in IDLE_WAITS_SECONDS:
            time.sleep(seconds)
            if _backend(connection) != backend:
                break
    except psycopg.OperationalError:
        return False
    return True
