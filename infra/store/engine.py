"""SQLAlchemy engines over the store, for the tables that people query."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from infra.store.lock_waits import wanting_the_lock
from infra.store.opening import StoreChangedError
from infra.store.sqlite.decimal_functions import add_decimal_functions
from infra.store.sqlite.reading import failure_of, open_to_read

LOCKED = "waybill_locked"
"""An execution option: the transaction takes the store's locks for writing, with their time limits."""
ASYNCHRONOUS_COMMIT = "waybill_asynchronous_commit"
"""An execution option, beside LOCKED: on PostgreSQL, the commit does not wait for the disk.

Only for work that follows from what is stored and is done again if its commit is lost: see
docs/decisions/030-projectors-do-not-wait-for-the-disk.md.
"""

# SQLite's default of 2 MB is too small for the inner pages of a register of millions of messages.
CACHE_KIBIBYTES = 16 * 1024
READINGS_OF_A_CHANGED_FILE = 3
CONNECTIONS_KEPT = 5
"""How many connections a pool keeps open while they are idle."""
CONNECTIONS = 15
"""The most connections of a pool, unless many threads need more."""
CONNECTIONS_A_THREAD = 2
"""What a thread needs at most at once: a snapshot, and a question beside it."""
SECONDS_FOR_A_CONNECTION = 10.0
"""How long work waits while all connections are in use; then it fails as when the store is unavailable."""

T = TypeVar("T")


def connections_for(threads: int) -> int:
    """The most connections of a process in which so many threads read: enough for all, and for those that write."""
    return CONNECTIONS + CONNECTIONS_A_THREAD * threads


def pool_of(connections: int) -> dict[str, Any]:
    """The options of an engine whose pool has at most so many connections."""
    kept = min(CONNECTIONS_KEPT, connections)
    return {"pool_size": kept, "max_overflow": connections - kept, "pool_timeout": SECONDS_FOR_A_CONNECTION}


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection whose reads all see the store at one moment, regardless of writes."""
    level = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with engine.connect() as connection:
        yield connection.execution_options(**level)


def each_statement_alone(engine: Engine) -> Engine:
    """The engine for reads that are one statement each: on PostgreSQL, nothing is sent to begin and end a transaction.

    Each of the two would be a round trip, as long as that of the statement.
    """
    if engine.dialect.name != "postgresql":
        return engine
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def connected(engine: Engine, connection: Connection | None) -> AbstractContextManager[Connection]:
    """The given connection, which stays open, or a new one if there is none."""
    return engine.connect() if connection is None else nullcontext(connection)


def read_in_snapshot(engine: Engine, read: Callable[[Connection], T]) -> T:
    """What `read` returns for a snapshot; see `while_unchanged`."""

    def read_once() -> T:
        with snapshot(engine) as connection:
            return read(connection)

    return while_unchanged(read_once)


def while_unchanged(read: Callable[[], T]) -> T:
    """What `read` returns.

    If a process begins to write to a file that was read without locks, it reads again, now with locks.
    """
    attempts = Retrying(
        retry=retry_if_exception_type(StoreChangedError),
        stop=stop_after_attempt(READINGS_OF_A_CHANGED_FILE),
        reraise=True,
    )
    return attempts(read)


def sqlite_engine(
    path: str, lock_timeout_seconds: int, *, durable: bool = True, connections: int = CONNECTIONS
) -> Engine:
    """An engine over an SQLite file.

    A transaction begins when SQLAlchemy says so, not when the driver decides. With the execution option
    `waybill_locked` it takes the write lock before it reads. With `durable` false, for temporary files, a commit does
    not wait for the disk. Connections have the functions of projections/views/decimals.py.
    """
    # Not as text, in which a question mark or a percent sign in the path would have a special meaning.
    url = URL.create("sqlite", database=str(Path(path).absolute()))
    arguments = {"timeout": lock_timeout_seconds, "check_same_thread": False}
    engine = create_engine(url, connect_args=arguments, **pool_of(connections))

    @event.listens_for(engine, "connect")
    def take_over_transactions(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
        add_decimal_functions(connection)
        if not durable:
            connection.execute("PRAGMA synchronous = OFF")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        locked = connection.get_execution_options().get(LOCKED, False)
        if not locked:
            connection.exec_driver_sql("BEGIN")
            return
        with wanting_the_lock():
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


class _ReadOnly(sqlite3.Connection):
    """A reading connection; `stamp` is the state of the file when it began to read without locks."""

    stamp: tuple[int, int] | None = None


def read_only_sqlite_engine(path: Path, lock_timeout_seconds: int) -> Engine:
    """An engine over an SQLite file that writes nothing, not even SQLite's files for coordinating readers.

    While other processes have the store open, those files (-wal, -shm) exist, and reading uses them. Otherwise no
    process writes, and the file is read as immutable, without locks. If a process begins to write meanwhile, the
    transaction ends with StoreChangedError instead of an inconsistent answer. From then on the engine reads with locks,
    so whoever reads again is not disturbed again, however often writers come and go.
    """
    disturbed = False

    def stamp() -> tuple[int, int]:
        found = path.stat()
        return found.st_mtime_ns, found.st_size

    def opened(*, in_use: bool) -> _ReadOnly:
        return open_to_read(
            path, lock_timeout_seconds, _ReadOnly, in_use=in_use, check_same_thread=False, isolation_level=None
        )

    def connect() -> sqlite3.Connection:
        before = stamp()
        shared = path.with_name(f"{path.name}-wal").exists()
        connection = opened(in_use=shared or disturbed)
        if disturbed and not shared and failure_of(connection) == sqlite3.SQLITE_CANTOPEN:
            # In a folder of others, only they can make the files for locks.
            connection.close()
            connection = opened(in_use=False)
            connection.stamp = before
        elif not shared and not disturbed:
            connection.stamp = before
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
        add_decimal_functions(connection)
        return connection

    # Each connection is new, so that it sees everything stored so far.
    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    @event.listens_for(engine, "rollback")
    def expect_unchanged(connection: Connection) -> None:
        read = connection.connection.dbapi_connection
        assert isinstance(read, _ReadOnly)
        if read.stamp is not None and read.stamp != stamp():
            nonlocal disturbed
            disturbed = True
            raise StoreChangedError(f"{path} was written while it was read; run the same command again")

    return engine
