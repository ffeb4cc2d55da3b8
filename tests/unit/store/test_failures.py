"""A full disk, a damaged store and a lack of memory are called by their names, whoever reports them."""

import errno
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg.errors
import pytest
from eventsourcing.persistence import PersistenceError
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from infra.store.failures import Failure, failure_of, reason_of
from infra.store.retries import is_wrong_sql, passes


def full_file(path: Path) -> None:
    """A real database that may not grow: SQLite reports it as a full disk."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a)")
        connection.execute("PRAGMA max_page_count = 3")
        connection.execute("INSERT INTO t VALUES (zeroblob(100000))")


def damaged_file(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE t (a)")
        connection.executemany("INSERT INTO t VALUES (?)", [("x" * 900,)] * 50)
    with path.open("rb+") as file:
        file.seek(4096)
        file.write(b"\xff" * 40_000)
    with create_engine(f"sqlite:///{path}").connect() as reading:
        reading.execute(text("SELECT sum(length(a)) FROM t"))


def no_database(path: Path) -> None:
    path.write_bytes(b"not a database at all, " * 400)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT * FROM t")


def text_that_is_none(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT CAST(x'ff' AS TEXT)").fetchone()


@pytest.mark.parametrize(
    ("failing", "failure", "said"),
    [
        (full_file, Failure.FULL_DISK, "the disk is full (database or disk is full)"),
        (damaged_file, Failure.DAMAGED, "the store is damaged (database disk image is malformed)"),
        (no_database, Failure.DAMAGED, "the store is damaged (file is not a database)"),
        (text_that_is_none, Failure.DAMAGED, "the store is damaged (Could not decode to UTF-8 column"),
    ],
)
def test_what_sqlite_reports(failing: Callable[[Path], None], failure: Failure, said: str, tmp_path: Path) -> None:
    with pytest.raises((sqlite3.Error, DBAPIError)) as raised:
        failing(tmp_path / "file.db")
    assert failure_of(raised.value) is failure
    assert reason_of(raised.value).startswith(said)
    assert not passes(raised.value)


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (psycopg.errors.DiskFull("could not extend file"), Failure.FULL_DISK),
        (psycopg.errors.DataCorrupted("invalid page in block 3"), Failure.DAMAGED),
        (psycopg.errors.IndexCorrupted("x"), Failure.DAMAGED),
        (psycopg.errors.OutOfMemory("out of memory"), Failure.OUT_OF_MEMORY),
        (psycopg.errors.IoError("could not read block"), Failure.DISK),
        (OSError(errno.ENOSPC, "No space left on device", "view.csv"), Failure.FULL_DISK),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), Failure.FULL_DISK),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), Failure.OUT_OF_MEMORY),
        (MemoryError(), Failure.OUT_OF_MEMORY),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "x"), None),
        (psycopg.errors.UniqueViolation("x"), None),
        (ValueError("x"), None),
    ],
    ids=repr,
)
def test_what_others_report(error: Exception, failure: Failure | None) -> None:
    assert failure_of(error) is failure
    try:
        raise PersistenceError("it failed") from error
    except PersistenceError as wrapped:
        assert failure_of(wrapped) is failure


def test_a_name_that_the_driver_says_itself_is_not_said_twice() -> None:
    assert reason_of(psycopg.errors.OutOfMemory("out of memory")) == "out of memory"
    assert reason_of(psycopg.errors.UniqueViolation("duplicate key\nDETAIL: (1)")) == "duplicate key"


def test_a_statement_that_the_store_cannot_parse_is_a_fault_of_the_statement() -> None:
    with closing(sqlite3.connect(":memory:")) as store:
        for statement, is_wrong in (("SELEC 1", True), ("SELECT 1 FROM nowhere", False)):
            with pytest.raises(sqlite3.OperationalError) as raised:
                store.execute(statement)
            assert is_wrong_sql(raised.value) is is_wrong
    assert is_wrong_sql(psycopg.errors.SyntaxError())
    assert not is_wrong_sql(psycopg.errors.UndefinedTable())
