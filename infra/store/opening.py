"""Opening a store alone: of several processes that begin at once, one makes the tables while the others wait."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eventsourcing.persistence import PersistenceError

from consumers.sources.reading_lock import held_lock

# Any number will do, as long as every process asks for the same.
POSTGRES_LOCK = 7_923_157
LOCK_TIMEOUT_SECONDS = 60


@contextmanager
def opening_alone(sqlite_path: str | None, url: str) -> Iterator[None]:
    """Hold the lock for opening: a file's, freed with its process, or on PostgreSQL an advisory one.

    Raises PersistenceError when the server cannot be reached, or another process opens or migrates for too long.
    """
    if sqlite_path is None:
        import psycopg

        try:
            connection = psycopg.connect(url, autocommit=True, connect_timeout=10)
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
