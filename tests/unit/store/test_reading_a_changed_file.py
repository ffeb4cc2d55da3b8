"""Given an SQLite file that is read without locks, when a process begins to write to it meanwhile."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from infra.store.engine import READINGS_OF_A_CHANGED_FILE, read_only_sqlite_engine, while_unchanged
from infra.store.opening import StoreChangedError


def counted(path: Path, writes: list[int]) -> int:
    """How many rows there are; the next of `writes` is stored after they were counted."""
    engine = read_only_sqlite_engine(path, 5)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT count(*) FROM kept").scalar_one()
        if writes:
            with closing(sqlite3.connect(path)) as writer, writer:
                writer.execute("INSERT INTO kept VALUES (?)", (writes.pop(),))
        return int(rows)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "kept.db"
    with closing(sqlite3.connect(path)) as writer, writer:
        writer.execute("CREATE TABLE kept (number integer)")
    return path


def test_the_answer_is_read_again(path: Path) -> None:
    writes = [7]
    assert while_unchanged(lambda: counted(path, writes)) == 1
    assert writes == []


def test_it_is_read_again_with_locks_so_writers_that_come_and_go_end_no_other_reading(path: Path) -> None:
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
    engine = read_only_sqlite_engine(path, 5)
    read: list[tuple[int, int]] = []

    def counted_twice() -> tuple[int, int]:
        with engine.connect() as connection:
            before = connection.exec_driver_sql("SELECT count(*) FROM kept").scalar_one()
            with closing(sqlite3.connect(path)) as writer, writer:
                writer.execute("INSERT INTO kept VALUES (7)")
            read.append((before, connection.exec_driver_sql("SELECT count(*) FROM kept").scalar_one()))
            return read[-1]

    # when a writer comes and goes during each reading, then the second one is of one moment
    assert while_unchanged(counted_twice) == (1, 1)
    assert len(read) == 2
    # and so are all later ones
    assert while_unchanged(counted_twice) == (2, 2)
    assert len(read) == 3


def test_where_no_file_for_locks_can_be_made_it_is_read_without_locks(path: Path) -> None:
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
    engine = read_only_sqlite_engine(path, 5)
    with pytest.raises(StoreChangedError), engine.connect() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM kept").scalar_one()
        with closing(sqlite3.connect(path)) as writer, writer:
            writer.execute("INSERT INTO kept VALUES (7)")
    path.with_name(f"{path.name}-wal").symlink_to(path.parent / "nowhere" / "file")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM kept").scalar_one() == 1


def test_a_file_that_changes_each_time_is_an_error_that_says_so(path: Path) -> None:
    writes = list(range(READINGS_OF_A_CHANGED_FILE))
    with pytest.raises(StoreChangedError, match="written while it was read"):
        while_unchanged(lambda: counted(path, writes))
    assert writes == []
