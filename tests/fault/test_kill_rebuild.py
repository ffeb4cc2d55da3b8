"""given a rebuild by two processes, when any or all of them are killed with -9 at random instants, then it continues.

Its rows are those of the projector in the end, and readers see the rows before until then. WAYBILL_FAULT_SEED=…
repeats the instants that a failure printed.
"""

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
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
from infra.store.projected.tables import projection_build_parts, projection_builds
from projections.catalogue import PROJECTIONS
from tests.integration.command import KILLED, Command, Running
from tests.stores.conftest import StoreUrl
from tests.stores.histories import UNTIL

PATIENCE = 120
LEADER, WORKER, ALL = "the leader", "a worker", "all of them"

pytestmark = pytest.mark.fault


def workers_of(pid: int) -> list[int]:
    """The workers of a rebuild, if it still runs: the children of the process that forks them."""
    return [worker for helper in children_of(pid) for worker in children_of(helper)]


def children_of(pid: int) -> list[int]:
    with suppress(FileNotFoundError, ProcessLookupError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def cursors(waybill: Waybill) -> Sequence[str]:
    """How far the parts of a rebuild are."""
    c = projection_build_parts.c
    with waybill.engine.connect() as connection:
        return connection.execute(select(c.stream).order_by(c.name, c.part)).scalars().all()


def kill(rebuild: Running, whom: str, draw: Random) -> None:
    workers = workers_of(rebuild.pid)
    victims = {
        LEADER: [rebuild.pid],
        WORKER: workers and [draw.choice(workers)],
        ALL: [*workers, rebuild.pid],
    }[whom]
    for pid in victims:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def begun(waybill: Waybill) -> Sequence[datetime]:
    """When the builds that are being filled were begun."""
    c = projection_builds.c
    with waybill.engine.connect() as connection:
        return connection.execute(select(c.begun_at).where(c.served.is_(False)).order_by(c.name)).scalars().all()


def continues(waybill: Waybill, rebuild: Running) -> bool:
    """Wait until the rebuild has filled a page, or ends; whether it was seen to go on with what was filled before."""
    before, begun_before, give_up = cursors(waybill), begun(waybill), time.monotonic() + PATIENCE
    while rebuild.is_alive():
        now = cursors(waybill)
        if now and now != before:
            if not before:
                return False
            assert begun(waybill) == begun_before, "it began anew"
            assert all(was <= is_now for was, is_now in zip(before, now, strict=True)), "a part went back"
            return True
        assert time.monotonic() < give_up
        time.sleep(0.01)
    return False


def killed_while_it_fills(rebuild: Running, whom: str, draw: Random) -> bool:
    """Kill at a random instant; whether that was before it ended."""
    delay = draw.uniform(0, 0.3)
    print(f"kills {whom} {delay:.3f} s later")
    time.sleep(delay)
    kill(rebuild, whom, draw)
    ran = rebuild.wait()
    if ran.code not in (0, KILLED):
        ran.exited(1, "a process of the rebuild ended with exit code -9", "Nothing has changed")
    return ran.code != 0


def rebuilt_under_kills(command: Command, store: str, orders: int, kills: Sequence[str], draw: Random) -> None:
    command = command.with_(WAYBILL_STORE=store)
    command.ingest(*simulate(orders, 11, UNTIL, 0.1))
    with Waybill(Settings(store=store), access=Access.ACTING) as waybill:
        events = waybill.history.count_after(0)
        slowly = ("rebuild", "--all", "--processes", "2", "--max-rate", str(events // 6), "--format", "json")
        killed, continued = [], []
        for whom in kills:
            rebuild = command.start(*slowly)
            continued.append(continues(waybill, rebuild))
            killed.append(killed_while_it_fills(rebuild, whom, draw))
        assert any(killed)
        last = command.start(*slowly)
        continued.append(continues(waybill, last))
        last.wait().done()
        assert any(continued)
        assert cursors(waybill) == []
        assert [found.table for found in diff_projections(waybill, PROJECTIONS) if found.differs] == []
        waybill.project()
        assert verify_store(waybill).findings == []


def test_on_sqlite(batchwise: Command, sqlite_store: StoreUrl, draw: Random) -> None:
    rebuilt_under_kills(batchwise, sqlite_store(), 60, [ALL, WORKER], draw)


@pytest.mark.postgres
def test_on_postgresql(batchwise: Command, postgres_store: StoreUrl, draw: Random) -> None:
    rebuilt_under_kills(batchwise, postgres_store(), 60, [LEADER], draw)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_kills_on_sqlite(batchwise: Command, sqlite_store: StoreUrl, draw: Random) -> None:
    rebuilt_under_kills(batchwise, sqlite_store(), 1_000, [LEADER, WORKER, ALL] * 4, draw)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.postgres
def test_many_kills_on_postgresql(batchwise: Command, postgres_store: StoreUrl, draw: Random) -> None:
    rebuilt_under_kills(batchwise, postgres_store(), 1_000, [LEADER, WORKER, ALL] * 4, draw)
