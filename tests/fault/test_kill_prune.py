"""given prunes that are killed with -9 at random instants, then each order is whole or pruned, and the next goes on.

In the end the answers are those from before. WAYBILL_FAULT_SEED=… repeats the instants that a failure printed.
"""

import time
from random import Random
from typing import Any

import pytest

from infra.app.prune.undo import undo_prune
from tests.integration.command import Command
from tests.stores.conftest import StoreUrl
from tests.stores.test_prune import ANN, BEFORE, FLOOR, Home

pytestmark = pytest.mark.fault


def pruned_under_kills(command: Command, store: str, kills: int, draw: Random) -> None:
    home = Home(store, command.folder)
    command = command.with_(WAYBILL_STORE=store)
    arguments: tuple[Any, ...] = ("--archived-before", BEFORE.isoformat(), "--archive", home.archive)
    arguments += ("--rows", home.rows, "--do")
    with home.waybill:
        home.take(*FLOOR)
        home.archived()
        before, planned = home.views(None), home.plan().orders
        landed, most = 0, planned // kills
        for _ in range(kills):
            wanted, delay = len(home.pruned()) + draw.randint(0, most), draw.choice([0, draw.uniform(0, 0.03)])
            print(f"kills {delay:.3f} s after {wanted} orders")
            run = command.start("prune", *arguments)
            while run.is_alive() and len(home.pruned()) < wanted:
                time.sleep(0.001)
            time.sleep(delay)
            run.kill()
            landed += run.wait().code != 0 and len(home.pruned()) < planned
            # then no order is half there, and no answer differs
            assert home.findings() == []
            assert home.views(None) == before
        assert landed, "no kill came before the end of a prune"
        command("prune", *arguments).done()
        assert home.findings() == []
        assert home.views(None) == before
        assert len(home.pruned()) == planned
        # and all of them come back
        undo_prune(home.waybill, ANN, home.archive, home.pruned())
        home.waybill.project()
        assert home.findings() == []
        assert home.views(None) == before


def test_on_sqlite(batchwise: Command, sqlite_store: StoreUrl, draw: Random) -> None:
    pruned_under_kills(batchwise, sqlite_store(), 2, draw)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_kills_on_sqlite(batchwise: Command, sqlite_store: StoreUrl, draw: Random) -> None:
    pruned_under_kills(batchwise, sqlite_store(), 25, draw)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.postgres
def test_many_kills_on_postgresql(batchwise: Command, postgres_store: StoreUrl, draw: Random) -> None:
    pruned_under_kills(batchwise, postgres_store(), 25, draw)
