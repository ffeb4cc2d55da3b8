"""Opening a store alone: of several processes that begin at once, one makes the tables while the others wait."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from consumers.sources.reading_lock import held_lock

# Any number will do, as long as every process asks for the same.
POSTGRES_LOCK = 7_923_157


@contextmanager
def opening_alone(sqlite_path: str | None, url: str) -> Iterator[None]:
    """Hold the lock for opening: a file's, freed with its process, or on PostgreSQL an advisory one."""
    if sqlite_path is None:
        import psycopg

        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", (POSTGRES_LOCK,))
            yield
        return
    with held_lock(f"opening {Path(sqlite_path).absolute()}", wait=True):
        yield
