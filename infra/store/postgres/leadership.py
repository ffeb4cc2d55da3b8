"""Leadership on PostgreSQL: the claim is an advisory lock, and NOTIFY announces new events."""

from contextlib import suppress
from threading import Event

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy.exc import OperationalError

from infra.store.opening import SharedSessionsError
from infra.store.postgres.sessions import Sessions

LEASE_SECONDS = 30
"""How long the server keeps the claim of a silent leader: much longer than a batch takes."""


class PostgresLeadership:
    """The claim is an advisory lock of the server, and NOTIFY announces new events: both use one connection.

    The server ends a connection that is silent for too long. So a process that is frozen, or whose machine disappeared,
    loses its claim too. If it wakes up, its next write fails at the checkpoint. Raises sqlalchemy's OperationalError if
    the server cannot be reached; the next call connects again. Raises SharedSessionsError if another session answers
    than the one that holds the lock.
    """

    announces = True
    # How often a waiting process checks its stop and its connection.
    LOOK_SECONDS = 0.5

    def __init__(self, role: str, sessions: Sessions, channel: str):
        self._role = role
        self._sessions = sessions
        self._channel = channel
        self._connection: psycopg.Connection | None = None
        self._claimed = False
        self._claimed_by: int | None = None

    def claim(self) -> bool:
        try:
            connection = self._connected()
            if self._claimed:
                # This keeps the connection active, and shows whether the claim was lost.
                row = connection.execute("SELECT pg_backend_pid()").fetchone()
                if row is None or row[0] != self._claimed_by:
                    raise SharedSessionsError  # a pooler was switched to transaction pooling meanwhile
            else:
                row = connection.execute(
                    "SELECT pg_try_advisory_lock(hashtext('waybill'), hashtext(%s)), pg_backend_pid()", (self._role,)
                ).fetchone()
                self._claimed, self._claimed_by = (False, None) if row is None else (bool(row[0]), row[1])
        except psycopg.OperationalError as e:
            raise self._lost(e) from e
        return self._claimed

    def wait(self, stop: Event, seconds: float) -> None:
        try:
            connection = self._connected()
            while seconds > 0 and not stop.is_set():
                for _ in connection.notifies(timeout=min(seconds, self.LOOK_SECONDS), stop_after=1):
                    return
                # This notices a lost server even without notifications.
                connection.execute("SELECT 1")
                seconds -= self.LOOK_SECONDS
        except psycopg.OperationalError as e:
            raise self._lost(e) from e

    def close(self) -> None:
        if self._connection is not None:
            if self._claimed:
                # Closing also releases it, but only when the server notices.
                with suppress(psycopg.Error):
                    self._connection.execute("SELECT pg_advisory_unlock_all()")
            self._connection.close()
            self._connection = None
        self._claimed = False

    def _connected(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            self._claimed = False
            self._connection = self._sessions.open()
            self._connection.execute(SQL("SET idle_session_timeout = {}").format(f"{LEASE_SECONDS}s"))
            self._connection.execute(SQL("LISTEN {}").format(Identifier(self._channel)))
        return self._connection

    def _lost(self, error: psycopg.OperationalError) -> OperationalError:
        self.close()
        return OperationalError("claiming leadership", None, error)
