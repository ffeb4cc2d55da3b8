"""Delivery in part and in full, and who answers for it."""

from decimal import Decimal

from tests.unit.domain.facts import (
    amended,
    attempted,
    booked,
    cancelled,
    customer_informed,
    delayed,
    delivered,
    dispatched,
    placed,
    reassigned,
    rebooked,
    shipment_cancelled,
)
from tests.unit.domain.specification import given, heard

# -- confirming ----------------------------------------------------------------------------------


def test_a_confirmation_without_lines_delivers_the_rest_of_the_shipment() -> None:
    given(placed(8, {1: 10, 2: 4}), booked(9), delivered(10, lines={1: 3})).when(delivered(11)).then_applied().summary(
        status="delivered", delivered_at=11
    )


def test_a_confirmation_with_lines_delivers_those() -> None:
    given(placed(8, {1: 10, 2: 4}), booked(9)).when(delivered(10, lines={1: 6})).then_applied().summary(
        status="open", stage="partly_delivered", open_value=Decimal("40.00")
    )


def test_a_confirmation_may_take_exactly_what_the_shipment_has_left() -> None:
    given(placed(8), booked(9), delivered(10, lines={1: 6})).when(delivered(11, lines={1: 4})).then_applied().summary(
        status="delivered"
    )


def test_a_confirmation_takes_no_line_that_is_not_on_the_shipment() -> None:
    given(placed(8, {1: 10, 2: 4}), booked(9, "S-1", {1: 10}), booked(9, "S-2", {2: 4})).when(
        delivered(10, "S-1", {2: 1})
    ).then_refused("line 2 is not on shipment S-1")


def test_a_confirmation_with_one_line_that_is_not_on_the_shipment_delivers_none_of_its_lines() -> None:
    given(placed(8, {1: 10, 2: 4}), booked(9, lines={1: 10})).when(delivered(10, lines={1: 10, 2: 4})).then_refused(
        "line 2"
    ).summary(stage="booked")


# -- more than was planned -----------------------------------------------------------------------


def test_more_than_the_shipment_has_left_is_taken_and_the_surplus_noted() -> None:
    given(placed(8), booked(9)).when(delivered(10, lines={1: "10.3"})).then_applied().summary(
        status="delivered", delivered_at=10, short=False, open_value=Decimal(0)
    ).line(1, quantity="10", delivered="10.3", over_delivered="0.3", booked=0, delivered_at=10)


def test_a_surplus_on_one_line_makes_up_for_nothing_on_another() -> None:
    given(placed(8, {1: 10, 2: 4}), booked(9)).when(delivered(10, lines={1: 12, 2: 3})).then_applied().summary(
        status="open", open_value=Decimal("5.00")
    ).line(1, over_delivered=2).line(2, delivered=3, over_delivered=0, booked=1)


def test_a_surplus_leaves_less_to_book_but_never_less_than_nothing() -> None:
    given(placed(8, {1: 10}), booked(9, "S-1", {1: 4}), delivered(10, "S-1", {1: 7})).when(
        booked(11, "S-2", {1: 4})
    ).then_refused("line 1: 4 is more than the 3 left to book")
    given(placed(8, {1: 10, 2: 1}), booked(9, "S-1", {1: 4}), delivered(10, "S-1", {1: 12})).when(
        booked(11, "S-2")
    ).then_applied().line(1, booked=0).line(2, booked=1)


def test_what_arrives_after_the_order_was_complete_is_surplus() -> None:
    given(placed(8, {1: 10}), booked(9, "S-1", {1: 6}), booked(9, "S-2"), delivered(10, "S-1", {1: 10})).summary(
        status="delivered", delivered_at=10
    ).when(delivered(11, "S-2")).then_applied().summary(delivered_at=10, last_delivered_at=11).line(
        1, delivered=14, over_delivered=4, delivered_at=10
    )


# -- confirming again ----------------------------------------------------------------------------


def test_a_confirmation_of_a_shipment_with_nothing_left_at_the_same_time_is_already_so() -> None:
    whole = given(placed(8), booked(9), delivered(10))
    whole.when(delivered(10, message_id="z-1", signed_by=None)).then_duplicate("shipment S-1 was confirmed before")
    whole.when(delivered(10, lines={1: 10}, message_id="z-1")).then_duplicate("was confirmed before")


