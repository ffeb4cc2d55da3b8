"""given a rebuild with the rows of a folder, when it is killed with -9 at random instants, then it continues.

Its rows are those of the projector in the end, and readers see the rows before until then. WAYBILL_FAULT_SEED=…
repeats the instants that a failure printed.
"""

import time
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select

from infra.app.container import Waybill
from infra.app.diff import diff_projections
from infra.app.verify import verify_store
from infra.settings import Settings
from infra.simulation import simulate
from infra.store.opening import Access
from infra.store.projected.load_cursor import load_cursor
from infra.store.projected.tables import projection_builds
from projections.catalogue import PROJECTIONS
from tests.integration.command import KILLED, Command
from tests.rows_folders import folder_of_rows
from tests.stores.conftest import StoreUrl
from tests.stores.histories import UNTIL
from tests.stores.test_rebuild_processes import rows_in_use

PATIENCE = 120

pytestmark = pytest.mark.fault


def rows_loaded(waybill: Waybill) -> int:
    """How many rows are noted as loaded, of the projections that are not whole yet, and how many of these are."""
    c = projection_builds.c
    with waybill.engine.connect() as connection:
        streams = connection.execute(select(c.stream).where(c.served.is_(False))).scalars().all()
    cursors = [load_cursor(stream) for stream in streams]
    return sum(10_000_000 if cursor is None else cursor.done for cursor in cursors)


def loaded_under_kills(command: Command, store: str, folder: Path, orders: int, kills: int, draw: Random) -> None:
    command = command.with_(WAYBILL_STORE=store)
    lines = [*simulate(orders, 11, UNTIL, 0.1)]
    command.ingest(*lines[: -len(lines) // 10])
    with Waybill(Settings(store=store), access=Access.ACTING) as waybill:
        folder_of_rows(waybill, folder)
        command.ingest(*lines[-len(lines) // 10 :])
        expected = rows_in_use(waybill)
        rows = sum(len(some) for some in expected.values())
        slowly = ("rebuild", "--all", "--from", str(folder), "--max-rate", str(max(1, rows // 4)), "--format", "json")
        killed, seen = 0, 0
        for _ in range(kills):
            load = command.start(*slowly)
            give_up = time.monotonic() + PATIENCE
            while load.is_alive() and rows_loaded(waybill) <= seen:
                assert time.monotonic() < give_up
                time.sleep(0.01)
            delay = draw.uniform(0, 0.4)
            print(f"kills it {delay:.3f} s later")
            time.sleep(delay)
            load.kill()
            ran = load.wait()
            assert ran.code in (0, KILLED), ran
            killed += ran.code != 0
            now = rows_loaded(waybill)
            assert now >= seen or ran.code == 0, "it went back"
            seen = now
            assert rows_in_use(waybill) == expected
        assert killed
        command("rebuild", "--all", "--from", str(folder)).done()
        assert rows_in_use(waybill) == expected
        assert [found.table for found in diff_projections(waybill, PROJECTIONS) if found.differs] == []
        waybill.project()
        assert verify_store(waybill).findings == []


def test_on_sqlite(batchwise: Command, sqlite_store: StoreUrl, tmp_path: Path, draw: Random) -> None:
    loaded_under_kills(batchwise, sqlite_store(), tmp_path / "rows", 40, 1, draw)


@pytest.mark.postgres
def test_on_postgresql(batchwise: Command, postgres_store: StoreUrl, tmp_path: Path, draw: Random) -> None:
    loaded_under_kills(batchwise, postgres_store(), tmp_path / "rows", 40, 1, draw)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_kills_on_sqlite(batchwise: Command, sqlite_store: StoreUrl, tmp_path: Path, draw: Random) -> None:
    loaded_under_kills(batchwise, sqlite_store(), tmp_path / "rows", 1_000, 13, draw)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.postgres
def test_many_kills_on_postgresql(batchwise: Command, postgres_store: StoreUrl, tmp_path: Path, draw: Random) -> None:
    loaded_under_kills(batchwise, postgres_store(), tmp_path / "rows", 1_000, 12, draw)
