"""An order is placed once, then amended, handed to another rep, promised for another day, or cancelled."""

from decimal import Decimal

import msgspec
import pytest

from domain.fact import Fact
from tests.unit.domain.facts import (
    again,
    amended,
    attempted,
    booked,
    cancelled,
    delivered,
    dispatched,
    expedite_granted,
    expedite_requested,
    placed,
    reassigned,
    rescheduled,
    shipment_cancelled,
)
from tests.unit.domain.specification import given, heard

# -- placing -------------------------------------------------------------------------------------


def test_an_order_that_nobody_told_of_cannot_be_seen() -> None:
    heard().nothing_to_see()


def test_a_placed_order_is_open_and_waits_to_be_booked() -> None:
    given().when(placed(8, {1: 10, 2: 4}, prices={2: 20}, promised_by=17, rep="ann")).then_applied().summary(
        order_id="SO-1",
        status="open",
        stage="to_book",
        rep_id="ann",
        account_id="ALFKI",
        segment="b2b",
        placed_at=8,
        promised_by=17,
        original_promised_by=17,
        left_to_book=True,
        carrier=None,
        mode=None,
        estimated_delivery=None,
        expedite="none",
        expedites_open=0,
        follow_ups=(),
        delivery_attempts=0,
        open_value=Decimal("130.00"),
        currency="USD",
        delivered_at=None,
        delivered_rep_id=None,
    )


def test_an_order_waits_for_no_registration_of_its_rep_or_account() -> None:
    given().when(placed(rep="nobody registered", account="nobody registered")).then_applied()


def test_the_same_placing_said_again_is_a_duplicate() -> None:
    first = placed(8)
    given(first).when(again(first, at=9)).then_duplicate("same content").summary(placed_at=8)


def test_a_placing_is_the_same_by_what_it_means() -> None:
    """Lines in any order, decimals by value, instants by instant."""
    in_other_words = placed(9, {2: "4.00", 1: "10.0"}, prices={1: "5.000"})
    given(placed(8, {1: 10, 2: 4})).when(in_other_words).then_duplicate("same content")


def test_the_same_said_by_another_sender_is_a_duplicate_too() -> None:
    first = placed(8)
    by_the_shop = msgspec.structs.replace(again(first, at=9), source="web-shop")
    given(first).when(by_the_shop).then_duplicate("same content")


@pytest.mark.parametrize(
    "other",
    [
        placed(9, rep="bob"),
        placed(9, account="BONAP"),
        placed(9, {1: 11}),
        placed(9, prices={1: 6}),
        placed(9, promised_by=18),
        placed(9, segment="b2c"),
        placed(9, currency="EUR"),
    ],
    ids=["rep", "account", "quantity", "price", "promise", "segment", "currency"],
)
def test_another_placing_of_the_order_is_refused(other: Fact) -> None:
    given(placed(8)).when(other).then_refused("placed before, with other content").summary(
        rep_id="ann", account_id="ALFKI", promised_by=17, currency="USD", open_value=Decimal("50.00")
    )


def test_of_two_contradictory_placings_the_earlier_counts_whichever_comes_first() -> None:
    history = heard(placed(9, rep="bob"), placed(8, rep="ann"))
    history.then(history.facts[1]).then_applied()
    history.then(history.facts[0]).then_refused("other content").summary(rep_id="ann")


def test_a_cancelled_order_is_not_placed_again() -> None:
    first = placed(8)
    given(first, cancelled(9)).when(again(first, at=10)).then_duplicate()
    given(first, cancelled(9)).when(placed(10, rep="bob")).then_refused("other content")


@pytest.mark.parametrize(
    "early",
    [
        amended(9, {1: 1}),
        reassigned(9, "bob"),
        rescheduled(9, 18),
        cancelled(9),
        expedite_requested(9),
        booked(9),
        dispatched(9),
        delivered(9),
    ],
    ids=lambda fact: fact.TYPE,
)
def test_whatever_comes_before_the_placing_is_held(early: Fact) -> None:
    given().when(early).then_held("order SO-1 is not known yet").nothing_to_see()