def test_a_confirmation_of_other_lines_than_were_delivered_then_is_refused() -> None:
    given(placed(8), booked(9), delivered(10)).when(delivered(10, lines={1: 4}, message_id="z-1")).then_refused(
        "shipment S-1 was confirmed before, at 2026-03-02T10:00:00+00:00"
    )


def test_all_that_was_delivered_at_one_time_may_be_said_in_one() -> None:
    given(
        placed(8, {1: 10}), booked(9), delivered(10, lines={1: 4}), delivered(10, lines={1: 6}, message_id="y-1")
    ).when(delivered(10, lines={1: 10}, message_id="z-1")).then_duplicate()


def test_a_confirmation_of_a_shipment_with_nothing_left_at_another_time_is_refused_and_says_why() -> None:
    """A mis-scan and then the true delivery must meet a person's eye."""
    for again_at_11 in (delivered(11), delivered(11, lines={1: 10}), delivered(11, lines={1: 1})):
        given(placed(8), booked(9), delivered(10)).when(again_at_11).then_refused(
            "was confirmed before, at 2026-03-02T10:00:00+00:00, with nothing left; if that confirmation was wrong, "
            "void it"
        ).summary(delivered_at=10)


# -- what was cancelled and arrives all the same -------------------------------------------------


def test_a_cancelled_shipment_that_arrives_all_the_same_counts_while_the_order_is_open() -> None:
    given(placed(8), booked(9), shipment_cancelled(10)).summary(stage="to_book").when(
        delivered(12)
    ).then_applied().summary(status="delivered", delivered_at=12).shipment(
        "S-1", cancelled_at=None, cancel_reason=None, delivered_at=12
    )


def test_a_confirmation_of_a_part_ends_the_cancelling_and_the_rest_is_carried_again() -> None:
    given(placed(8), booked(9), shipment_cancelled(10)).when(delivered(12, lines={1: 4})).then_applied().summary(
        stage="partly_delivered", left_to_book=False, carrier="DHL"
    ).line(1, delivered=4, booked=6).shipment("S-1", cancelled_at=None, delivered_at=None)


def test_a_cancelled_shipment_that_is_found_and_delivered_in_part_can_be_cancelled_again() -> None:
    found = given(placed(8), booked(9), shipment_cancelled(10), delivered(12, lines={1: 4}))
    found.when(shipment_cancelled(13)).then_applied().summary(left_to_book=True).shipment("S-1", cancelled_at=13)
    found.when(dispatched(13)).then_applied()


def test_a_shipment_cancelled_after_part_of_it_was_delivered_brings_its_rest_when_it_is_found() -> None:
    given(placed(8), booked(9), delivered(10, lines={1: 6}), shipment_cancelled(11)).when(
        delivered(12)
    ).then_applied().line(1, delivered=10, delivered_at=12).shipment("S-1", delivered_at=12, cancelled_at=None)


def test_what_was_booked_again_and_found_after_all_is_delivered_by_both() -> None:
    given(placed(8), booked(9, "S-1"), shipment_cancelled(10, "S-1"), booked(11, "S-2"), delivered(12, "S-1")).summary(
        status="delivered"
    ).when(delivered(13, "S-2")).then_applied().line(1, delivered=20, over_delivered=10)


def test_a_cancelled_shipment_of_a_closed_order_takes_no_confirmation() -> None:
    given(placed(8), booked(9), cancelled(10)).when(delivered(12)).then_refused(
        "shipment S-1 was cancelled, and the order is cancelled"
    )
    given(placed(8), booked(9, "S-1"), shipment_cancelled(10, "S-1"), booked(11, "S-2"), delivered(12, "S-2")).when(
        delivered(13, "S-1")
    ).then_refused("shipment S-1 was cancelled, and the order is complete")


def test_a_shipment_needs_no_dispatch_to_be_delivered() -> None:
    given(placed(8), booked(9)).when(delivered(10)).then_applied().summary(status="delivered")


# -- completing ----------------------------------------------------------------------------------


