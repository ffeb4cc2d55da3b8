"""Goods that come back: noted, or owed again when they are to be replaced."""

from decimal import Decimal

from tests.unit.domain.facts import (
    amended,
    booked,
    cancelled,
    delivered,
    placed,
    reassigned,
    rescheduled,
    returned,
    shipment_cancelled,
)
from tests.unit.domain.specification import follow_up, given

COMPLETE = (placed(8, {1: 10, 2: 4}), booked(9), delivered(10))


def test_a_return_without_replacement_is_noted_and_changes_nothing_owed() -> None:
    given(*COMPLETE).when(returned(12, lines={1: 3})).then_applied().summary(
        status="delivered", delivered_at=10, open_value=Decimal(0)
    ).line(1, delivered=10, returned=3, delivered_at=10)


def test_goods_to_be_replaced_are_owed_again_and_open_a_complete_order() -> None:
    given(*COMPLETE).when(returned(12, lines={1: 3}, replace=True)).then_applied().summary(
        status="open", stage="partly_delivered", delivered_at=None, open_value=Decimal("15.00"), left_to_book=True
    ).line(1, delivered=7, returned=3, delivered_at=None).line(2, delivered=4, delivered_at=10)


def test_a_replacement_is_booked_and_delivered_like_any_goods() -> None:
    given(*COMPLETE, returned(12, lines={1: 3}, replace=True), reassigned(12.5, "bob"), booked(13, "S-R")).when(
        delivered(15, "S-R")
    ).then_applied().summary(status="delivered", delivered_at=15, delivered_rep_id="bob", short=False).line(
        1, delivered=10, returned=3, delivered_at=15
    )


def test_a_return_without_lines_is_of_all_that_the_shipment_delivered() -> None:
    given(*COMPLETE).when(returned(12, replace=True)).then_applied().summary(
        status="open", stage="to_book", open_value=Decimal("70.00")
    ).line(1, delivered=0, returned=10)
    given(*COMPLETE, returned(11, lines={1: 3}), returned(12)).line(1, returned=10).line(2, returned=4)


def test_a_return_takes_no_more_than_was_delivered_and_not_yet_returned() -> None:
    given(*COMPLETE, returned(11, lines={1: 8})).when(returned(12, lines={1: 3})).then_refused(
        "line 1: 3 is more than the 2 that shipment S-1 delivered and that were not returned"
    )
    given(*COMPLETE, returned(11)).when(returned(12)).then_refused(
        "nothing that shipment S-1 delivered is left to be returned"
    )
    given(placed(8), booked(9)).when(returned(10)).then_refused("nothing that shipment S-1 delivered")


def test_a_return_is_of_lines_that_the_shipment_delivered() -> None:
    given(
        placed(8, {1: 10, 2: 4}),
        booked(9, "S-1", {1: 10}),
        booked(9, "S-2"),
        delivered(10, "S-1"),
        delivered(10, "S-2"),
    ).when(returned(11, "S-1", {2: 1})).then_refused("line 2: 1 is more than the 0 that shipment S-1 delivered")


def test_what_comes_back_of_an_open_order_to_be_replaced_is_left_to_book() -> None:
    open_still = given(placed(8, {1: 10, 2: 4}), booked(9, "S-1", {1: 10}), delivered(10, "S-1"), booked(10, "S-2"))
    open_still.when(returned(11, "S-1", {1: 3}, replace=True)).then_applied().summary(
        status="open", left_to_book=True, open_value=Decimal("35.00")
    ).when(booked(12, "S-R", {1: 4})).then_refused("line 1: 4 is more than the 3 left to book")
    open_still.when(returned(11, "S-1", {1: 3})).then_applied().summary(left_to_book=False, open_value=Decimal("20.00"))


def test_a_wholly_delivered_shipment_stays_so_when_its_goods_come_back() -> None:
    given(*COMPLETE, returned(11, replace=True)).shipment("S-1", delivered_at=10).when(delivered(12)).then_refused(
        "shipment S-1 was confirmed before, at 2026-03-02T10:00:00+00:00"
    )


def test_a_return_is_of_a_shipment_that_is_known() -> None:
    given(placed(8)).when(returned(10)).then_held("shipment S-1 is not known yet")


def test_a_cancelled_shipment_takes_a_return_of_what_it_delivered() -> None:
    given(placed(8), booked(9), delivered(10, lines={1: 6}), shipment_cancelled(11)).when(
        returned(12, replace=True)
    ).then_applied().line(1, delivered=0, returned=6)


def test_a_surplus_that_comes_back_opens_nothing() -> None:
    given(placed(8), booked(9), delivered(10, lines={1: 12})).when(
        returned(11, lines={1: 2}, replace=True)
    ).then_applied().summary(status="delivered", delivered_at=10).line(1, delivered=10, over_delivered=0, returned=2)


def test_of_a_return_beyond_the_surplus_only_what_falls_below_the_quantity_is_owed_again() -> None:
    given(placed(8), booked(9), delivered(10, lines={1: 12})).when(
        returned(11, lines={1: 4}, replace=True)
    ).then_applied().summary(status="open", open_value=Decimal("10.00")).when(booked(12, "S-R", {1: 3})).then_refused(
        "line 1: 3 is more than the 2 left to book"
    )


def test_short_says_how_the_order_was_last_completed() -> None:
    short = given(placed(8), booked(9), delivered(10, lines={1: 6}), amended(11, {1: 6})).summary(short=True)
    opened = short.when(returned(12, lines={1: 2}, replace=True)).then_applied().summary(status="open", short=True)
    opened.when(delivered(14)).then_applied().summary(status="delivered", delivered_at=14, short=False)


def test_a_rest_that_was_cancelled_is_open_again_when_something_of_it_is_to_be_replaced() -> None:
    closed = given(placed(8), booked(9), delivered(10, lines={1: 6}), cancelled(11))
    closed.when(returned(12, lines={1: 2}, replace=True)).then_applied().summary(
        status="open", cancel_reason=None, open_value=Decimal("10.00")
    ).when(cancelled(13)).then_applied().summary(status="delivered", delivered_at=13).line(1, quantity=4)


def test_an_order_of_which_all_came_back_can_be_cancelled_as_a_whole() -> None:
    given(*COMPLETE, returned(11, replace=True)).when(cancelled(12)).then_applied().summary(
        status="cancelled", short=False
    )


def test_a_line_of_which_all_came_back_may_become_another_article() -> None:
    given(placed(8), booked(9), delivered(10), returned(11, replace=True)).when(
        amended(12, {1: 5}, skus={1: "OTHER"})
    ).then_applied().line(1, sku="OTHER", quantity=5, delivered=0, returned=10)


def test_the_delivery_since_which_a_line_is_full_is_the_one_that_still_holds() -> None:
    by_parts = given(placed(8), booked(9), delivered(10, lines={1: 6}), delivered(11, lines={1: 4}))
    by_parts.line(1, delivered_at=11)
    by_parts.when(returned(12, lines={1: 4}, replace=True)).when(amended(13, {1: 6})).line(1, delivered_at=10)
    by_parts.when(returned(12, lines={1: 5}, replace=True)).when(amended(13, {1: 5})).line(1, delivered_at=10)


def test_what_a_return_opened_again_has_its_promise_from_a_rescheduling() -> None:
    given(placed(8, promised_by=17), booked(9), delivered(10), returned(20, replace=True)).owes_at(
        21, follow_up("delay", 20)
    ).when(rescheduled(21, promised_by=40)).when(booked(22, "S-R", estimate=36)).then_applied().owes_at(30)
