"""A store in a file knows its own, leaves a database of something else alone, and is for its owner alone."""

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from infra.app.container import Waybill
from infra.app.migrate import migrate_store
from infra.settings import Settings
from infra.store.engine import sqlite_engine
from infra.store.opening import Access
from infra.store.schema_version import upgrade
from infra.store.sqlite.file_ownership import APPLICATION_ID, TABLES, NotAStoreError, begin_store, expect_ours

FOREIGN = {
    "a table of one of our names": ["CREATE TABLE feeds (url TEXT, title TEXT)"],
    "a view of one of our names": ["CREATE TABLE t (a)", "CREATE VIEW stored_events AS SELECT a FROM t"],
    "views with our names and columns": [
        "CREATE TABLE t (a)",
        *(
            "CREATE VIEW {} ({}) AS SELECT {} FROM t".format(
                table, ", ".join(f'"{name}"' for name in columns), ", ".join("a" for _ in columns)
            )
            for table, columns in TABLES.items()
        ),
    ],
    "another application's events, kept by the same library": [
        "CREATE TABLE stored_events (originator_id TEXT, originator_version INTEGER, topic TEXT, state BLOB, "
        "PRIMARY KEY (originator_id, originator_version))",
        "INSERT INTO stored_events VALUES ('dog-1', 1, 'kennel:Registered', x'7b7d')",
    ],
    "a table of versions that another tool keeps": [
        "CREATE TABLE store_version (version_num VARCHAR(32) NOT NULL)",
        "INSERT INTO store_version VALUES ('0004')",
    ],
    "an application id of its own, and nothing in it yet": ["PRAGMA application_id = 1196444487"],
    "a schema version of its own, and nothing in it yet": ["PRAGMA user_version = 7"],
    "nothing in common": ["CREATE TABLE recipes (name TEXT)"],
}


def everything_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("journal", ["delete", "wal"])
@pytest.mark.parametrize("statements", FOREIGN.values(), ids=FOREIGN)
def test_a_database_of_something_else_is_left_alone(statements: list[str], journal: str, tmp_path: Path) -> None:
    file = tmp_path / "theirs.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"PRAGMA journal_mode = {journal}")
        for statement in statements:
            connection.execute(statement)
    before = everything_in(tmp_path)

    for opening in (Waybill, migrate_store):
        with pytest.raises(
            NotAStoreError, match="not a Waybill store but a database of another program; name another file"
        ):
            opening(Settings(store=f"sqlite:///{file}"))

    assert everything_in(tmp_path) == before


def test_a_database_that_its_program_has_open_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "theirs.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("CREATE TABLE feeds (url TEXT)")
        connection.commit()
        with pytest.raises(NotAStoreError):
            Waybill(Settings(store=f"sqlite:///{file}"))
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("feeds",)]
        assert connection.execute("PRAGMA application_id").fetchone() == (0,)


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("call Ann\n")
    with pytest.raises(NotAStoreError, match="nor an SQLite database"):
        Waybill(Settings(store=f"sqlite:///{file}"))
    assert everything_in(tmp_path) == {"notes.txt": b"call Ann\n"}


def test_a_new_store_says_whose_it_is(tmp_path: Path) -> None:
    settings = Settings(store=f"sqlite:///{tmp_path / 'waybill.db'}")
    for _ in range(2):
        Waybill(settings).close()
    with closing(sqlite3.connect(tmp_path / "waybill.db")) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


def test_a_store_of_a_version_that_did_not_say_so_is_known_and_says_so_once_migrated(tmp_path: Path) -> None:
    # given a store as version 0004 made it
    file = tmp_path / "old.db"
    settings = Settings(store=f"sqlite:///{file}")
    Waybill(settings).close()
    with closing(sqlite3.connect(file)) as connection, connection:
        kept = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'stored_events'").fetchone()[0]
    file.unlink()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(kept)
    engine = sqlite_engine(str(file), 5)
    upgrade(engine, "0004")
    engine.dispose()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA application_id = 0")

    # when it is migrated, then it is a store like any other
    assert migrate_store(settings).version_before == "0004"
    Waybill(settings).close()
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


def test_a_store_whose_maker_died_before_its_tables_were_there_is_made_whole(tmp_path: Path) -> None:
    file = tmp_path / "waybill.db"
    for is_begun in (False, True):
        file.unlink(missing_ok=True)
        file.touch()
        if is_begun:
            begin_store(file, 5)
        Waybill(Settings(store=f"sqlite:///{file}")).close()


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def test_a_new_store_and_the_files_beside_it_are_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "open to all"
    folder.mkdir()
    with umask(0), Waybill(Settings(store=f"sqlite:///{folder / 'waybill.db'}")):
        modes = {path.name: stat.filemode(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == dict.fromkeys(["waybill.db", "waybill.db-wal", "waybill.db-shm"], "-rw-------")


def test_an_older_store_keeps_the_mode_that_its_owner_gave_it(tmp_path: Path) -> None:
    file = tmp_path / "waybill.db"
    Waybill(Settings(store=f"sqlite:///{file}")).close()
    file.chmod(0o640)
    Waybill(Settings(store=f"sqlite:///{file}")).close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.parametrize("name", ["50%.db", "what?.db", "a#b.db", "ä b.db"])
def test_any_name_of_a_file_is_looked_at_as_it_is(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE feeds (url TEXT)")
    with pytest.raises(NotAStoreError):
        expect_ours(file)


def elsewhere(file: Path, statement: str) -> list[str]:
    """What another process is told, whose connection is then closed."""
    script = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], timeout=20, isolation_level=None)\n"
        "for row in connection.execute(sys.argv[2]): print(row[0])\n"
        "connection.close()\n"
    )
    ran = subprocess.run([sys.executable, "-c", script, file, statement], check=True, capture_output=True, text=True)
    return ran.stdout.split()


@pytest.mark.parametrize("access", Access)
def test_a_second_opening_in_one_process_does_not_take_the_first_ones_locks(access: Access, tmp_path: Path) -> None:
    # given a store that a process has open, as a running part does
    file = tmp_path / "waybill.db"
    settings = Settings(store=f"sqlite:///{file}")
    with Waybill(settings) as waybill:
        with waybill.engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE notes (note TEXT)")
        # when the same process opens it once more, as its metrics do
        Waybill(settings, access=access).close()
        # then another process, which closes its connection, leaves the file alone that both write to
        elsewhere(file, "INSERT INTO notes VALUES ('theirs')")
        with waybill.engine.begin() as connection:
            assert connection.exec_driver_sql("SELECT note FROM notes").scalars().all() == ["theirs"]
            connection.exec_driver_sql("INSERT INTO notes VALUES ('ours')")
        assert elsewhere(file, "SELECT note FROM notes") == ["theirs", "ours"]
