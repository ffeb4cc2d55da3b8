"""Booking what is left, and what may happen to a booking until it is delivered or cancelled."""

from decimal import Decimal

import pytest

from domain.fact import Fact
from tests.unit.domain.facts import (
    again,
    amended,
    attempted,
    booked,
    cancelled,
    delayed,
    delivered,
    dispatched,
    placed,
    rebooked,
    shipment_cancelled,
)
from tests.unit.domain.specification import given

# -- booking what is left ------------------------------------------------------------------------


def test_a_booking_without_lines_takes_all_that_is_left() -> None:
    given(placed(8, {1: 10, 2: 4})).when(booked(9)).then_applied().summary(stage="booked", left_to_book=False).when(
        delivered(10)
    ).then_applied().summary(status="delivered")


def test_a_booking_without_lines_takes_what_other_shipments_do_not_carry() -> None:
    given(placed(8, {1: 10, 2: 4}), booked(9, "S-1", {1: 7})).when(booked(10, "S-2")).then_applied().summary(
        left_to_book=False
    ).line(1, booked=10).when(delivered(11, "S-2")).then_applied().line(1, delivered=3).line(2, delivered=4)


def test_a_booking_without_lines_takes_what_was_not_delivered() -> None:
    given(
        placed(8, {1: 10}),
        booked(9, "S-1", {1: 7}),
        delivered(10, "S-1", {1: 5}),
        shipment_cancelled(11, "S-1"),
        booked(12, "S-2"),
    ).when(delivered(13, "S-2")).then_applied().summary(status="delivered", delivered_at=13)


def test_a_booking_without_lines_takes_only_what_was_left_at_its_place() -> None:
    given(placed(8, {1: 10}), booked(9, "S-1"), amended(10, {1: 12})).summary(left_to_book=True).when(
        delivered(11, "S-1")
    ).then_applied().summary(stage="partly_delivered", open_value=Decimal("10.00"))


def test_a_booking_may_take_exactly_what_is_left() -> None:
    given(placed(8, {1: 10}), booked(9, "S-1", {1: 7})).when(booked(10, "S-2", {1: 3})).then_applied().summary(
        left_to_book=False
    )


def test_a_booking_takes_no_more_than_is_left_of_a_line() -> None:
    given(placed(8, {1: 10, 2: 4}), booked(9, "S-1", {1: 7})).when(booked(10, "S-2", {2: 1, 1: 4})).then_refused(
        "line 1: 4 is more than the 3 left to book"
    ).summary(left_to_book=True)


def test_a_booking_of_a_line_that_is_all_booked_is_refused_though_others_are_left() -> None:
    given(placed(8, {1: 10, 2: 4}), booked(9, "S-1", {1: 10})).when(booked(10, "S-2", {1: 1})).then_refused(
        "line 1: 1 is more than the 0 left to book"
    )


def test_a_booking_of_part_leaves_the_rest() -> None:
    given(placed(8, {1: 10})).when(booked(9, "S-1", {1: "2.5"})).then_applied().summary(left_to_book=True).when(
        booked(10, "S-2", {1: "7.5"})
    ).then_applied().summary(left_to_book=False)


def test_what_was_delivered_is_not_left() -> None:
    given(placed(8, {1: 10}), booked(9, "S-1", {1: 7}), delivered(10, "S-1")).when(
        booked(11, "S-2", {1: 4})
    ).then_refused("line 1: 4 is more than the 3 left to book")


def test_a_booking_with_nothing_left_is_refused() -> None:
    given(placed(8), booked(9, "S-1")).when(booked(10, "S-2")).then_refused("nothing is left to book")


def test_a_booking_of_a_line_that_does_not_exist_is_refused() -> None:
    given(placed(8, {1: 10})).when(booked(9, lines={2: 1})).then_refused("line 2 does not exist on the order")


def test_a_booking_of_a_line_that_an_amendment_dropped_is_refused() -> None:
    given(placed(8, {1: 10, 2: 4}), amended(9, {1: 10})).when(booked(10, lines={2: 1})).then_refused(
        "line 2 does not exist"
    )


def test_a_cancelled_order_takes_no_booking() -> None:
    given(placed(8), cancelled(9)).when(booked(10)).then_refused("the order is cancelled")


def test_a_delivered_order_takes_no_booking() -> None:
    given(placed(8), booked(9, "S-1"), delivered(10, "S-1")).when(booked(11, "S-2")).then_refused(
        "the order is complete"
    )


def test_the_same_booking_said_again_is_a_duplicate() -> None:
    booking = booked(9, "S-1")
    given(placed(8), booking).when(again(booking, at=10)).then_duplicate("shipment S-1 was booked before")


@pytest.mark.parametrize("end", [delivered(10), shipment_cancelled(10), cancelled(10)], ids=lambda fact: fact.TYPE)
def test_the_same_booking_said_again_after_its_end_is_a_duplicate(end: Fact) -> None:
    booking = booked(9, "S-1")
    given(placed(8), booking, end).when(again(booking, at=11)).then_duplicate()


def test_a_shipment_id_is_used_once_an_order() -> None:
    before = (placed(8, {1: 10}), booked(9, "S-1", {1: 4}))
    given(*before).when(booked(10, "S-1", {1: 6})).then_refused("shipment_id S-1 was used before").summary(
        left_to_book=True
    )
    given(*before, shipment_cancelled(10)).when(booked(11, "S-1", {1: 6})).then_refused(
        "shipment_id S-1 was used before"
    )


