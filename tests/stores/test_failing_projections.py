"""A projection that lags, fails or is paused does so alone: the others go on, and what fails is named."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text, update

from infra.app.container import Waybill
from infra.app.pause import pause, resume
from infra.app.status import ProjectionStatus, read_status
from infra.app.verify import verify_store
from infra.store.engine import LOCKED
from infra.store.projected.tables import projection_positions, stored_tables
from projections.catalogue import PROJECTIONS
from projections.failures import FailurePolicy, Incident, IncidentReport
from projections.follow_ups import FOLLOW_UPS
from projections.order_states import ORDER_STATES
from projections.projection import Projection, Settled
from projections.runner import Runner
from projections.table import Row
from projections.views.tables import follow_up_periods, order_states
from tests.stores.conftest import StoreUrl
from tests.stores.histories import floor, in_small_batches, take_in

LINES = floor(25)
HALF = len(LINES) // 2
EVERYTHING = 100_000
OWED = follow_up_periods.name


@pytest.fixture
def waybill(new_store: StoreUrl) -> Iterator[Waybill]:
    """A store with half of a sales floor, of which nothing is projected."""
    with Waybill(in_small_batches(new_store())) as waybill:
        take_in(waybill, LINES[:HALF], "first half")
        yield waybill


Shape = Callable[[Settled], Mapping[str, Iterable[Row]]]


class Clock:
    """Seconds that pass only when a runner waits for them."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Service:
    """A runner whose order_states has another shape, and all that it reports."""

    def __init__(self, waybill: Waybill, shape: Shape, most_parked: int = 100):
        self.clock = Clock()
        self.reports: list[IncidentReport] = []
        self.broken = replace(ORDER_STATES, shape=shape)
        self.projections = [self.broken if p is ORDER_STATES else p for p in PROJECTIONS]
        self.waybill = waybill
        self.runner = self.new_runner(waybill, most_parked)

    def new_runner(self, waybill: Waybill, most_parked: int = 100) -> Runner:
        policy = FailurePolicy(most_parked=most_parked, monotonic=self.clock)
        return Runner(waybill.history, waybill.rows, self.projections, 50, policy=policy, tell=self.reports.append)

    def run(self) -> None:
        """Step until there is nothing to do, and until nothing is due any more."""
        while True:
            while self.runner.step():
                pass
            due = self.runner.seconds_to_retry()
            if due is None:
                return
            self.clock.seconds += due

    def told(self, incident: Incident) -> set[str | None]:
        return {report.key for report in self.reports if report.incident is incident}


def raising_for(*orders: str) -> Callable[[Settled], Mapping[str, Iterable[Row]]]:
    def shape(settled: Settled) -> Mapping[str, Iterable[Row]]:
        if not orders or settled.subject_id in orders:
            raise ValueError(f"cannot shape {settled.subject_id}")
        return ORDER_STATES.shape(settled)

    return shape


def orders_of(waybill: Waybill) -> list[str]:
    """Orders in the order of their first event."""
    events = waybill.history.after(0, EVERYTHING)
    streams = dict.fromkeys(positioned.event.originator_id for positioned in events)
    return [stream.removeprefix("order-") for stream in streams if stream.startswith("order-")]


def rows_of(waybill: Waybill, table: str, without: str = "") -> list[Any]:
    with waybill.engine.connect() as connection:
        found = connection.execute(text(f"SELECT * FROM {table} WHERE order_id <> :without"), {"without": without})
        return sorted(map(repr, found))


def positions(waybill: Waybill) -> dict[str, int]:
    return {name: standing.position for name, standing in waybill.rows.standings(PROJECTIONS).items()}


def status_of(waybill: Waybill, name: str) -> ProjectionStatus:
    (found,) = [projection for projection in read_status(waybill).projections if projection.name == name]
    return found


# -- one that fails ------------------------------------------------------------------------------


def test_an_order_that_cannot_be_shaped_is_parked_and_all_others_are_projected(
    waybill: Waybill, new_store: StoreUrl
) -> None:
    poison = orders_of(waybill)[3]
    service = Service(waybill, raising_for(poison))
    service.run()
    # then every projection is up to date, that one too
    assert set(positions(waybill).values()) == {waybill.history.head()}
    # and the order at fault is parked, which was told and is shown
    assert service.told(Incident.PARKED) == {poison}
    assert [(each.name, each.key) for each in read_status(waybill).parked] == [("order_states", poison)]
    assert rows_of(waybill, order_states.name, poison) and poison not in str(rows_of(waybill, order_states.name))
    # and all other rows are what they are without any failure
    with Waybill(in_small_batches(new_store())) as sound:
        take_in(sound, LINES[:HALF], "first half")
        sound.project()
        for table in (order_states.name, OWED):
            assert rows_of(waybill, table, poison) == rows_of(sound, table, poison)


