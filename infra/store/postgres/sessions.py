"""Sessions of a PostgreSQL store: every connection is opened here, with the same options and the same settings.

Waybill needs sessions of its own: advisory locks, LISTEN and settings live as long as a session. A pooler that gives
each transaction another session (PgBouncer's pool_mode = transaction) would spread them over its clients, so it is
detected before anything is locked or set.
"""

import random
import time
from collections.abc import Sequence
from contextlib import ExitStack

import psycopg
from psycopg.sql import SQL, Literal

from infra.store.postgres.connection_string import connection_parameters

SCHEMA = "public"

SETTINGS = {
    # The server's time zone is that of the machine on which it was made. In UTC, the first and the last instants of
    # the calendar are read as they were written; elsewhere they fall into the years 0 and 10000, which Python has not.
    "TimeZone": "UTC",
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    # A role's own schema comes first unless told otherwise, and a role named waybill has one: that of the analysts.
    "search_path": SCHEMA,
}
"""What a session sets, whatever the server, the database or the role would."""
READ_ONLY = {"default_transaction_read_only": "on"}

PROBES = 3
LOOKS = 40
IDLE_MILLISECONDS = 50
IDLE_WAITS_SECONDS = (0.1, 0.3, 0.9, 2.7)


class SharedSessionsError(Exception):
    """Connections have no session of their own; the message says what to do."""

    def __init__(self) -> None:
        super().__init__(
            "WAYBILL_STORE leads to a connection pooler that gives each transaction another session (PgBouncer's "
            "pool_mode = transaction or statement), and Waybill's locks would leak to others. Name PostgreSQL itself "
            "in WAYBILL_STORE, or a pool with pool_mode = session; analysts may use either"
        )


class Sessions:
    """Opens sessions of one connection string. Raises ValueError when it cannot be read."""

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
        """Set what a session sets; the connection commits each statement."""
        settings = SQL(", ").join(
            SQL("set_config({}, {}, false)").format(Literal(name), Literal(value))
            for name, value in self._settings.items()
        )
        connection.execute(SQL("SELECT {}").format(settings))

    def expect_own(self) -> None:
        """Raise SharedSessionsError unless each connection has a session of its own. Sets and locks nothing of ours.

        Without a pooler it costs one connection and one query.
        """
        with ExitStack() as stack:
            first = stack.enter_context(self._connect())
            if first.info.backend_pid == _backend(first):
                return
            # Somebody stands between: a pooler tells its clients numbers of its own, for cancelling.
            others = [stack.enter_context(self._connect()) for _ in range(PROBES - 1)]
            if _share_backends([first, *others]) or _outlives_its_backend(first):
                raise SharedSessionsError

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(**self.parameters, autocommit=True)


def _backend(connection: psycopg.Connection) -> int:
    """The process of the server that answers."""
    # Not prepared: the statement would stay with a process that may answer others.
    row = connection.execute("SELECT pg_backend_pid()", prepare=False).fetchone()
    assert row is not None
    return int(row[0])


def _share_backends(connections: Sequence[psycopg.Connection]) -> bool:
    """Whether one process answers two connections, or two processes one.

    In no fixed order: a pooler that takes its servers in turn could otherwise happen to give each its own.
    """
    seen: dict[int, int] = {}
    for index in [*range(len(connections)), *random.choices(range(len(connections)), k=LOOKS)]:
        backend = _backend(connections[index])
        if seen.setdefault(index, backend) != backend:
            return True
    return len(set(seen.values())) < len(connections)


def _outlives_its_backend(connection: psycopg.Connection) -> bool:
    """Whether the connection goes on when its process of the server has ended, being idle: it was never its own.

    This tells also where several poolers stand side by side, and each of the connections met another one.
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
