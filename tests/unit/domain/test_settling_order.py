"""In which order facts are taken, what waits for what, and what is tried again at one instant."""

from datetime import timedelta, timezone
from itertools import permutations

import msgspec
import pytest

from domain.fact import Fact
from domain.order.kind import ORDER
from domain.settling import settle
from domain.verdict import Outcome, Verdict
from tests.unit.domain.facts import (
    again,
    amended,
    attempted,
    booked,
    cancelled,
    customer_informed,
    delayed,
    delivered,
    dispatched,
    expedite_declined,
    expedite_requested,
    oclock,
    placed,
    reassigned,
    rebooked,
    reinstated,
    rescheduled,
    returned,
    shipment_cancelled,
    voided,
)
from tests.unit.domain.specification import follow_up, given, heard

# -- 1. the place of a fact ----------------------------------------------------------------------


def test_facts_are_taken_in_the_order_of_their_times() -> None:
    heard(reassigned(11, "cleo"), reassigned(10, "bob"), placed(8, rep="ann")).summary(rep_id="cleo")


def test_at_one_instant_facts_are_taken_in_the_order_of_the_contracts_table() -> None:
    day = heard(
        delivered(9),
        attempted(9),
        delayed(9),
        dispatched(9),
        rebooked(9),
        booked(9),
        customer_informed(9, "expedite", "R-1"),
        expedite_declined(9),
        expedite_requested(9),
        rescheduled(9, 18),
        reassigned(9, "bob"),
        amended(9, {1: 4}),
        placed(9),
    )
    assert [moment.fact for moment in day.settling.moments] == list(reversed(day.facts))


def test_the_newer_types_are_taken_last_of_an_instant_as_the_table_has_them() -> None:
    history = heard(placed(8), returned(9, lines={1: 1}), delivered(9, lines={1: 1}), shipment_cancelled(9), booked(9))
    taken = [moment.fact.TYPE for moment in history.settling.moments]
    assert taken == [
        "order.placed.v1",
        "shipment.booked.v1",
        "shipment.cancelled.v1",
        "delivery.confirmed.v1",
        "delivery.returned.v1",
    ]
    heard(placed(8), reinstated(9), cancelled(9)).summary(status="open")


def test_at_one_instant_facts_of_one_type_are_taken_in_the_order_of_sender_and_then_of_id() -> None:
    def to(rep: str, source: str, message_id: str) -> Fact:
        return msgspec.structs.replace(reassigned(9, rep), source=source, message_id=message_id)

    heard(placed(8), to("third", "b", "1"), to("second", "a", "2"), to("first", "a", "1")).summary(rep_id="third")
    heard(placed(8), to("third", "b", "1"), to("second", "a", "2"), to("first", "a", "10")).summary(rep_id="third")
    heard(placed(8), to("by id, read as text", "a", "9"), to("not by number", "a", "10")).summary(
        rep_id="by id, read as text"
    )


def test_an_instant_is_the_same_instant_in_every_time_zone() -> None:
    in_tokyo = timezone(timedelta(hours=9))
    cancelling = msgspec.structs.replace(cancelled(9), occurred_at=oclock(9).astimezone(in_tokyo))
    heard(placed(8), cancelling, amended(9, {1: 4})).then(cancelling).then_applied()
    booking = msgspec.structs.replace(booked(9, "S-2"), occurred_at=oclock(9).astimezone(in_tokyo))
    heard(placed(8), booked(8.5, "S-1"), booking, shipment_cancelled(9, "S-1")).then(booking).then_applied()


def test_a_fact_is_judged_by_what_took_effect_before_it_not_by_what_came_in_before_it() -> None:
    given(placed(8), cancelled(10)).when(amended(9, {1: 4})).then_applied()
    given(placed(8), booked(11, "S-2", {1: 10})).when(booked(10, "S-1", {1: 10})).then_applied()


def test_a_late_message_can_make_an_applied_one_refused_and_a_refused_one_right() -> None:
    later = booked(11, "S-2", {1: 10})
    history = given(placed(8), later).when(booked(9, "S-1", {1: 10})).then_applied()
    history.then(later).then_refused("nothing is left to book")
    history.when(shipment_cancelled(10, "S-1")).then_applied().then(later).then_applied()


# -- 2. waiting ----------------------------------------------------------------------------------


def test_a_fact_takes_effect_at_the_instant_at_which_what_it_names_appears() -> None:
    early = dispatched(9)
    history = heard(placed(8), early, booked(10))
    history.then(early).then_applied(at=10)
    history.at(9).then(early).then_held("shipment S-1 is not known yet").summary(stage="to_book")
    history.at(10).summary(stage="in_transit")


def test_what_came_before_the_order_was_placed_takes_effect_with_the_placing() -> None:
    history = heard(booked(7.5), dispatched(7.75), placed(8))
    history.then(history.facts[0]).then_applied(at=8)
    history.then(history.facts[1]).then_applied(at=8).summary(stage="in_transit")