def test_a_failure_is_retried_with_growing_pauses_before_anything_is_parked(waybill: Waybill) -> None:
    service = Service(waybill, raising_for(orders_of(waybill)[0]))
    # when it fails the first time
    while service.runner.step():
        pass
    # then the others are up to date, and nothing is parked yet
    assert positions(waybill) == {
        **dict.fromkeys((p.name for p in PROJECTIONS), waybill.history.head()),
        "order_states": positions(waybill)["order_states"],
    }
    assert positions(waybill)["order_states"] < waybill.history.head()
    assert service.told(Incident.PARKED) == set()
    first_pause = service.runner.seconds_to_retry()
    assert first_pause
    service.clock.seconds += first_pause
    assert service.runner.step() is None
    second_pause = service.runner.seconds_to_retry()
    assert second_pause and second_pause > first_pause


def test_a_failure_that_passes_leaves_no_trace(waybill: Waybill, new_store: StoreUrl) -> None:
    failures = iter(range(1))

    def shape(settled: Settled) -> Mapping[str, Iterable[Row]]:
        for _ in failures:
            raise MemoryError
        return ORDER_STATES.shape(settled)

    service = Service(waybill, shape)
    service.run()
    assert service.told(Incident.RETRIED) == {None} and service.told(Incident.PARKED) == set()
    assert set(positions(waybill).values()) == {waybill.history.head()}
    assert not verify_store(waybill).findings


def test_a_projection_that_fails_for_every_order_stops_alone(waybill: Waybill) -> None:
    service = Service(waybill, raising_for(), most_parked=1)
    service.run()
    # then it stands where it stood, nothing of it is parked, and that is told
    assert positions(waybill)["order_states"] == 0
    assert service.told(Incident.STOPPED) == {None} and service.told(Incident.PARKED) == set()
    assert status_of(waybill, "order_states").state == "failed"
    # and the others go on, now and later
    take_in(waybill, LINES[HALF:], "second half")
    service.run()
    assert {name for name, at in positions(waybill).items() if at != waybill.history.head()} == {"order_states"}
    assert rows_of(waybill, OWED)
    # when its shape is mended, then it catches up
    waybill.project()
    assert set(positions(waybill).values()) == {waybill.history.head()}
    assert status_of(waybill, "order_states").state == "live"
    assert not verify_store(waybill).findings


def test_rows_that_the_store_refuses_are_found_and_parked(waybill: Waybill) -> None:
    poison = orders_of(waybill)[5]

    def shape(settled: Settled) -> Mapping[str, Iterable[Row]]:
        shaped = {table: list(rows) for table, rows in ORDER_STATES.shape(settled).items()}
        if settled.subject_id == poison:
            return {table: rows * 2 for table, rows in shaped.items()}  # one primary key, twice
        return shaped

    service = Service(waybill, shape)
    service.run()
    assert set(positions(waybill).values()) == {waybill.history.head()}
    assert service.told(Incident.PARKED) == {poison}
    # and nothing was written of it, nor was its share of a total
    assert [finding.check for finding in verify_store(waybill).findings] == ["parked"]


# -- what is parked ------------------------------------------------------------------------------


def test_a_parked_order_is_settled_again_with_its_next_event(waybill: Waybill) -> None:
    again = [
        order
        for order in orders_of(waybill)
        if any(f'"subject":"{order}"' in line.decode().replace(" ", "") for line in LINES[HALF:])
    ]
    service = Service(waybill, raising_for(again[0]))
    service.run()
    assert waybill.rows.standings(PROJECTIONS)["order_states"].parked == {again[0]}
    # when the shape was mended and the order gets another event
    take_in(waybill, LINES[HALF:], "second half")
    runner = Runner(waybill.history, waybill.rows, PROJECTIONS, EVERYTHING, tell=service.reports.append)
    while runner.step():
        pass
    # then it is parked no longer
    assert waybill.rows.standings(PROJECTIONS)["order_states"].parked == set()
    assert again[0] in service.told(Incident.RESUMED)
    assert not verify_store(waybill).findings


