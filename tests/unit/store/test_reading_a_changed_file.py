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


def test_a_file_that_changes_each_time_is_an_error_that_says_so(path: Path) -> None:
    writes = list(range(READINGS_OF_A_CHANGED_FILE))
    with pytest.raises(StoreChangedError, match="written while it was read"):
        while_unchanged(lambda: counted(path, writes))
    assert writes == []
