"""given a disk with little room, `waybill ingest` says so and fails; with more room the same command ends as ever."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.fault.aftermath import assert_same_end
from tests.fault.conftest import Undisturbed
from tests.fault.kafka_aftermath import answers_of, assert_same_answers
from tests.fault.postgres_server import Server
from tests.integration.command import Command

pytestmark = pytest.mark.fault


class SmallDisk:
    """A file system in memory of a given size."""

    def __init__(self, folder: Path):
        self.folder = folder

    def mount(self, size: str) -> None:
        self._run("mount", "-t", "tmpfs", "-o", f"size={size}", "waybill-test", str(self.folder))

    def leave(self, room: int) -> None:
        """So many bytes are left from now on."""
        self.grow(str(shutil.disk_usage(self.folder).used + room))

    def grow(self, size: str) -> None:
        self._run("mount", "-o", f"remount,size={size}", str(self.folder))

    def unmount(self) -> None:
        self._run("umount", str(self.folder))

    @staticmethod
    def _run(*command: str) -> None:
        subprocess.run(command, check=True, capture_output=True)


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[SmallDisk]:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root may mount a small disk")
    disk = SmallDisk(folder)
    disk.folder.mkdir()
    try:
        disk.mount(size)
    except subprocess.CalledProcessError as e:
        pytest.skip(f"no small disk can be mounted here: {e.stderr.decode().strip()}")
    try:
        yield disk
    finally:
        disk.unmount()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with mounted(tmp_path / "disk", "1m") as disk:
        yield disk


@pytest.fixture
def small_tablespace(server: Server) -> Iterator[SmallDisk]:
    """A disk on which PostgreSQL keeps the tables of a database; its journal lies elsewhere."""
    with tempfile.TemporaryDirectory(prefix="waybill-tablespace-") as folder:
        Path(folder).chmod(0o755)
        with mounted(Path(folder) / "disk", "64m") as disk:
            shutil.chown(disk.folder, "postgres")
            server.execute(f"CREATE TABLESPACE small LOCATION '{disk.folder}'")
            yield disk
            # Its files are still open; it goes with the server.
            server.crash()
            server.up()


def test_a_disk_that_fills_up(batchwise: Command, undisturbed: Undisturbed, small_disk: SmallDisk) -> None:
    store = small_disk.folder / "waybill.db"
    waybill = batchwise.with_(WAYBILL_STORE=f"sqlite:///{store}")

    # when it fills up in the middle, then the command says so, as often as it is tried
    for _ in range(2):
        waybill("ingest", undisturbed.file).exited(1, "the store failed", "full")

    # and what was stored before can be asked for, and balances
    small_disk.grow("4m")
    books = waybill.ask("status")["books"]
    assert 0 < books["received"] < undisturbed.ran.json["received"]
    assert books["received"] == books["applied"] + books["duplicate"] + books["held"] + books["dead"]

    # when there is room, then the same command goes on to the end
    small_disk.grow("64m")
    assert waybill("ingest", undisturbed.file, "--format", "json").done().json == undisturbed.ran.json
    assert_same_end(store, undisturbed.store)
    waybill("verify").done()


def test_a_full_disk_is_told_by_the_doctor_and_questions_are_answered(
    batchwise: Command, undisturbed: Undisturbed, small_disk: SmallDisk
) -> None:
    """The file of readers (-shm) is lost, as after a crash: SQLite has no room to make it again."""
    waybill = batchwise.with_(WAYBILL_STORE=f"sqlite:///{small_disk.folder}/waybill.db")
    waybill("ingest", undisturbed.file).exited(1, "the store failed", "full")
    (small_disk.folder / "waybill.db-shm").unlink()
    fill(small_disk.folder / "core.4711")

    told = {one["check"]: one for one in waybill("doctor", "--format", "json").exited(1).json["findings"]}
    assert told["disk"]["to_type"].startswith("make room on the disk")
    assert "the database runs" not in str(told), "that is not where the fault is"
    # when another process has left an empty -shm there, then there is enough to answer from
    assert waybill.ask("status")["books"]["received"] > 0
    assert "store" not in {one["check"] for one in waybill("doctor", "--format", "json").exited(1).json["findings"]}


def fill(file: Path) -> None:
    """Write until the disk has no more room."""
    with file.open("wb", buffering=0) as stream, suppress(OSError):
        while True:
            stream.write(bytes(4096))


@pytest.mark.postgres
def test_a_disk_of_the_server_that_fills_up(
    batchwise: Command, undisturbed: Undisturbed, server: Server, small_tablespace: SmallDisk
) -> None:
    url = server.new_database("TABLESPACE small")
    waybill = batchwise.with_(WAYBILL_STORE=url)
    waybill("project", "--once").done()
    small_tablespace.leave(200_000)

    # when it fills up in the middle, then the command says so, as often as it is tried
    for _ in range(2):
        waybill("ingest", undisturbed.file).exited(1, "the store failed", "could not extend file")

    # and when there is room, then the same command goes on to the end
    small_tablespace.grow("64m")
    assert waybill("ingest", undisturbed.file, "--format", "json").done().json == undisturbed.ran.json
    assert_same_answers(url, answers_of(f"sqlite:///{undisturbed.store}"))
    server.execute(f"DROP DATABASE {url.rsplit('/', 1)[1]} WITH (FORCE)")
    server.execute("DROP TABLESPACE small")
