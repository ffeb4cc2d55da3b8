"""given a part that an operator paused, then running processes obey, the pause survives restarts, and it says why."""

import time
from collections.abc import Callable, Iterator
from threading import Event, Thread

import pytest

from domain.operator.acts import OPERATOR_SOURCE, PartPaused, PartResumed
from infra.app.container import Waybill
from infra.app.pause import PARTS, UnknownPartError, part_named, pause, resume
from infra.app.status import read_status
from infra.app.verify import verify_store
from infra.store.pauses import Pause
from projections.catalogue import PROJECTIONS, every_projection
from tests.stores.conftest import StoreUrl
from tests.stores.histories import STANDING_ORDERS, floor, in_small_batches, take_in

LINES = floor(10)
HALF = len(LINES) // 2


@pytest.fixture
def waybill(new_store: StoreUrl) -> Iterator[Waybill]:
    with Waybill(in_small_batches(new_store())) as waybill:
        take_in(waybill, LINES[:HALF], "first half")
        waybill.project()
        yield waybill


def until(so: Callable[[], bool]) -> None:
    """Wait for it; the test's own time limit is the end of that."""
    while not so():
        time.sleep(0.02)


def behind(waybill: Waybill) -> set[str]:
    head = waybill.history.head()
    return {name for name, standing in waybill.rows.standings(PROJECTIONS).items() if standing.position < head}


def acts(waybill: Waybill) -> list[tuple[str, str, str]]:
    events = [positioned.event for positioned in waybill.history.stream("operator-ann")]
    assert all(event.source == OPERATOR_SOURCE for event in events)
    return [
        (type(event).__name__, event.part, event.reason)
        for event in events
        if isinstance(event, PartPaused | PartResumed)
    ]


def test_a_running_projector_leaves_a_paused_projection_out_and_takes_it_up_again(waybill: Waybill) -> None:
    stop = Event()
    with Waybill(waybill.settings) as service:
        running = Thread(target=lambda: service.projector(stop).run(once=False))
        running.start()
        try:
            pause(waybill, "follow_ups", "ann", "its disk is full")
            take_in(waybill, LINES[HALF:], "second half")
            until(lambda: behind(waybill) == {"follow_ups"})

            resume(waybill, "follow_ups", "ann", "a new disk")
            until(lambda: not behind(waybill))
        finally:
            stop.set()
            running.join()
    assert acts(waybill) == [
        ("PartPaused", "follow_ups", "its disk is full"),
        ("PartResumed", "follow_ups", "a new disk"),
    ]
    assert verify_store(waybill).findings == []


def test_status_says_since_when_by_whom_and_why_after_a_restart(waybill: Waybill) -> None:
    made, is_new = pause(waybill, "relay", "ann", "the broker moves")
    assert is_new

    with Waybill(waybill.settings) as restarted:
        assert read_status(restarted).paused == [made]
        assert made == Pause("relay", made.since, "ann", "the broker moves")
        # and pausing it again keeps the first reason, and is no second act
        assert pause(restarted, "relay", "bo", "me too") == (made, False)
        assert resume(restarted, "relay", "ann", "") == made
        assert resume(restarted, "relay", "ann", "") is None
        assert read_status(restarted).paused == []
    assert [kind for kind, *_ in acts(waybill)] == ["PartPaused", "PartResumed"]


def test_paused_reactors_do_nothing_until_they_are_resumed(waybill: Waybill) -> None:
    take_in(waybill, STANDING_ORDERS, "standing orders")
    pause(waybill, "react", "ann", "a test")

    assert not any(done.stated for done in waybill.react(Event(), once=True))
    reactions = waybill.reactions(Event())
    assert reactions.is_done()
    # and a process that takes a step all the same reads and states nothing
    reactions.begin()
    assert not reactions.step()
    assert not any(done.stated for done in reactions.done)
    assert [one.lag > 0 for one in read_status(waybill).reactors] == [True] * len(waybill.reactors())

    resume(waybill, "react", "ann", "")
    assert any(done.stated for done in waybill.react(Event(), once=True))


def test_parts_are_named_like_commands_and_projections() -> None:
    assert part_named("order-states") == "order_states" and part_named("consume") == "consume"
    assert set(PARTS) == {*(projection.name for projection in every_projection()), "consume", "react", "relay"}
    with pytest.raises(
        UnknownPartError,
        match="'overdue' is no part that can be paused; give one of order_states: overdue reads these",
    ):
        part_named("overdue")
