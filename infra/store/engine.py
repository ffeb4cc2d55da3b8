"""SQLAlchemy engines over the store, for the tables that people query."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

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
    engine = create_engine(
        f"sqlite:///{path}", connect_args={"timeout": lock_timeout_seconds, "check_same_thread": False}
    )

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