def test_a_parked_order_is_settled_again_when_a_projector_starts(waybill: Waybill) -> None:
    Service(waybill, raising_for(orders_of(waybill)[2])).run()
    waybill.project()
    assert waybill.rows.standings(PROJECTIONS)["order_states"].parked == set()
    assert not verify_store(waybill).findings


def test_a_parked_order_that_fails_again_delays_no_other(waybill: Waybill) -> None:
    service = Service(waybill, raising_for(*orders_of(waybill)))
    service.run()
    parked = waybill.rows.standings(PROJECTIONS)["order_states"].failures
    service.reports.clear()
    # when they get more events, and a projector starts
    take_in(waybill, LINES[HALF:], "second half")
    service.runner.retry_parked()
    while service.runner.step():
        pass
    # then nothing waits, and they are parked since they failed first
    assert set(positions(waybill).values()) == {waybill.history.head()}
    assert service.told(Incident.RETRIED) == set()
    still = waybill.rows.standings(PROJECTIONS)["order_states"].failures
    assert {key: failure.since for key, failure in still.items()} == {
        key: failure.since for key, failure in parked.items()
    }


def test_verify_names_what_is_parked_and_finds_no_other_difference(waybill: Waybill) -> None:
    poison = orders_of(waybill)[3]
    Service(waybill, raising_for(poison)).run()
    (finding,) = verify_store(waybill).findings
    assert (finding.check, finding.subject) == ("parked", f"order-{poison} in order_states")
    assert f"cannot shape {poison}" in finding.found


# -- one that lags or is paused ------------------------------------------------------------------


def begin_anew(waybill: Waybill, projection: Projection) -> None:
    with waybill.engine.execution_options(**{LOCKED: True}).begin() as connection:
        for table in stored_tables(projection).values():
            connection.execute(text(f"DELETE FROM {table.name}"))
        connection.execute(
            update(projection_positions).where(projection_positions.c.name == projection.name).values(position=0)
        )


def test_a_projection_that_catches_up_holds_up_none_that_is_level(waybill: Waybill) -> None:
    # given projections that are level, and a new one at the beginning
    waybill.project()
    begin_anew(waybill, FOLLOW_UPS)
    take_in(waybill, LINES[HALF:], "second half")
    runner = Runner(waybill.history, waybill.rows, PROJECTIONS, 10)
    # when they take turns
    steps = 0
    while positions(waybill)["order_states"] < waybill.history.head():
        assert runner.step()
        steps += 1
    # then the level ones have the newest event long before the new one is there
    assert positions(waybill)["follow_ups"] < positions(waybill)["order_states"]
    assert positions(waybill)["follow_ups"] > 0
    # and the new one comes up with them in the end
    while runner.step():
        pass
    assert set(positions(waybill).values()) == {waybill.history.head()}
    assert not verify_store(waybill).findings


def test_projections_that_have_come_together_share_one_reading(
    waybill: Waybill, monkeypatch: pytest.MonkeyPatch
) -> None:
    waybill.project()
    begin_anew(waybill, FOLLOW_UPS)
    runner = Runner(waybill.history, waybill.rows, PROJECTIONS, 10)
    while runner.step():
        pass
    take_in(waybill, LINES[HALF:], "second half")
    before, steps = waybill.history.head(), 0
    count = waybill.history.count_after(min(positions(waybill).values()))
    while runner.step():
        steps += 1
    assert positions(waybill) == dict.fromkeys((p.name for p in PROJECTIONS), before)
    assert steps == -(-count // 10)


def test_a_paused_projection_stays_paused_after_a_restart(waybill: Waybill) -> None:
    pause(waybill, "follow_ups", "ann", "its index is rebuilt")
    waybill.project()
    take_in(waybill, LINES[HALF:], "second half")
    # when another process starts
    with Waybill(waybill.settings) as restarted:
        restarted.project()
        # then it obeys the pause, and the others are up to date
        assert {name for name, at in positions(waybill).items() if at != waybill.history.head()} == {"follow_ups"}
        assert positions(waybill)["follow_ups"] == 0
        assert status_of(restarted, "follow_ups").state == "paused"
        assert status_of(restarted, "follow_ups").lag == waybill.history.count_after(0)
        # and when it is resumed, it catches up
        resume(restarted, "follow_ups", "ann", "")
        restarted.project()
    assert set(positions(waybill).values()) == {waybill.history.head()}
    assert not verify_store(waybill).findings
