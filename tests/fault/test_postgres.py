"""given PostgreSQL crashing, or projectors killed, while messages come in: nothing is lost and nothing doubled.

The instants are drawn anew each time; WAYBILL_FAULT_SEED=… repeats those that a failure printed.
"""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import psycopg
import pytest

from infra.questions.views import Asked
from infra.service import Waybill
from infra.settings import Settings
from infra.simulation import DEFAULT_UNTIL, simulate
from projections.catalogue import VIEWS
from tests.fault.postgres_server import Server, crashing_server
from tests.stores.commands import started

ORDERS = 150

pytestmark = [pytest.mark.fault, pytest.mark.postgres]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with crashing_server() as server:
        yield server


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("floor") / "floor.jsonl"
    file.write_bytes(b"\n".join(simulate(ORDERS, 5, DEFAULT_UNTIL, 0.1)))
    return file


@pytest.fixture(scope="module")
def expected(server: Server, floor: Path) -> dict[str, object]:
    """The answers of a store that nothing disturbed."""
    url = server.new_database()
    assert started(url, "ingest", floor).wait() == 0
    return answers(url)


def answers(url: str) -> dict[str, object]:
    with Waybill(Settings(store=url)) as waybill:
        now = Asked(DEFAULT_UNTIL)
        said: dict[str, object] = {view.relation: waybill.views.ask(view, now).rows for view in VIEWS}
        said["books"] = waybill.status()["books"]
        said["findings"] = waybill.verification.run().findings
        return said


@pytest.mark.parametrize("crashes", [3, pytest.param(25, marks=pytest.mark.slow)])
def test_the_server_crashes_while_messages_come_in_and_are_projected(
    server: Server, floor: Path, expected: dict[str, object], draw: Random, crashes: int
) -> None:
    done = 0
    while done < crashes:
        # given an empty store, a projector at work, and messages coming in
        url = server.new_database()
        projector, ingest = started(url, "project"), started(url, "ingest", floor, "--no-project")
        until(has_begun, url)
        # when the server crashes and is started again, again and again
        while done < crashes and ingest.poll() is None:
            time.sleep(draw.uniform(0, 1.5))
            server.crash()
            time.sleep(draw.uniform(0, 0.5))
            server.up()
            done += 1
        # then the messages come in all the same, and the projector goes on until it is told to stop
        assert ingest.wait() == 0
        until(caught_up, url)
        projector.send_signal(signal.SIGTERM)
        assert projector.wait() == 0
        # and the store is that of a run in peace
        assert answers(url) == expected


@pytest.mark.parametrize("kills", [3, pytest.param(25, marks=pytest.mark.slow)])
def test_the_active_projector_is_killed_and_one_that_stands_by_takes_over(
    server: Server, floor: Path, expected: dict[str, object], draw: Random, kills: int
) -> None:
    done = 0
    while done < kills:
        # given two projectors on one store, of which one is active, and messages coming in
        url = server.new_database()
        projectors = [started(url, "project") for _ in range(2)]
        ingest = started(url, "ingest", floor, "--no-project")
        while done < kills and ingest.poll() is None:
            # when the older one is killed, and a new one stands by in its place
            time.sleep(draw.uniform(0, 1))
            projectors.pop(0).kill()
            projectors.append(started(url, "project"))
            done += 1
        assert ingest.wait() == 0
        # then the other ones bring the views up, and all is as in a run in peace
        until(caught_up, url)
        for projector in projectors:
            projector.send_signal(signal.SIGTERM)
            assert projector.wait() == 0
        assert answers(url) == expected


def has_begun(url: str) -> bool:
    """Whether a message was stored."""
    with psycopg.connect(url) as connection:
        try:
            return connection.execute("SELECT 1 FROM messages LIMIT 1").fetchone() is not None
        except psycopg.errors.UndefinedTable:
            return False


def caught_up(url: str) -> bool:
    with Waybill(Settings(store=url)) as waybill:
        return waybill.runner.position() == waybill.history.head()


def until(so: Callable[[str], bool], url: str) -> None:
    """Wait for it; the test's own time limit is the end of that."""
    while not so(url):
        time.sleep(0.1)
