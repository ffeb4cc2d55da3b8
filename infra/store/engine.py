"""SQLAlchemy engines over the store, for the tables that people query."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event

from infra.store.opening import StoreChangedError

LOCKED = "waybill_locked"

# SQLite's own 2 MB are too few for the inner pages of a register of millions of messages.
CACHE_KIBIBYTES = 16 * 1024


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection whose reads all see the store at one moment, whatever is written meanwhile."""
    level = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with engine.connect() as connection:
        yield connection.execution_options(**level)


def sqlite_engine(path: str, lock_timeout_seconds: int, *, durable: bool = True) -> Engine:
    """An engine over an SQLite file.

    A transaction begins when SQLAlchemy says so, not when the driver thinks fit; one with the execution option
    `waybill_locked` takes the write lock before it reads anything. With `durable` false, for a file that lasts for one
    question, a commit does not wait for the disk.
    """
    # Not written as text, in which a question mark or a percent sign of the path would mean something else.
    url = URL.create("sqlite", database=str(Path(path).absolute()))
    engine = create_engine(url, connect_args={"timeout": lock_timeout_seconds, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def take_over_transactions(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
        if not durable:
            connection.execute("PRAGMA synchronous = OFF")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        locked = connection.get_execution_options().get(LOCKED, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if locked else "BEGIN")

    return engine


class _ReadOnly(sqlite3.Connection):
    """A connection that reads; `stamp` is what the file was like when it began to read it without locks."""

    stamp: tuple[int, int] | None = None


def read_only_sqlite_engine(path: Path, lock_timeout_seconds: int) -> Engine:
    """An engine over an SQLite file that writes nothing, not even the files with which SQLite keeps readers apart.

    While other processes have the store open, those files (-wal, -shm) are there, and reading uses them. Otherwise
    nobody writes, and the file is read as one that does not change, without locks. Should a process begin to write
    meanwhile and change the file, the transaction ends with StoreChangedError instead of an answer that may be torn.
    """

    def stamp() -> tuple[int, int]:
        found = path.stat()
        return found.st_mtime_ns, found.st_size

    def connect() -> sqlite3.Connection:
        before = stamp()
        shared = path.with_name(f"{path.name}-wal").exists()
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode=ro{'' if shared else '&immutable=1'}",
            uri=True,
            timeout=lock_timeout_seconds,
            check_same_thread=False,
            isolation_level=None,
            factory=_ReadOnly,
        )
        connection.stamp = None if shared else before
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
        return connection

    # Each connection is a new one, so that it sees what was stored since the one before.
    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    @event.listens_for(engine, "rollback")
    def expect_unchanged(connection: Connection) -> None:
        read = connection.connection.dbapi_connection
        assert isinstance(read, _ReadOnly)
        if read.stamp is not None and read.stamp != stamp():
            raise StoreChangedError(f"{path} was written while it was read; run the same command again")

    return engine
