"""Opening a store: for reading, which writes nothing, or for acting, one process at a time.

If several processes open a store for acting at once, one creates the tables while the others wait.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

from eventsourcing.persistence import PersistenceError

from consumers.sources.reading_lock import held_lock
from infra.masking import masked_value

# Any number works, as long as every process uses the same.
POSTGRES_LOCK = 7_923_157
LOCK_TIMEOUT_SECONDS = 60


class Access(Enum):
    """The purpose of opening a store."""

    READING = "reading"
    """Nothing is written: no table, no lock, no file. The store must exist and have this code's version."""
    ACTING = "acting"
    """Missing parts are created: the file, the tables, the checkpoints of new projection versions."""


class StoreVersionError(Exception):
    """The store has another version than this code; the message says what to do."""


class NoStoreError(Exception):
    """There is no store to read; the message says how to configure or create one."""

    def __init__(self, store: str):
        shown = masked_value(store)
        super().__init__(
            f"there is no store at {shown}; set WAYBILL_STORE, or create one with waybill ingest; if it is lost, "
            "waybill restore --from makes it again from its archive"
        )


class SharedSessionsError(Exception):
    """Connections have no dedicated session; the message says what to do."""

    def __init__(self) -> None:
        super().__init__(
            "WAYBILL_STORE leads to a connection pooler that gives each transaction another session (PgBouncer's "
            "pool_mode = transaction or statement), and Waybill's locks would leak to others. Name PostgreSQL itself "
            "in WAYBILL_STORE, or a pool with pool_mode = session; analysts may use either"
        )


class StoreChangedError(Exception):
    """A store that was read without locks was changed meanwhile; the message says what to do."""


@contextmanager
def opening_alone(sqlite_path: str | None, url: str) -> Iterator[None]:
    """Hold the lock for opening: a file's, freed with its process, or on PostgreSQL an advisory one.

    Raises PersistenceError if the server cannot be reached, or if another process opens or migrates for too long.
    """
    if sqlite_path is None:
        import psycopg

        from infra.store.postgres.sessions import Sessions

        try:
            sessions = Sessions(url)
            sessions.expect_own()  # before taking a lock that would stay with another client's session
            connection = sessions.open()
            connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'")
            connection.execute("SELECT pg_advisory_lock(%s)", (POSTGRES_LOCK,))
        except psycopg.errors.LockNotAvailable as e:
            raise PersistenceError("lock timeout: another process has been opening or migrating it for too long") from e
        except psycopg.Error as e:
            raise PersistenceError(str(e)) from e
        with connection:
            yield
        return
    with held_lock(f"opening {Path(sqlite_path).absolute()}", wait=True):
        yield
