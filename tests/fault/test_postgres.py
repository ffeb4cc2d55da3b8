"""given PostgreSQL crashing, and projectors killed, while messages come in: nothing is lost and nothing doubled.

The instants are drawn anew each time; WAYBILL_FAULT_SEED=… repeats those that a failure printed.
"""

import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from infra.app.container import Waybill
from infra.settings import Settings
from tests.fault.kafka_aftermath import answers_of, assert_same_answers
from tests.fault.postgres_server import Server
from tests.integration.command import Command, Running
from tests.stores.histories import floor

MISFORTUNES = ("the server crashes", "the server is restarted", "the active projector is killed")
ORDERS = 120

pytestmark = [pytest.mark.fault, pytest.mark.postgres]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("floor") / "floor.jsonl"
    file.write_bytes(b"\n".join(floor(ORDERS)))
    return file


@pytest.fixture(scope="module")
def in_peace(history: Path, tmp_path_factory: pytest.TempPathFactory, nursery: Any) -> dict[str, Any]:
    """What a store says that nothing disturbed."""
    waybill = Command(nursery, tmp_path_factory.mktemp("peace"), WAYBILL_LOG_LEVEL="error")
    waybill("ingest", history).done()
    return answers_of(f"sqlite:///{waybill.store}")


class Load:
    """Messages that come in, and two projectors, of which one is active."""

    def __init__(self, waybill: Command, history: Path, server: Server):
        self.url = server.new_database()
        self._waybill = waybill.with_(
            WAYBILL_STORE=self.url,
            WAYBILL_BATCH_MESSAGES="20",
            WAYBILL_BATCH_EVENTS="50",
            WAYBILL_LOG_LEVEL="info",
        )
        self._server = server
        self._waybill("project", "--once").done()
        self._projectors = [self._waybill.start("project") for _ in range(2)]
        self._ingest = self._waybill.start("ingest", history, "--no-project")

    def goes_on(self) -> bool:
        return self._ingest.is_alive()

    def suffer(self, misfortune: str, pause: float) -> None:
        if misfortune == MISFORTUNES[0]:
            self._server.crash()
            time.sleep(pause)
            self._server.up()
        elif misfortune == MISFORTUNES[1]:
            self._server.down()
            self._server.up()
        else:
            active = max(self._projectors, key=became_active)
            self._projectors.remove(active)
            active.kill()
            self._projectors.append(self._waybill.start("project"))

    def end(self) -> None:
        """The messages are all in, the views catch up, and the projectors leave when they are told to."""
        self._ingest.wait().done()
        with Waybill(Settings(store=self.url)) as waybill:
            until(lambda: waybill.runner.position() == waybill.history.head())
        for projector in self._projectors:
            projector.terminate()
            projector.wait().done()


def became_active(projector: Running) -> str:
    """When it did so last: log lines begin with nothing that differs but end in their time."""
    lines = [line for line in projector.said.splitlines() if '"leadership_taken"' in line]
    return lines[-1].partition('"timestamp"')[2] if lines else ""


def has_begun(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT 1 FROM messages LIMIT 1").fetchone() is not None


def until(so: Callable[[], bool]) -> None:
    """Wait for it; the test's own time limit is the end of that."""
    while not so():
        time.sleep(0.05)


def test_a_projector_that_is_stopped_during_an_outage_exits_cleanly(waybill: Command, server: Server) -> None:
    projector = waybill.with_(WAYBILL_STORE=server.new_database(), WAYBILL_LOG_LEVEL="info").start("project")
    until(lambda: "leadership_taken" in projector.said)
    server.down()
    try:
        until(lambda: "store_unavailable" in projector.said)
        projector.terminate()
        projector.wait().done()
    finally:
        server.up()


@pytest.mark.parametrize("misfortunes", [len(MISFORTUNES), pytest.param(25, marks=pytest.mark.slow)])
def test_projectors_that_are_killed_and_a_server_that_crashes_while_messages_come_in(
    waybill: Command, server: Server, history: Path, in_peace: dict[str, Any], draw: Random, misfortunes: int
) -> None:
    to_come = [MISFORTUNES[number % len(MISFORTUNES)] for number in range(misfortunes)]
    draw.shuffle(to_come)
    while to_come:
        # given an empty store, projectors at work, and messages coming in
        load = Load(waybill, history, server)
        until(lambda: has_begun(load.url))  # noqa: B023  (asked at once)
        # when all that happens at some instants
        while to_come and load.goes_on():
            time.sleep(draw.uniform(0, 0.5))
            load.suffer(to_come.pop(), draw.uniform(0, 0.5))
        # then the messages come in all the same, and the views are those of a run in peace
        load.end()
        assert_same_answers(load.url, in_peace)