def test_an_order_is_complete_when_every_line_has_been_delivered_in_full() -> None:
    given(placed(8, {1: 10, 2: 4}), booked(9, "S-1", {1: 10}), booked(9, "S-2"), delivered(10, "S-1")).summary(
        status="open", delivered_at=None
    ).when(delivered(12, "S-2")).then_applied().summary(
        status="delivered", stage=None, delivered_at=12, open_value=Decimal(0)
    )


def test_a_line_can_be_delivered_by_several_shipments() -> None:
    given(placed(8, {1: 10}), booked(9, "S-1", {1: 4}), booked(9, "S-2", {1: 6}), delivered(10, "S-2")).when(
        delivered(11, "S-1")
    ).then_applied().summary(status="delivered", delivered_at=11)


def test_the_rep_who_held_the_order_then_answers_for_it() -> None:
    given(placed(8, rep="ann"), booked(9), reassigned(10, "bob"), delivered(11), reassigned(12, "cleo")).summary(
        delivered_rep_id="bob", rep_id="cleo"
    )


def test_a_completed_order_names_the_carrier_of_the_shipment_last_confirmed() -> None:
    given(
        placed(8, {1: 10}),
        booked(9, "S-1", {1: 4}, carrier="our van", mode="in_house", estimate=12),
        booked(9, "S-2", carrier="DHL", mode="courier", estimate=16),
        delivered(10, "S-2"),
        delivered(11, "S-1"),
    ).summary(delivered_carrier="our van", delivered_mode="in_house")


def test_a_completed_order_names_the_carrier_to_whom_the_shipment_was_rebooked() -> None:
    given(placed(8), booked(9, carrier="DHL"), rebooked(10, carrier="our van", mode="in_house"), delivered(11)).summary(
        delivered_carrier="our van", delivered_mode="in_house"
    )


def test_an_order_completed_by_an_amendment_was_delivered_at_that_instant_for_who_held_it_then() -> None:
    given(placed(8, rep="ann"), booked(9, carrier="DHL"), delivered(10, lines={1: 6}), reassigned(11, "bob")).when(
        amended(12, {1: 6})
    ).then_applied().summary(delivered_at=12, delivered_rep_id="bob", delivered_carrier="DHL", delivered_mode="courier")


def test_what_arrives_after_an_amendment_completed_the_order_was_confirmed_last() -> None:
    done = given(
        placed(8, {1: 10}),
        booked(9, "S-1", {1: 4}, carrier="DHL", estimate=12),
        booked(9, "S-2", carrier="our van", mode="in_house", estimate=16),
        delivered(10, "S-1"),
        amended(11, {1: 4}),
    )
    done.summary(delivered_at=11, delivered_carrier="DHL", delivered_mode="courier")
    done.when(delivered(12, "S-2")).then_applied().summary(
        delivered_at=11, delivered_carrier="our van", delivered_mode="in_house"
    )


def test_an_order_is_completed_once() -> None:
    """What was on its way when an amendment completed the order may still arrive."""
    given(placed(8, {1: 10}), booked(9), delivered(10, lines={1: 6}), amended(11, {1: 6})).when(
        delivered(12)
    ).then_applied().summary(delivered_at=11)


def test_a_closed_order_still_hears_of_its_shipments_and_its_customer() -> None:
    done = given(placed(8, {1: 10}), booked(9), delivered(10, lines={1: 6}), amended(11, {1: 6}))
    done.when(dispatched(12)).then_applied().summary(stage=None)
    done.when(attempted(12)).then_applied().summary(delivery_attempts=1)
    done.when(delayed(12, estimate=20)).then_applied().owes()
    done.when(delayed(12, estimate=None)).then_applied().owes()
    done.when(shipment_cancelled(12)).then_applied().summary(left_to_book=False)
    done.when(customer_informed(12, "other")).then_applied()


def test_a_delivery_told_before_its_booking_counts_from_the_booking() -> None:
    """The driver's clock runs behind that of the booking desk."""
    history = heard(placed(8), booked(10), delivered(9.75))
    history.then(history.facts[2]).then_applied(at=10).summary(delivered_at=10)
