"""given runs of `waybill archive` that are killed with -9 at random instants, then the archive is sound after each.

The next run adds all that is missing, and in the end the archive is that of a run which nothing disturbed.
WAYBILL_FAULT_SEED=… repeats the instants that a failure printed.
"""

import time
from pathlib import Path
from random import Random

import pytest

from infra.app.archive import archive_store
from infra.app.archive_verify import verify_archive
from infra.app.container import Waybill
from infra.archive.folder import LOCK, ArchiveFolder, read_manifest
from infra.archive.manifest import MANIFEST, NoArchiveError
from infra.settings import Settings
from tests.integration.command import Command
from tests.stores.archived import archived, stored
from tests.stores.conftest import StoreUrl
from tests.stores.histories import floor, take_in

pytestmark = pytest.mark.fault

FILES = 12
"""A run writes about twice as many, most of them at its end."""


def archived_under_kills(command: Command, store: str, orders: int, kills: int, draw: Random) -> None:
    command = command.with_(WAYBILL_STORE=store)
    to, undisturbed = str(command.folder / "archive"), str(command.folder / "undisturbed")
    lines = floor(orders)
    part = len(lines) // (kills + 1) + 1
    with Waybill(Settings(store=store)) as waybill:
        landed = 0
        for number in range(kills):
            take_in(waybill, lines[number * part : (number + 1) * part], f"part {number}")
            landed += killed_while_it_archives(command, to, draw)
            expect_sound(to)
            if draw.random() < 0.3:  # else the next one finds what two killed runs left
                archive_store(waybill, to)
        take_in(waybill, lines[kills * part :], "rest")
        command("archive", "--to", to).done()

        assert landed, "no kill came before the end of a run"
        assert verify_archive(to, store=waybill).findings == []
        archive_store(waybill, undisturbed)
        assert archive_store(waybill, to).files == 0  # removes what the manifest before the last one named
        assert archived(to) == archived(undisturbed) == stored(waybill)
        assert set(ArchiveFolder(to).files()) - {MANIFEST, LOCK} == named_by_manifest(to)


def killed_while_it_archives(command: Command, to: str, draw: Random) -> bool:
    """Kill a run when it has begun a random number of files, or a moment later; whether that was before it ended."""
    begun, delay = draw.randint(0, FILES), draw.choice([0, draw.uniform(0, 0.05)])
    print(f"kills {delay:.3f} s after {begun} files")
    run = command.start("archive", "--to", to)
    before = files_in(to)
    while run.is_alive() and len(files_in(to) - before) < begun:
        time.sleep(0.001)
    time.sleep(delay)
    run.kill()
    return run.wait().code != 0


def files_in(to: str) -> set[Path]:
    return set(Path(to).rglob("*.parquet"))


def expect_sound(to: str) -> None:
    try:
        verified = verify_archive(to)
    except NoArchiveError:
        assert not Path(to, MANIFEST).exists()
        return
    assert verified.findings == []


def named_by_manifest(to: str) -> set[str]:
    manifest = read_manifest(ArchiveFolder(to))
    return {file.path for dataset in manifest.datasets.values() for file in dataset.files}


def test_on_sqlite(batchwise: Command, sqlite_store: StoreUrl, draw: Random) -> None:
    archived_under_kills(batchwise, sqlite_store(), 10, 4, draw)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_kills_on_sqlite(batchwise: Command, sqlite_store: StoreUrl, draw: Random) -> None:
    archived_under_kills(batchwise, sqlite_store(), 500, 25, draw)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.postgres
def test_many_kills_on_postgresql(batchwise: Command, postgres_store: StoreUrl, draw: Random) -> None:
    archived_under_kills(batchwise, postgres_store(), 500, 25, draw)