# -- amending ------------------------------------------------------------------------------------


def test_an_amendment_says_all_lines_anew() -> None:
    given(placed(8, {1: 10, 2: 4})).when(amended(9, {1: 8, 3: 1}, prices={1: 7, 3: 2})).then_applied().summary(
        open_value=Decimal("58.00"), original_promised_by=17
    )


def test_an_amendment_may_leave_a_line_at_what_was_delivered_of_it() -> None:
    given(placed(8, {1: 10, 2: 4}), booked(9), delivered(10, lines={1: 6})).when(
        amended(11, {1: 6, 2: 4})
    ).then_applied().summary(status="open", open_value=Decimal("20.00"))


def test_an_amendment_leaves_no_line_below_what_was_delivered_of_it() -> None:
    given(placed(8, {1: 10, 2: 4}), booked(9), delivered(10, lines={1: 6})).when(
        amended(11, {1: 5, 2: 4})
    ).then_refused("line 1 would fall to 5, of which 6 were delivered").summary(open_value=Decimal("40.00"))


def test_an_amendment_drops_no_line_of_which_something_was_delivered() -> None:
    given(placed(8, {1: 10, 2: 4}), booked(9), delivered(10, lines={1: 6})).when(amended(11, {2: 4})).then_refused(
        "line 1 would fall to 0"
    )


def test_an_amendment_may_drop_a_line_of_which_nothing_was_delivered() -> None:
    given(placed(8, {1: 10, 2: 4}), booked(9), delivered(10, lines={1: 6})).when(amended(11, {1: 10})).then_applied()


def test_an_amendment_below_what_is_on_its_way_leaves_nothing_to_book() -> None:
    given(placed(8, {1: 10}), booked(9, lines={1: 8})).when(amended(10, {1: 5})).then_applied().summary(
        left_to_book=False
    ).when(booked(11, "S-2")).then_refused("nothing is left to book")


def test_an_amendment_adds_to_what_is_left_to_book() -> None:
    given(placed(8, {1: 10}), booked(9)).when(amended(10, {1: 12})).then_applied().summary(left_to_book=True).when(
        booked(11, "S-2", {1: 2})
    ).then_applied().summary(left_to_book=False)


def test_an_amendment_completes_an_order_of_which_all_that_remains_was_delivered() -> None:
    given(placed(8, {1: 10}), booked(9), delivered(10, lines={1: 6})).when(amended(11, {1: 6})).then_applied().summary(
        status="delivered", delivered_at=11
    )


def test_an_order_that_an_amendment_completes_is_short() -> None:
    given(placed(8, {1: 10, 2: 4}), booked(9), delivered(10, lines={1: 10})).when(
        amended(11, {1: 10})
    ).then_applied().summary(status="delivered", delivered_at=11, short=True, last_delivered_at=10)


def test_an_amendment_completes_nothing_of_an_order_of_which_nothing_was_delivered() -> None:
    given(placed(8, {1: 10, 2: 4})).when(amended(9, {2: 1})).then_applied().summary(status="open", short=None)


def test_an_amendment_that_leaves_one_line_undelivered_completes_nothing() -> None:
    given(placed(8, {1: 10, 2: 4}), booked(9), delivered(10, lines={1: 6})).when(
        amended(11, {1: 6, 2: 1})
    ).then_applied().summary(status="open", stage="partly_delivered")


def test_a_cancelled_order_takes_no_amendment() -> None:
    given(placed(8), cancelled(9)).when(amended(10, {1: 5})).then_refused("the order is cancelled")


def test_a_delivered_order_takes_no_amendment() -> None:
    given(placed(8), booked(9), delivered(10)).when(amended(11, {1: 12})).then_refused("the order is complete")


# -- handing over --------------------------------------------------------------------------------


def test_a_reassigned_order_is_the_other_reps() -> None:
    given(placed(8, rep="ann")).when(reassigned(9, "bob")).then_applied().summary(rep_id="bob")


def test_a_closed_order_can_still_be_reassigned() -> None:
    given(placed(8), cancelled(9)).when(reassigned(10, "bob")).then_applied().summary(rep_id="bob")
    given(placed(8), booked(9), delivered(10)).when(reassigned(11, "bob")).then_applied().summary(rep_id="bob")


