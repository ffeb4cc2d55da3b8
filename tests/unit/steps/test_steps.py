"""given an order's facts in an order of arrival, when it is stepped through, then each step tells what it changed."""

from typing import Any

import pytest
from msgspec.structs import replace

from domain.clock_holds import ClockHoldEnded
from domain.derived import PARCELS, MessageWithdrawn, facts_among
from domain.fact import Fact, StreamEvent
from domain.settling import Settling, up_to
from domain.streams import settle_stream
from infra.app.steps import Sequencing, Step, Steps
from infra.queries.orders import OrderReading
from infra.queries.views import Asked
from infra.store.events.history import PositionedEvent
from tests.unit.domain.facts import booked, delivered, dispatched, oclock, placed, voided

PRESENT = Asked()
PLACE, ARRIVED = Sequencing.BY_PLACE, Sequencing.AS_ARRIVED


def steps(by: Sequencing, *events: StreamEvent, asked: Asked = PRESENT) -> Steps:
    """Of events that arrived in this order, at positions 10, 20, …"""
    stored = [PositionedEvent(10 * number, event) for number, event in enumerate(events, 1)]
    known = up_to(facts_among(events), recorded=asked.known_at)
    return Steps(OrderReading("order-SO-1", stored, known, up_to(known, asked.as_of)), "SO-1", by, asked)


def verdicts(some: Steps) -> list[str]:
    outcomes = [some.step(number).outcome for number in range(1, len(some) + 1)]
    return ["gone" if outcome is None else outcome.verdict.value for outcome in outcomes]


def others(step: Step) -> list[tuple[str, str | None, str | None]]:
    return [
        (each.fact.TYPE, each.before and each.before.verdict.value, each.after and each.after.verdict.value)
        for each in step.others
    ]


def changed(step: Step) -> dict[str, tuple[object, object]]:
    return {field.name: (field.before, field.after) for field in step.fields if field.changed}


def rows(step: Step, table: str) -> tuple[int, int, int]:
    (effect,) = (effect for effect in step.tables if effect.table == table)
    return effect.added, effect.gone, effect.changed


def test_by_place_a_late_fact_stands_where_it_belongs() -> None:
    some = steps(PLACE, dispatched(10), placed(8), booked(9))

    assert [type(event).__name__ for _, event in some.events] == ["OrderPlaced", "ShipmentBooked", "ShipmentDispatched"]
    assert verdicts(some) == ["applied", "applied", "applied"]


def test_as_they_arrived_a_fact_waits_and_a_later_one_lets_it_take_effect() -> None:
    some = steps(ARRIVED, dispatched(10), placed(8), booked(9))

    assert verdicts(some) == ["held", "applied", "applied"]
    assert others(some.step(3)) == [("shipment.dispatched.v1", "held", "applied")]
    assert changed(some.step(3))["stage"] == ("to_book", "in_transit")


def test_a_late_fact_rewrites_what_was_before() -> None:
    some = steps(ARRIVED, placed(8), booked(9), delivered(12), dispatched(10, recorded=20))

    late = some.step(4)
    assert late.outcome is not None
    assert late.outcome.took_effect_at == oclock(10)
    assert rows(late, "order_states")[0] == 1
    assert not changed(late)


def test_a_void_takes_a_fact_away_and_says_which() -> None:
    wrong = booked(9)
    some = steps(ARRIVED, placed(8), wrong, voided(wrong, 12))

    void = some.step(3)
    assert others(void) == [("shipment.booked.v1", "applied", "refused")]
    assert void.others[0].after is not None
    assert void.others[0].after.voided
    assert changed(void)["stage"] == ("booked", "to_book")
    assert rows(void, "shipment_periods") == (0, 1, 0)


def test_a_derived_message_that_was_withdrawn_counts_for_nothing_and_by_place_is_no_step() -> None:
    scan = replace(dispatched(10), source=PARCELS, message_id="scan-1")
    gone = MessageWithdrawn(recorded_at=oclock(20), source=PARCELS, message_id="scan-1")

    arrived = steps(ARRIVED, placed(8), booked(9), scan, gone)

    assert verdicts(arrived) == ["applied", "applied", "applied", "gone"]
    assert changed(arrived.step(4))["stage"] == ("in_transit", "booked")
    assert len(steps(PLACE, placed(8), booked(9), scan, gone)) == 2


def test_a_message_ahead_of_the_clock_is_held_until_the_hold_ends() -> None:
    ahead = replace(dispatched(30), held_until=oclock(29))
    ended = ClockHoldEnded(recorded_at=oclock(29), source=ahead.source, message_id=ahead.message_id)

    some = steps(ARRIVED, placed(8), booked(9), ahead, ended)

    assert verdicts(some) == ["applied", "applied", "held", "applied"]
    assert changed(some.step(4))["stage"] == ("booked", "in_transit")


def test_a_step_is_found_by_its_message() -> None:
    booking = booked(9)
    some = steps(PLACE, booking, placed(8))

    assert some.number_of(booking.key) == 2
    assert some.events[1] == (10, booking)
    assert some.number_of(("nobody", "nothing")) is None


def test_the_clocks_leave_out_what_had_not_happened_or_was_not_known() -> None:
    told = [placed(8), booked(9), delivered(12, recorded=30)]

    assert len(steps(ARRIVED, *told, asked=Asked(as_of=oclock(9)))) == 2
    assert len(steps(ARRIVED, *told, asked=Asked(known_at=oclock(20)))) == 2
    assert len(steps(PLACE, *told, asked=Asked(known_at=oclock(20)))) == 2


@pytest.mark.parametrize("number", [0, 3])
def test_there_is_no_step_before_the_first_nor_after_the_last(number: int) -> None:
    with pytest.raises(IndexError):
        steps(PLACE, placed(8), booked(9)).step(number)


def test_only_the_step_and_the_one_before_it_are_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    some = steps(PLACE, placed(8), *(dispatched(9 + n / 100) for n in range(50)))
    settled: list[int] = []

    def counted(stream: str, facts: list[Fact]) -> Settling[Any]:
        settled.append(len(facts))
        return settle_stream(stream, facts)

    monkeypatch.setattr("infra.app.steps.settle_stream", counted)

    some.step(40)
    some.step(40)

    assert settled == [39, 40]
