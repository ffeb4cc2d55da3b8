"""What carriers say of a tracking number is said to each order whose shipment has or had the number."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import msgspec
import pytest

from consumers.reactors.parcels import parcel_messages
from domain.derived import PARCELS
from domain.fact import Fact
from domain.order.kind import ORDER
from domain.settling import Settling, settle
from domain.verdict import Verdict
from tests.unit.domain.facts import (
    booked,
    cancelled,
    delivered,
    oclock,
    parcel_attempted,
    parcel_delayed,
    parcel_delivered,
    parcel_dispatched,
    placed,
    rebooked,
    shipment_cancelled,
    voided,
)

Scans = Mapping[str, Sequence[Any]]
A_MONTH = 30 * 24


def told(facts: Sequence[Fact], scans: Scans) -> tuple[Fact, ...]:
    """What the order is told; asked in several orders of arrival, which must make no difference."""
    found = tuple(message.fact for message in parcel_messages("SO-1", facts, scans))
    arrivals = list(permutations(facts)) if len(facts) < 5 else [facts, facts[::-1], [*facts[2:], *facts[:2]]]
    for arrived in arrivals:
        again = parcel_messages("SO-1", arrived, {number: said[::-1] for number, said in scans.items()})
        assert tuple(message.fact for message in again) == found
    # and telling an order what it was told changes nothing
    assert tuple(message.fact for message in parcel_messages("SO-1", [*facts, *found], scans)) == found
    return found


def settled(facts: Sequence[Fact], scans: Scans) -> Settling[Any]:
    """The order with what it is told."""
    return settle(ORDER.decider, "SO-1", [*facts, *told(facts, scans)])


def types(facts: Sequence[Fact]) -> list[str]:
    return [fact.TYPE for fact in facts]


def test_each_message_of_the_carrier_is_an_ordinary_message_about_the_shipment() -> None:
    # given
    scans: list[Any] = [
        parcel_dispatched(10),
        parcel_delayed(11, 20, reason="snow"),
        parcel_attempted(12, reason="nobody at home"),
        said_with(parcel_delivered(13, signed_by="M. Anders"), correlation_id="C-1"),
    ]
    # when
    found: Sequence[Any] = told([placed(), booked(9, tracking="1Z")], {"1Z": scans})
    # then
    assert types(found) == [
        "shipment.dispatched.v1",
        "shipment.delayed.v1",
        "delivery.attempted.v1",
        "delivery.confirmed.v1",
    ]
    for fact, scan in zip(found, scans, strict=True):
        assert (fact.shipment_id, fact.source, fact.occurred_at) == ("S-1", PARCELS, scan.occurred_at)
        assert (fact.causation_id, fact.correlation_id) == (scan.message_id, scan.correlation_id)
    assert found[1].estimated_delivery == scans[1].estimated_delivery
    assert found[1].reason == scans[1].reason
    assert found[2].reason == scans[2].reason
    assert found[3].signed_by == scans[3].signed_by
    assert found[3].parcel is None
    assert settled([placed(), booked(9, tracking="1Z")], {"1Z": scans}).state.completion.at == oclock(13)


def said_with(fact: Fact, **more: Any) -> Fact:
    return msgspec.structs.replace(fact, **more)


def test_a_booking_may_come_after_the_scans_that_it_explains() -> None:
    facts = [placed(), booked(12, tracking="1Z")]
    order = settled(facts, {"1Z": [parcel_dispatched(10), parcel_delivered(11)]})
    assert order.state.completion.at == oclock(12), "goods are there when the booking says whose they are"


@pytest.mark.parametrize(("scan_recorded", "booking_recorded", "expected"), [(10, 20, 20), (20, 10, 20), (15, 15, 15)])
def test_it_is_recorded_when_the_later_of_its_reasons_was(
    scan_recorded: float, booking_recorded: float, expected: float
) -> None:
    facts = [placed(), booked(9, tracking="1Z", recorded=booking_recorded)]
    (found,) = told(facts, {"1Z": [parcel_dispatched(9.5, recorded=scan_recorded)]})
    assert found.recorded_at == oclock(expected)


def test_the_earliest_recorded_naming_counts() -> None:
    facts = [placed(), booked(9, tracking="1Z", recorded=30), rebooked(9.5, parcels=("1Z",), recorded=12)]
    (found,) = told(facts, {"1Z": [parcel_dispatched(10, recorded=10)]})
    assert found.recorded_at == oclock(12)


# -- numbers ---------------------------------------------------------------------------------------


def test_a_number_that_no_booking_names_says_nothing() -> None:
    assert told([placed(), booked(9, tracking="1Z")], {"1Y": [parcel_dispatched(10)]}) == ()


def test_a_number_that_a_shipment_had_before_is_still_its_own() -> None:
    facts = [placed(), booked(9, tracking="1Z"), rebooked(10, tracking="1Y")]
    found = told(facts, {"1Z": [parcel_dispatched(11)], "1Y": [parcel_delivered(12)]})
    assert types(found) == ["shipment.dispatched.v1", "delivery.confirmed.v1"]


def test_a_booking_that_a_rule_refused_names_no_number() -> None:
    facts = [placed(), booked(9), booked(10, "S-2", tracking="1Z")]  # nothing is left to book
    assert told(facts, {"1Z": [parcel_dispatched(11)]}) == ()


def test_a_number_that_is_typed_in_late_tells_everything_although_the_rebooking_is_refused_then() -> None:
    # given a shipment that was delivered before anyone typed in its number
    facts = [placed(), booked(9), late := rebooked(20, tracking="1Z")]
    scans = {"1Z": [parcel_dispatched(10), parcel_delivered(11)]}
    # then the order is told of the delivery, and the rebooking, which it makes impossible, is its reason all the same
    order = settled(facts, scans)
    assert order.state.completion.at == oclock(11)
    assert order.outcomes[late.key].verdict is Verdict.REFUSED


def test_each_of_several_shipments_with_the_number_is_told() -> None:
    facts = [
        placed(lines={1: 10, 2: 5}),
        booked(9, "S-1", {1: 10}, tracking="TRUCK"),
        booked(9, "S-2", {2: 5}, tracking="TRUCK"),
    ]
    found: Sequence[Any] = told(facts, {"TRUCK": [parcel_delivered(12)]})
    assert [fact.shipment_id for fact in found] == ["S-1", "S-2"]
    assert settled(facts, {"TRUCK": [parcel_delivered(12)]}).state.completion is not None


def test_the_last_of_the_parcels_completes_the_shipment() -> None:
    facts = [placed(), booked(9, parcels=("P-1", "P-2"), tracking="1Z")]
    one, both = {"P-1": [parcel_delivered(10)]}, {"P-1": [parcel_delivered(10)], "P-2": [parcel_delivered(11)]}
    assert [fact.parcel for fact in told(facts, both)] == ["P-1", "P-2"]  # type: ignore[attr-defined]
    assert settled(facts, one).state.completion is None
    assert settled(facts, both).state.completion.at == oclock(11)
    # and the number of the whole shipment delivers the rest
    assert settled(facts, {"1Z": [parcel_delivered(10)]}).state.completion.at == oclock(10)


def test_a_number_that_became_one_of_the_parcels_is_a_parcel_of_the_shipment() -> None:
    facts = [placed(), booked(9, tracking="1Z"), rebooked(9.5, parcels=("1Z", "1Y"))]
    (found,) = told(facts, {"1Z": [parcel_delivered(10)]})
    assert found.parcel == "1Z"  # type: ignore[attr-defined]


def test_a_number_that_becomes_a_parcel_after_it_was_delivered_delivered_the_whole_shipment() -> None:
    facts = [placed(), booked(9, tracking="1Z"), rebooked(11, parcels=("1Z", "1Y"))]
    (found,) = told(facts, {"1Z": [parcel_delivered(10)]})
    assert found.parcel is None  # type: ignore[attr-defined]
    assert settled(facts, {"1Z": [parcel_delivered(10)]}).state.completion.at == oclock(10)


def test_a_number_that_was_a_parcel_and_is_the_tracking_number_now_delivers_the_rest() -> None:
    facts = [placed(), booked(9, parcels=("1Z", "1Y")), rebooked(10, tracking="1Z", parcels=None)]
    assert settled(facts, {"1Z": [parcel_delivered(11)]}).state.completion.at == oclock(11)


def test_a_parcel_that_is_added_to_its_shipment_after_its_delivery_is_confirmed_when_it_is_there() -> None:
    facts = [placed(), booked(9, parcels=("1Z",)), rebooked(11, parcels=("1Z", "1Y"))]
    scans = {"1Y": [parcel_delivered(10)], "1Z": [parcel_delivered(12)]}
    late = next(fact for fact in told(facts, scans) if fact.parcel == "1Y")  # type: ignore[attr-defined]
    assert late.occurred_at == oclock(11)
    assert settled(facts, scans).state.completion.at == oclock(12)


def test_a_number_too_long_to_be_a_subject_is_left_out() -> None:
    assert told([placed(), booked(9, tracking="1" * 201)], {"1" * 201: [parcel_dispatched(10)]}) == ()


# -- numbers that are used again -------------------------------------------------------------------


@pytest.mark.parametrize("end", [delivered(10), shipment_cancelled(10), cancelled(10)], ids=lambda end: end.TYPE)
def test_a_number_is_another_shipments_30_days_after_the_shipment_ended(end: Fact) -> None:
    facts = [placed(), booked(9, tracking="1Z"), end]
    at_the_limit, before = parcel_dispatched(10 + A_MONTH), parcel_dispatched(10 + A_MONTH - 0.001)
    assert told(facts, {"1Z": [at_the_limit]}) == ()
    assert len(told(facts, {"1Z": [before]})) == 1
    # and it was the shipment's before
    assert len(told(facts, {"1Z": [parcel_dispatched(9.5), at_the_limit]})) == 1


def test_a_delivery_that_the_carrier_told_of_ends_the_shipment_as_any_other() -> None:
    facts = [placed(), booked(9, tracking="1Z")]
    scans = {"1Z": [parcel_delivered(10), parcel_dispatched(10 + A_MONTH), parcel_attempted(9 + A_MONTH)]}
    assert types(told(facts, scans)) == ["delivery.confirmed.v1", "delivery.attempted.v1"]


def test_a_scan_of_30_days_before_the_shipment_got_the_number_was_of_another_shipment() -> None:
    facts = [placed(9 + A_MONTH), booked(10 + A_MONTH, tracking="1Z")]
    assert told(facts, {"1Z": [parcel_delivered(10)]}) == ()
    assert len(told(facts, {"1Z": [parcel_delivered(10.001)]})) == 1


def test_a_cancelled_shipment_is_not_told_what_the_one_booked_in_its_place_is_told() -> None:
    facts = [placed(), booked(9, tracking="1Z"), shipment_cancelled(10), booked(11, "S-2", tracking="1Z")]
    scans = {"1Z": [parcel_dispatched(9.5), parcel_delivered(12)]}
    found: Sequence[Any] = told(facts, scans)
    assert [(fact.TYPE, fact.shipment_id) for fact in found] == [
        ("shipment.dispatched.v1", "S-1"),
        ("shipment.dispatched.v1", "S-2"),
        ("delivery.confirmed.v1", "S-2"),
    ]
    # and without another one it is told that its goods were found
    assert types(told(facts[:3], scans)) == ["shipment.dispatched.v1", "delivery.confirmed.v1"]


def test_a_shipment_that_was_never_delivered_keeps_its_number() -> None:
    facts = [placed(), booked(9, tracking="1Z")]
    assert len(told(facts, {"1Z": [parcel_delivered(9 + 3 * A_MONTH)]})) == 1


def test_a_scan_at_the_beginning_of_time_is_no_failure() -> None:
    began = oclock(0).replace(year=1) + timedelta(days=1)
    scan = said_with(parcel_dispatched(10), occurred_at=began)
    facts = [said_with(placed(), occurred_at=began), said_with(booked(9, tracking="1Z"), occurred_at=began)]
    assert len(told(facts, {"1Z": [scan]})) == 1


# -- reasons that are gone -------------------------------------------------------------------------


def test_nothing_is_told_of_a_voided_scan_until_the_void_is_voided() -> None:
    facts, scan = [placed(), booked(9, tracking="1Z")], parcel_dispatched(10)
    void = voided(scan)
    assert told(facts, {"1Z": [scan, void]}) == ()
    assert len(told(facts, {"1Z": [scan, void, voided(void, 21)]})) == 1


def test_nothing_is_told_of_a_voided_booking_until_the_void_is_voided() -> None:
    booking, scans = booked(9, tracking="1Z"), {"1Z": [parcel_dispatched(10)]}
    void = voided(booking)
    assert told([placed(), booking, void], scans) == ()
    assert len(told([placed(), booking, void, voided(void, 21)], scans)) == 1


def test_a_shipment_that_the_told_delivery_made_impossible_is_told_nothing() -> None:
    # given two shipments, of which the first brings everything before the second is booked
    facts = [placed(), booked(9, tracking="1Z"), shipment_cancelled(9.5), booked(12, "S-2", tracking="1Y")]
    scans: Scans = {"1Z": [parcel_delivered(10)], "1Y": [parcel_dispatched(13)]}
    # then the cancelled one was found, nothing was left to book, and no message waits for the second for ever
    order = settled(facts, scans)
    assert [fact.shipment_id for fact in told(facts, scans)] == ["S-1"]  # type: ignore[attr-defined]
    assert not any(outcome.verdict is Verdict.HELD for outcome in order.outcomes.values())


def test_what_only_a_scan_of_another_parcel_would_make_impossible_is_told() -> None:
    # given a cancelled shipment whose number is another parcel's by now, and a booking after that parcel's delivery
    facts = [
        placed(),
        booked(9, tracking="1Z"),
        shipment_cancelled(9.5),
        booked(11 + A_MONTH, "S-2", tracking="1Y"),
    ]
    scans: Scans = {"1Z": [parcel_delivered(10 + A_MONTH)], "1Y": [parcel_dispatched(12 + A_MONTH)]}
    # then the delivery closes nothing, and the booking's parcel is the order's
    (found,) = told(facts, scans)
    assert found.shipment_id == "S-2"  # type: ignore[attr-defined]


def test_a_scan_that_the_clock_holds_says_nothing_yet() -> None:
    scan = said_with(parcel_dispatched(10), held_until=oclock(9.5))
    assert told([placed(), booked(9, tracking="1Z")], {"1Z": [scan]}) == ()


# -- ids -------------------------------------------------------------------------------------------


def test_ids_follow_from_the_scan_and_from_what_it_says_to_whom() -> None:
    scan = parcel_delivered(10, message_id="same")
    other = said_with(scan, source="another carrier")
    cases: list[tuple[str, Sequence[Fact], Scans]] = [
        ("SO-1", [placed(), booked(9, tracking="1Z")], {"1Z": [scan]}),
        ("SO-2", [placed(), booked(9, tracking="1Z")], {"1Z": [scan]}),
        ("SO-1", [placed(), booked(9, "S-2", tracking="1Z")], {"1Z": [scan]}),
        ("SO-1", [placed(), booked(9, tracking="1Y")], {"1Y": [scan]}),
        ("SO-1", [placed(), booked(9, tracking="1Z")], {"1Z": [other]}),
        ("SO-1", [placed(), booked(9, parcels=("1Z",))], {"1Z": [scan]}),
    ]
    ids = [message.fact.message_id for case in cases for message in parcel_messages(*case)]
    assert len(set(ids)) == 6
    assert all(len(one) <= 200 for one in ids)
