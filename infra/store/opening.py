"""Opening a store alone: of several processes that begin at once, one makes the tables while the others wait."""

import fcntl
import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
    name = hashlib.sha256(str(Path(sqlite_path).absolute()).encode()).hexdigest()[:24]
    with (Path(tempfile.gettempdir()) / f"waybill-opening-{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