def test_what_waits_twice_takes_effect_when_the_last_thing_appears() -> None:
    early = dispatched(7)
    history = heard(early, placed(8), booked(9))
    history.then(early).then_applied(at=9)
    heard(early, placed(8)).then(early).then_held("shipment S-1")
    heard(early).then(early).then_held("order SO-1")


def test_what_waited_is_taken_in_the_order_of_places() -> None:
    history = heard(reassigned(7.5, "cleo"), placed(8, rep="ann"), reassigned(7, "bob"))
    assert [m.summary.rep_id for m in history.settling.moments] == ["ann", "bob", "cleo"]


def test_what_waited_comes_before_the_rest_of_the_instant() -> None:
    heard(placed(8), delivered(8.5, lines={1: 10}), booked(9), shipment_cancelled(9)).summary(status="delivered")


def test_a_follow_up_is_owed_from_when_the_decline_took_effect() -> None:
    heard(placed(8), expedite_declined(8.5), expedite_requested(9)).owes(follow_up("expedite", 9, "R-1"))


def test_what_waited_is_judged_by_the_rules_when_its_time_has_come() -> None:
    early = delivered(8.5, lines={2: 7})
    heard(placed(8, {1: 10, 2: 7}), early, booked(9, lines={1: 6})).then(early).then_refused(
        "line 2 is not on shipment S-1"
    )


def test_what_waited_and_was_then_forbidden_is_tried_again_at_that_instant_alone() -> None:
    early = booked(7, "S-1", {2: 1})
    heard(early, placed(8, {1: 10}), amended(8, {1: 10, 2: 1})).then(early).then_applied(at=8)
    heard(early, placed(8, {1: 10}), amended(8.5, {1: 10, 2: 1})).then(early).then_refused("line 2 does not exist")


def test_what_waited_and_was_then_forbidden_is_tried_again_before_what_comes_after_it() -> None:
    """Both bookings want the one piece that the amendment adds, and the first said gets it."""
    first, adding, second = booked(7, "S-1", {2: 1}), amended(7.25, {1: 10, 2: 1}), booked(7.5, "S-2", {2: 1})
    history = heard(first, adding, second, placed(8, {1: 10}))
    history.then(adding).then_applied(at=8)
    history.then(first).then_applied(at=8)
    history.then(second).then_refused("line 2: 1 is more than the 0 left to book")


def test_two_that_wait_for_the_same_both_take_effect() -> None:
    history = heard(placed(8), dispatched(8.25), attempted(8.5), booked(9))
    history.then(history.facts[1]).then_applied(at=9)
    history.then(history.facts[2]).then_applied(at=9).summary(delivery_attempts=1, stage="in_transit")


def test_the_same_said_twice_while_waiting_applies_once() -> None:
    first, second = dispatched(8.25), dispatched(8.5)
    history = heard(placed(8), first, second, booked(9))
    history.then(first).then_applied(at=9)
    history.then(second).then_duplicate()


# -- 3. tried again at one instant ---------------------------------------------------------------


def test_a_date_only_feed_cancels_and_books_again_at_midnight() -> None:
    """A booking ranks before a cancelling of a shipment, so it is forbidden first and right a moment later."""
    again_booked = booked(24, "S-2")
    given(placed(8), booked(9, "S-1"), shipment_cancelled(24, "S-1")).when(again_booked).then_applied().summary(
        stage="booked", left_to_book=False
    )


def test_a_whole_day_told_at_midnight_settles_in_the_only_order_that_makes_sense() -> None:
    day = (
        placed(24),
        booked(24, "S-1"),
        shipment_cancelled(24, "S-1"),
        booked(24, "S-2", {1: 10}),
        dispatched(24, "S-2"),
        delivered(24, "S-2"),
    )
    heard(*day).summary(status="delivered")
    for arrival in permutations(day):
        outcomes = settle(ORDER.decider, "SO-1", arrival, watched=False).outcomes
        assert {outcomes[fact.key] for fact in day} == {Outcome(Verdict.APPLIED, took_effect_at=oclock(24))}


def test_a_forbidden_fact_is_not_tried_again_at_a_later_instant() -> None:
    given(placed(8), booked(9, "S-1"), shipment_cancelled(24.001, "S-1")).when(booked(24, "S-2")).then_refused(
        "nothing is left to book"
    )


def test_retries_go_on_while_anything_applies() -> None:
    """Each swap makes room for the next one."""
    history = given(placed(8, {1: 10}), booked(9, "S-1"))
    swaps = [
        booked(24, "S-2"),
        shipment_cancelled(24, "S-1"),
        booked(24, "S-3"),
        shipment_cancelled(24, "S-2"),
    ]
    swapped = heard(*history.facts, *swaps)
    for fact in swaps:
        swapped.then(fact).then_applied()
    swapped.summary(stage="booked", left_to_book=False)


