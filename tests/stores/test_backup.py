"""given a store that is in use, then a backup of it is whole, and the store that is restored from it catches up."""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import pytest

from infra.app.backup import DamagedBackupError, NoFileStoreError, back_up
from infra.app.container import Waybill
from infra.app.verify import verify_store
from infra.settings import Settings
from infra.store.sqlite.file_ownership import NotAStoreError
from tests.fault.kafka_aftermath import answers_of
from tests.stores.conftest import StoreUrl
from tests.stores.histories import floor, in_small_batches, take_in

LINES = floor(40)
HALF = len(LINES) // 2


def test_a_backup_beside_a_writer_is_one_moment_of_the_store(sqlite_store: StoreUrl, tmp_path: Path) -> None:
    settings = in_small_batches(sqlite_store())
    with Waybill(settings) as waybill:
        take_in(waybill, LINES[:HALF], "first half")
    stop, wrote = Event(), Event()

    def write() -> None:
        with Waybill(settings) as writer:
            for number in range(HALF, len(LINES), 10):
                take_in(writer, LINES[number : number + 10], f"part {number}")
                writer.project()
                wrote.set()
                if stop.is_set():
                    return

    writing = Thread(target=write)
    writing.start()
    try:
        wrote.wait()
        pages: list[tuple[int, int]] = []
        made = back_up(settings, tmp_path / "backup.db", lambda done, total: pages.append((done, total)))
    finally:
        stop.set()
        writing.join()

    assert pages and pages[-1][0] == pages[-1][1]
    assert made.bytes == (tmp_path / "backup.db").stat().st_size
    assert not [*tmp_path.glob(".backup.db*"), *tmp_path.glob("backup.db-*")]
    assert (tmp_path / "backup.db").stat().st_mode & 0o777 == 0o600
    with Waybill(in_small_batches(f"sqlite:///{tmp_path / 'backup.db'}")) as restored:
        assert restored.history.head() == made.position > 0
        assert verify_store(restored).findings == []


def test_a_restored_backup_catches_up_to_the_same_answers(sqlite_store: StoreUrl, tmp_path: Path) -> None:
    settings = in_small_batches(sqlite_store())
    with Waybill(settings) as waybill:
        take_in(waybill, LINES[:HALF], "first half")
        back_up(settings, tmp_path / "backup.db")
        take_in(waybill, LINES[HALF:], "second half")
        waybill.project()

    with Waybill(in_small_batches(f"sqlite:///{tmp_path / 'backup.db'}")) as restored:
        take_in(restored, LINES[HALF:], "second half")
        restored.project()
    assert answers_of(f"sqlite:///{tmp_path / 'backup.db'}") == answers_of(settings.store)


def test_a_backup_overwrites_nothing(sqlite_store: StoreUrl, tmp_path: Path) -> None:
    settings = in_small_batches(sqlite_store())
    Waybill(settings).close()
    (tmp_path / "backup.db").write_text("something else")

    with pytest.raises(FileExistsError, match="a backup overwrites nothing"):
        back_up(settings, tmp_path / "backup.db")
    assert (tmp_path / "backup.db").read_text() == "something else"


def test_a_damaged_copy_is_not_kept(sqlite_store: StoreUrl, tmp_path: Path) -> None:
    settings = in_small_batches(sqlite_store())
    with Waybill(settings) as waybill:
        take_in(waybill, LINES[:HALF], "first half")
    path = Path(str(settings.sqlite_path))
    whole = bytearray(path.read_bytes())
    for at in range(8 * 4096, len(whole), 4096):
        whole[at : at + 64] = b"\xff" * 64
    path.write_bytes(whole)

    with pytest.raises((DamagedBackupError, sqlite3.DatabaseError)):
        back_up(settings, tmp_path / "backup.db")
    assert not (tmp_path / "backup.db").exists()


def test_another_programs_database_is_not_backed_up_as_a_store(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE notes (text TEXT)")
    with pytest.raises(NotAStoreError, match="a database of another program"):
        back_up(Settings(store=f"sqlite:///{tmp_path / 'other.db'}"), tmp_path / "backup.db")
    assert not (tmp_path / "backup.db").exists()


@pytest.mark.postgres
def test_postgresql_is_backed_up_by_its_own_tools(
    postgres_store: StoreUrl, empty_database: StoreUrl, tmp_path: Path
) -> None:
    url, empty = postgres_store(), empty_database()
    with Waybill(in_small_batches(url)) as waybill:
        take_in(waybill, LINES[:HALF], "first half")
        with pytest.raises(NoFileStoreError, match=r"pg_dump .* pg_basebackup .*docs/backup\.md"):
            back_up(waybill.settings, tmp_path / "backup.db")
        dump(url, tmp_path / "waybill.dump")
        take_in(waybill, LINES[HALF:], "second half")
        waybill.project()

    restore(empty, tmp_path / "waybill.dump")
    with Waybill(in_small_batches(empty)) as restored:
        assert verify_store(restored).findings == []
        take_in(restored, LINES[HALF:], "second half")
        restored.project()
        assert verify_store(restored).findings == []
    assert answers_of(empty) == answers_of(url)


def dump(url: str, file: Path) -> None:
    _run("pg_dump", "--format=custom", f"--file={file}", url)


def restore(url: str, file: Path) -> None:
    _run("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={url}", str(file))


def _run(tool: str, *arguments: str) -> None:
    folders = [str(folder) for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    found = shutil.which(tool, path=os.pathsep.join([*folders, os.environ.get("PATH", "")]))
    assert found is not None, f"PostgreSQL is here without {tool}"
    subprocess.run([found, *arguments], check=True, capture_output=True)