# -- cancelling a shipment -----------------------------------------------------------------------


def test_cancelling_a_shipment_frees_what_it_carried() -> None:
    given(placed(8), booked(9, "S-1")).when(shipment_cancelled(10, "S-1")).then_applied().summary(
        stage="to_book", left_to_book=True, carrier=None, estimated_delivery=None
    ).when(booked(11, "S-2", {1: 10})).then_applied()


def test_cancelling_a_shipment_frees_its_undelivered_part_alone() -> None:
    partly = given(
        placed(8, {1: 10}), booked(9, "S-1"), delivered(10, "S-1", {1: 6}), shipment_cancelled(11, "S-1")
    ).summary(stage="partly_delivered", left_to_book=True)
    partly.when(booked(12, "S-2", {1: 5})).then_refused("line 1: 5 is more than the 4 left to book")
    partly.when(booked(12, "S-2", {1: 4})).then_applied()


def test_a_dispatched_shipment_can_be_cancelled() -> None:
    given(placed(8), booked(9), dispatched(10)).when(shipment_cancelled(11)).then_applied().summary(stage="to_book")


def test_a_shipment_cancelled_again_is_a_duplicate() -> None:
    given(placed(8), booked(9), shipment_cancelled(10)).when(shipment_cancelled(11)).then_duplicate(
        "shipment S-1 was cancelled before"
    )


def test_a_wholly_delivered_shipment_cannot_be_cancelled() -> None:
    given(placed(8), booked(9), delivered(10)).when(shipment_cancelled(11)).then_refused(
        "shipment S-1 was delivered in whole"
    )


@pytest.mark.parametrize("late", [rebooked(12), dispatched(12), delayed(12), attempted(12)], ids=lambda fact: fact.TYPE)
def test_a_cancelled_shipment_takes_nothing_but_a_confirmation(late: Fact) -> None:
    given(placed(8), booked(9), shipment_cancelled(10)).when(late).then_refused("shipment S-1 was cancelled")


@pytest.mark.parametrize("late", [rebooked(12), delayed(12), attempted(12)], ids=lambda fact: fact.TYPE)
def test_a_wholly_delivered_shipment_takes_nothing_more(late: Fact) -> None:
    given(placed(8), booked(9), delivered(10)).when(late).then_refused("shipment S-1 was delivered in whole").owes()


@pytest.mark.parametrize("late", [rebooked(12), delayed(12), attempted(12)], ids=lambda fact: fact.TYPE)
def test_a_shipment_delivered_in_part_still_takes_what_comes(late: Fact) -> None:
    given(placed(8), booked(9), delivered(10, lines={1: 9})).when(late).then_applied()


@pytest.mark.parametrize(
    "early",
    [rebooked(9), dispatched(9), delayed(9), attempted(9), delivered(9), shipment_cancelled(9)],
    ids=lambda fact: fact.TYPE,
)
def test_what_names_a_shipment_that_nobody_booked_is_held(early: Fact) -> None:
    given(placed(8), booked(8.5, "S-2")).when(early).then_held("shipment S-1 is not known yet")


# -- on its way ----------------------------------------------------------------------------------


def test_a_dispatched_shipment_is_in_transit() -> None:
    given(placed(8), booked(9)).when(dispatched(10)).then_applied().summary(stage="in_transit")


def test_dispatched_again_is_a_duplicate() -> None:
    given(placed(8), booked(9), dispatched(10)).when(dispatched(11)).then_duplicate(
        "shipment S-1 was dispatched before"
    )


def test_dispatched_after_its_delivery_is_a_duplicate_though_nobody_told_of_a_dispatch_before() -> None:
    given(placed(8), booked(9), delivered(10)).when(dispatched(11)).then_duplicate()


def test_dispatched_after_part_of_it_was_delivered_still_applies() -> None:
    given(placed(8), booked(9), delivered(10, lines={1: 4})).when(dispatched(11)).then_applied()


def test_a_delay_moves_the_estimate() -> None:
    given(placed(8), booked(9, estimate=16)).when(delayed(10, estimate=20)).then_applied().summary(
        estimated_delivery=20, promised_by=17
    )


def test_a_delay_may_move_the_estimate_forward() -> None:
    given(placed(8), booked(9, estimate=16)).when(delayed(10, estimate=15)).then_applied().summary(
        estimated_delivery=15
    )


def test_a_rebooking_swaps_carrier_mode_and_estimate() -> None:
    given(placed(8), booked(9, carrier="DHL", mode="courier", estimate=16)).when(
        rebooked(10, carrier="our van", mode="in_house", estimate=14)
    ).then_applied().summary(carrier="our van", mode="in_house", estimated_delivery=14)


def test_a_rebooking_leaves_what_it_does_not_mention() -> None:
    given(placed(8), booked(9, carrier="DHL", mode="courier", estimate=16)).when(
        rebooked(10, estimate=14)
    ).then_applied().summary(carrier="DHL", mode="courier", estimated_delivery=14)


def test_attempts_are_counted_over_all_shipments() -> None:
    given(placed(8), booked(9, "S-1", {1: 5}), booked(9, "S-2"), attempted(10, "S-1"), attempted(11, "S-2")).when(
        attempted(12, "S-1")
    ).then_applied().summary(delivery_attempts=3)


def test_attempts_that_did_not_apply_are_not_counted() -> None:
    given(placed(8), booked(9), attempted(10), shipment_cancelled(11)).when(attempted(12)).then_refused(
        "cancelled"
    ).summary(delivery_attempts=1)