def test_of_two_forbidden_ones_for_which_there_is_room_once_the_first_in_place_applies() -> None:
    first, second = booked(24, "S-2"), booked(24, "S-3")
    history = heard(placed(8), booked(9, "S-1"), shipment_cancelled(24, "S-1"), first, second)
    history.then(first).then_applied()
    history.then(second).then_refused("nothing is left to book")


def test_what_waits_for_a_retried_fact_follows_it_at_the_same_instant() -> None:
    gone = dispatched(24, "S-2")
    given(placed(8), booked(9, "S-1"), shipment_cancelled(24, "S-1"), booked(24, "S-2")).when(
        gone
    ).then_applied().summary(stage="in_transit")


def test_a_fact_that_an_amendment_of_the_same_instant_allows_applies() -> None:
    given(placed(8, {1: 10})).when(booked(9, lines={1: 12})).then_refused("more than").when(
        amended(9, {1: 12})
    ).then_applied()


def test_a_partial_delivery_of_the_same_instant_lets_no_cancelling_through() -> None:
    """Cancelling ranks first: it takes effect and the delivery is forbidden, however they came in."""
    history = heard(placed(8), booked(9), delivered(10, lines={1: 1}), cancelled(10))
    history.then(history.facts[3]).then_applied()
    history.then(history.facts[2]).then_refused("shipment S-1 was cancelled").summary(status="cancelled")


def test_a_duplicate_is_not_tried_again() -> None:
    """Said at the instant of a reinstatement, which ranks last, a cancellation is the one that stood before."""
    once_more = cancelled(24)
    history = given(placed(8), cancelled(10)).when(once_more).then_duplicate("cancelled before")
    history.when(reinstated(24)).then_applied().then(once_more).then_duplicate().summary(status="open")


# -- 5. the end ----------------------------------------------------------------------------------


def test_what_waits_at_the_end_is_held_and_what_was_forbidden_is_refused() -> None:
    history = heard(placed(8), booked(9, "S-1"), booked(10, "S-2"), dispatched(11, "S-3"))
    history.then(history.facts[2]).then_refused("nothing is left to book")
    history.then(history.facts[3]).then_held("shipment S-3 is not known yet")


def test_what_names_a_shipment_whose_booking_was_refused_is_held() -> None:
    given(placed(8), booked(9, "S-1")).when(booked(10, "S-2")).then_refused("nothing is left").when(
        dispatched(11, "S-2")
    ).then_held("shipment S-2 is not known yet")


# -- moments and steps ---------------------------------------------------------------------------


def test_every_fact_that_took_effect_is_a_moment_with_how_the_order_stood_then() -> None:
    history = heard(dispatched(8.5), placed(8), booked(9), booked(10, "S-2"), cancelled(11))
    told = [(m.at, m.fact.TYPE, m.summary.status, m.summary.stage) for m in history.settling.moments]
    assert told == [
        (oclock(8), "order.placed.v1", "open", "to_book"),
        (oclock(9), "shipment.booked.v1", "open", "booked"),
        (oclock(9), "shipment.dispatched.v1", "open", "in_transit"),
        (oclock(11), "order.cancelled.v1", "cancelled", None),
    ]


def test_the_verdicts_can_be_had_without_the_moments() -> None:
    facts = [placed(8), booked(9), booked(10, "S-2")]
    watched, unwatched = (settle(ORDER.decider, "SO-1", facts, watched=watched) for watched in (True, False))
    assert unwatched.moments == []
    assert (unwatched.outcomes, unwatched.state) == (watched.outcomes, watched.state)


def test_a_settling_says_whether_something_waits_or_was_forbidden_at_its_last_instant() -> None:
    assert given(placed(8), booked(9)).settling.nothing_waits
    assert not heard(placed(8), dispatched(9)).settling.nothing_waits
    assert not heard(placed(8), booked(9), booked(10, "S-2")).settling.nothing_waits
    assert heard(placed(8), booked(9), booked(10, "S-2"), attempted(11)).settling.nothing_waits


def test_a_settling_knows_the_place_of_the_fact_last_taken() -> None:
    last = booked(9)
    assert heard(last, placed(8)).settling.last_sort_key == last.sort_key


@pytest.mark.parametrize("hour", [8, 8.5, 9, 12], ids=str)
def test_settling_on_takes_up_where_settling_ended(hour: float) -> None:
    begun = given(placed(8)).settling
    late = again(booked(hour), at=max(hour, 8.5))
    begun.take(late)
    assert begun.outcomes[late.key].took_effect_at == late.occurred_at


def test_a_settling_says_whether_any_fact_is_a_void() -> None:
    wrong = booked(9)
    assert not given(placed(8), wrong).settling.has_voids
    assert heard(placed(8), wrong, voided(wrong)).settling.has_voids
    assert heard(placed(8), voided(wrong)).settling.has_voids
