"""given a rebuild of every projection under live writes, when it is killed with -9 twice and run again, then it ends.

The rows are then as a full settling gives them, and nobody noticed: the views and the analysts' relations answered all
the time, at positions that never went back, and no reactor ran.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import select, text

from infra.app.container import Waybill
from infra.app.diff import diff_projections
from infra.app.verify import verify_store
from infra.queries.views import Asked
from infra.settings import Settings
from infra.simulation import simulate
from infra.store.opening import Access
from infra.store.projected.tables import projection_builds
from infra.store.register.tables import reactor_positions
from projections.catalogue import PROJECTIONS
from projections.views.catalogue import VIEWS, view_named
from tests.integration.command import KILLED, ROOT, Command, Running
from tests.stores.conftest import StoreUrl
from tests.stores.histories import UNTIL

MESSAGES_A_SECOND = 500
ASKED = tuple(view_named(name) for name in ("overdue", "workload", "orders", "shipments"))
PATIENCE = 300

pytestmark = pytest.mark.fault


class Reader(Thread):
    """Asks the views and the analysts' relations all the time, and notes what fails or goes back."""

    def __init__(self, waybill: Waybill):
        super().__init__()
        self._waybill = waybill
        self._stop_reading = Event()
        self.answers = 0
        self.failures: list[str] = []
        self._schema = "" if waybill.engine.dialect.name == "sqlite" else "waybill."

    def run(self) -> None:
        reached = {view.relation: (0, 0) for view in ASKED}
        while not self._stop_reading.is_set():
            for view in ASKED:
                try:
                    reached[view.relation] = self._ask(view, *reached[view.relation])
                except Exception as e:
                    self.failures.append(f"{view.relation}: {e!r}")
                    return

    def _ask(self, view: Any, position: int, rows: int) -> tuple[int, int]:
        answer = self._waybill.views.ask(view, Asked())
        if answer.position < position:
            self.failures.append(f"{view.relation} went back from {position} to {answer.position}")
        with self._waybill.engine.connect() as connection:
            counted = connection.execute(text(f"SELECT count(*) FROM {self._schema}{view.relation}")).scalar_one()
        # Only a void makes orders and shipments fewer: many fewer rows are those of a build with gaps.
        if view.command in ("orders", "shipments") and counted < 0.9 * max(rows, len(answer.rows)):
            self.failures.append(f"{view.relation}: {len(answer.rows)} rows, then {counted}, before {rows}")
        self.answers += 1
        return answer.position, counted

    def finish(self) -> None:
        self._stop_reading.set()
        self.join()


@contextmanager
def live_writes(command: Command, store: str, lines: list[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ingests these messages at a steady rate; it is ended at the end, if it has not ended by itself."""
    file = command.file("live.jsonl", *lines)
    writing = [sys.executable, "-m", "tests.fault.steady_ingest", store, str(file), str(MESSAGES_A_SECOND)]
    with subprocess.Popen(writing, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def reading(waybill: Waybill) -> Iterator[Reader]:
    reader = Reader(waybill)
    reader.start()
    try:
        yield reader
    finally:
        reader.finish()


def filled_to(waybill: Waybill) -> str | None:
    """The last stream that a rebuild has filled; None: none is being filled."""
    with waybill.engine.connect() as connection:
        c = projection_builds.c
        streams = connection.execute(select(c.stream).where(c.served.is_(False))).scalars().all()
    return min(("~" if stream is None else stream for stream in streams), default=None)


def until(happened: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def kill_at(waybill: Waybill, rebuild: Running, stream: str) -> bool:
    """Kill the rebuild once it has filled this stream; whether it was killed before its end."""
    give_up = time.monotonic() + PATIENCE
    while rebuild.is_alive() and time.monotonic() < give_up:
        filled = filled_to(waybill)
        if filled is not None and filled >= stream:
            break
        time.sleep(0.005)
    rebuild.kill()
    ran = rebuild.wait()
    assert ran.code in (0, KILLED), ran.err
    return ran.code == KILLED


def rebuilt_under_fire(command: Command, store: str, orders: int, live: int, rate: int) -> None:
    command = command.with_(WAYBILL_STORE=store, WAYBILL_RETRY_SECONDS="120")
    lines = list(simulate(orders + live, 11, UNTIL, 0.1))
    before = lines[: len(lines) * orders // (orders + live)]
    command.ingest(*before)
    projector = command.start("project")
    with Waybill(Settings(store=store), access=Access.ACTING) as waybill:
        ids = sorted(row["order_id"] for row in waybill.views.ask(view_named("orders"), Asked()).rows)
        head = waybill.history.head()
        arguments = ("rebuild", "--all", "--max-rate", str(rate), "--operator", "ann")
        with live_writes(command, store, lines[len(before) :]) as writer, reading(waybill) as reader:
            until(lambda: waybill.history.head() > head)
            kills = [
                kill_at(waybill, command.start(*arguments), f"order-{ids[len(ids) * tenth // 10]}") for tenth in (5, 8)
            ]
            ran = command("rebuild", "--all", "--operator", "ann", "--format", "json").done()
            assert writer.poll() in (None, 0)
        assert kills == [True, True]
        assert {each["projection"] for each in ran.json} == {projection.name for projection in PROJECTIONS}
        assert all(each["build"] == 1 for each in ran.json)
        assert reader.failures == []
        assert reader.answers > len(ASKED)
        projector.terminate()
        projector.wait().done()
        waybill.project()
        # as a full settling in memory gives them
        assert verify_store(waybill).findings == []
        assert [found.table for found in diff_projections(waybill, PROJECTIONS) if found.differs] == []
        with waybill.engine.connect() as connection:
            assert connection.execute(select(reactor_positions)).all() == []
        assert all(waybill.views.ask(view, Asked(as_of=UNTIL)) for view in VIEWS)


def test_on_sqlite(batchwise: Command, sqlite_store: StoreUrl) -> None:
    rebuilt_under_fire(batchwise, sqlite_store(), orders=60, live=80, rate=400)


@pytest.mark.postgres
def test_on_postgresql(batchwise: Command, postgres_store: StoreUrl) -> None:
    rebuilt_under_fire(batchwise, postgres_store(), orders=60, live=80, rate=400)


@pytest.mark.slow
def test_a_long_one_on_sqlite(batchwise: Command, sqlite_store: StoreUrl) -> None:
    rebuilt_under_fire(batchwise, sqlite_store(), orders=2_000, live=4_000, rate=2_000)


@pytest.mark.slow
@pytest.mark.postgres
def test_a_long_one_on_postgresql(batchwise: Command, postgres_store: StoreUrl) -> None:
    rebuilt_under_fire(batchwise, postgres_store(), orders=2_000, live=4_000, rate=2_000)