# -- another day ---------------------------------------------------------------------------------


@pytest.mark.parametrize("promise", [12, 40], ids=["earlier", "later"])
def test_a_rescheduled_order_has_a_new_promise_and_keeps_the_first_one(promise: float) -> None:
    given(placed(8, promised_by=17)).when(rescheduled(9, promise)).then_applied().summary(
        promised_by=promise, original_promised_by=17
    )


def test_a_cancelled_order_takes_no_rescheduling() -> None:
    given(placed(8), cancelled(9)).when(rescheduled(10, 20)).then_refused("the order is cancelled").summary(
        promised_by=17
    )


def test_a_delivered_order_takes_no_rescheduling() -> None:
    given(placed(8), booked(9), delivered(10)).when(rescheduled(11, 20)).then_refused("the order is complete").summary(
        promised_by=17
    )


# -- cancelling ----------------------------------------------------------------------------------


def test_an_order_of_which_nothing_was_delivered_can_be_cancelled() -> None:
    given(placed(8)).when(cancelled(9)).then_applied().summary(status="cancelled", stage=None)


def test_an_order_on_its_way_can_be_cancelled() -> None:
    given(placed(8), booked(9), dispatched(10), attempted(11)).when(cancelled(12)).then_applied()


def test_cancelling_an_order_of_which_part_was_delivered_closes_its_rest() -> None:
    given(placed(8, {1: 10, 2: 4}, charges={3: 7}), booked(9), delivered(10, lines={1: 6})).when(
        cancelled(11)
    ).then_applied().summary(
        status="delivered",
        delivered_at=11,
        last_delivered_at=10,
        short=True,
        cancel_reason="no longer needed",
        order_value=Decimal("37.00"),
        open_value=Decimal(0),
        lines=2,
    ).line(1, quantity=6, delivered=6, booked=0, delivered_at=10).no_line(2).line(3, quantity=1).shipment(
        "S-1", cancelled_at=11, delivered_at=None
    )


def test_cancelling_the_rest_keeps_no_surplus_in_the_quantity() -> None:
    given(placed(8, {1: 10, 2: 4}), booked(9), delivered(10, lines={1: 12})).when(cancelled(11)).then_applied().line(
        1, quantity=10, delivered=12, over_delivered=2
    )


def test_a_complete_order_refuses_a_cancellation() -> None:
    given(placed(8), booked(9), delivered(10)).when(cancelled(11)).then_refused("the order is complete").summary(
        status="delivered", delivered_at=10, cancel_reason=None
    )


def test_an_order_whose_rest_a_cancellation_closed_is_cancelled_already() -> None:
    given(placed(8), booked(9), delivered(10, lines={1: 1}), cancelled(11)).when(cancelled(12)).then_duplicate(
        "the order's rest was cancelled before"
    ).summary(delivered_at=11)


def test_cancelled_again_is_a_duplicate_whatever_the_reason() -> None:
    given(placed(8), cancelled(9)).when(cancelled(10)).then_duplicate("cancelled before")


def test_the_shipments_of_a_cancelled_order_end_with_it() -> None:
    history = given(placed(8), booked(9, "S-1", {1: 4}), dispatched(10, "S-1"), booked(11, "S-2"), cancelled(12))
    history.summary(carrier=None, mode=None, estimated_delivery=None)
    history.when(dispatched(13, "S-2")).then_refused("shipment S-2 was cancelled")
    history.when(delivered(13, "S-1")).then_refused("shipment S-1 was cancelled, and the order is cancelled")
    history.when(shipment_cancelled(13, "S-1")).then_duplicate("shipment S-1 was cancelled before")


def test_a_cancelled_order_can_be_cancelled_only_once_but_stays_what_it_was() -> None:
    given(placed(8, rep="ann"), expedite_requested(9), expedite_granted(10, promised_by=12), cancelled(11)).summary(
        status="cancelled", rep_id="ann", promised_by=12, open_value=Decimal(0), delivered_at=None
    )
