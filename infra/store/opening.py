"""Opening a store: for reading, which writes nothing, or for acting, alone.

Of several processes that begin to act at once, one makes the tables while the others wait.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

from eventsourcing.persistence import PersistenceError

from consumers.sources.reading_lock import held_lock
from infra.masking import masked_value

# Any number will do, as long as every process asks for the same.
POSTGRES_LOCK = 7_923_157
LOCK_TIMEOUT_SECONDS = 60


class Access(Enum):
    """What a store is opened for."""

    READING = "reading"
    """Nothing is written: no table, no lock, no file. The store must be there, and of this code's version."""
    ACTING = "acting"
    """What is missing is made: the file, the tables, the positions of new versions of projections."""


class NoStoreError(Exception):
    """There is no store to read; the message says how to name or make one."""

    def __init__(self, store: str):
        shown = masked_value(store)
        super().__init__(f"there is no store at {shown}; set WAYBILL_STORE, or make one with waybill ingest")


class StoreChangedError(Exception):
    """A store that was read without locks was written meanwhile; the message says what to do."""


@contextmanager
def opening_alone(sqlite_path: str | None, url: str) -> Iterator[None]:
    """Hold the lock for opening: a file's, freed with its process, or on PostgreSQL an advisory one.

    Raises PersistenceError when the server cannot be reached, or another process opens or migrates for too long.
    """
    if sqlite_path is None:
        import psycopg

        from infra.store.postgres.sessions import Sessions

        try:
            sessions = Sessions(url)
            sessions.expect_own()  # before a lock is taken that would stay with somebody else's session
            connection = sessions.open()
            connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'")
            connection.execute("SELECT pg_advisory_lock(%s)", (POSTGRES_LOCK,))
        except psycopg.errors.LockNotAvailable as e:
            raise PersistenceError("lock timeout: another process has been opening or migrating it for long") from e
        except psycopg.Error as e:
            raise PersistenceError(str(e)) from e
        with connection:
            yield
        return
    with held_lock(f"opening {Path(sqlite_path).absolute()}", wait=True):
        yield
