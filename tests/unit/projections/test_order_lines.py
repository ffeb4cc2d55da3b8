"""given what happened to an order, then `order_lines` has a row for each line of it, with what was delivered of it."""

from decimal import Decimal

from tests.unit.domain.facts import (
    Number,
    amended,
    booked,
    cancelled,
    delivered,
    dispatched,
    expedite_granted,
    expedite_requested,
    placed,
    rebooked,
    reinstated,
    rescheduled,
    returned,
    shipment_cancelled,
)
from tests.unit.projections.specification import Projecting, row

NONE, FOUR, SIX, TEN = Decimal(0), Decimal(4), Decimal(6), Decimal(10)


def test_every_line_has_a_row_goods_and_charges_alike(projecting: Projecting) -> None:
    goods: dict[int | str, Number] = {1: 10, "x": "2.5"}
    projecting.given(placed(8, goods, charges={2: "-7.5"}, skus={1: "A"}, prices={1: "3.335"})).seen(
        "order-lines",
        9,
        row(order_id="SO-1", line="1", sku="A", kind="goods", quantity=TEN, unit_price=Decimal("3.335")),
        row(line="2", sku=None, kind="charge", quantity=Decimal(1), unit_price=Decimal("-7.5")),
        row(line="x", kind="goods", quantity=Decimal("2.5"), delivered=NONE, booked=NONE, delivered_at=None),
    )


# -- booked --------------------------------------------------------------------------------------


def test_booked_is_what_live_shipments_still_carry(projecting: Projecting) -> None:
    told = projecting.given(
        placed(8),
        booked(9, "S-1", {1: 4}),
        booked(10, "S-2"),
        dispatched(11, "S-1"),
        delivered(12, "S-1", {1: 1}),
        shipment_cancelled(13, "S-2"),
    )
    told.seen("order-lines", 8, row(booked=NONE)).seen("order-lines", 9, row(booked=FOUR))
    told.seen("order-lines", 10, row(booked=TEN)).seen("order-lines", 11, row(booked=TEN))
    told.seen("order-lines", 12, row(booked=Decimal(9), delivered=Decimal(1)))
    told.seen("order-lines", 13, row(booked=Decimal(3), delivered=Decimal(1)))


def test_a_rebooking_changes_what_is_booked(projecting: Projecting) -> None:
    told = projecting.given(placed(8, {1: 10, 2: 4}), booked(9, lines={1: 10}), rebooked(10, lines={1: 6, 2: 4}))
    told.seen("order-lines", 10, row(line="1", booked=SIX), row(line="2", booked=FOUR))


def test_nothing_is_booked_of_a_cancelled_order(projecting: Projecting) -> None:
    told = projecting.given(placed(8), booked(9), cancelled(10), reinstated(11))
    told.seen("order-lines", 10, row(quantity=TEN, booked=NONE)).seen("order-lines", 11, row(booked=NONE))


# -- delivered, over-delivered, returned ---------------------------------------------------------


def test_delivered_is_all_that_was_confirmed_with_the_surplus(projecting: Projecting) -> None:
    told = projecting.given(
        placed(8, {1: 10, 2: 1}), booked(9), delivered(10, lines={1: 4}), delivered(11, lines={1: "6.5"})
    )
    told.seen("order-lines", 10, row(line="1", delivered=FOUR, over_delivered=NONE), row(line="2", delivered=NONE))
    told.seen(
        "order-lines",
        11,
        row(line="1", quantity=TEN, delivered=Decimal("10.5"), over_delivered=Decimal("0.5"), booked=NONE),
        row(line="2", delivered=NONE, over_delivered=NONE),
    )


def test_what_comes_back_to_be_replaced_is_delivered_no_more(projecting: Projecting) -> None:
    projecting.given(placed(8), booked(9), delivered(10), returned(11, lines={1: 4}, replace=True)).seen(
        "order-lines", 11, row(delivered=SIX, returned=FOUR, over_delivered=NONE, booked=NONE)
    )


def test_what_comes_back_for_good_is_noted_and_stays_delivered(projecting: Projecting) -> None:
    projecting.given(placed(8), booked(9), delivered(10), returned(11, lines={1: 4})).seen(
        "order-lines", 11, row(delivered=TEN, returned=FOUR, delivered_at=10)
    )


def test_returned_counts_what_is_to_be_replaced_and_what_is_not(projecting: Projecting) -> None:
    projecting.given(
        placed(8), booked(9), delivered(10), returned(11, lines={1: 4}, replace=True), returned(12, lines={1: 2})
    ).seen("order-lines", 12, row(delivered=SIX, returned=SIX))


# -- what an amendment leaves --------------------------------------------------------------------


def test_an_amendment_says_quantity_price_and_sku_from_then_on(projecting: Projecting) -> None:
    told = projecting.given(placed(8), amended(9, {1: 6}, prices={1: 7}, skus={1: "B"}))
    told.seen("order-lines", 8, row(quantity=TEN, unit_price=Decimal(5), sku="LAMP-1"))
    told.seen("order-lines", 9, row(quantity=SIX, unit_price=Decimal(7), sku="B"))


def test_a_line_that_is_gone_with_nothing_delivered_has_no_row(projecting: Projecting) -> None:
    told = projecting.given(placed(8, {1: 10, 2: 4}), amended(9, {1: 10}))
    told.seen("order-lines", 8, row(line="1"), row(line="2")).seen("order-lines", 9, row(line="1"))


def test_a_line_that_is_gone_stays_at_quantity_0_if_something_of_it_was_delivered(projecting: Projecting) -> None:
    projecting.given(placed(8, {1: 10, 2: 4}), booked(9), amended(10, {1: 10}), delivered(11, lines={2: 4})).seen(
        "order-lines",
        11,
        row(line="1", quantity=TEN),
        row(line="2", quantity=NONE, delivered=FOUR, over_delivered=FOUR, sku="LAMP-2"),
    )


def test_cancelling_the_rest_leaves_each_line_at_what_was_delivered_of_it(projecting: Projecting) -> None:
    projecting.given(
        placed(8, {1: 10, 2: 4}, charges={3: 5}), booked(9), delivered(10, lines={1: 6}), cancelled(11)
    ).seen(
        "order-lines",
        11,
        row(line="1", quantity=SIX, delivered=SIX, booked=NONE, delivered_at=10),
        row(line="3", kind="charge", quantity=Decimal(1), delivered=NONE),
    )


# -- promised ------------------------------------------------------------------------------------


def test_a_line_is_promised_by_its_own_promise_or_else_the_orders(projecting: Projecting) -> None:
    told = projecting.given(
        placed(8, {1: 10, 2: 4}, promised_by=17, promises={2: 40}, charges={3: 5}),
        rescheduled(9, promised_by=20),
        expedite_requested(10),
        expedite_granted(11, promised_by=15),
    )
    told.seen("order-lines", 8, row(promised_by=17), row(promised_by=40), row(promised_by=17))
    told.seen("order-lines", 9, row(promised_by=20), row(promised_by=40), row(promised_by=20))
    told.seen("order-lines", 11, row(promised_by=15), row(promised_by=40), row(promised_by=15))


def test_a_reinstatement_with_another_promise_is_every_lines(projecting: Projecting) -> None:
    told = projecting.given(placed(8, promised_by=17), cancelled(9), reinstated(10, promised_by=40))
    told.seen("order-lines", 9, row(promised_by=17)).seen("order-lines", 10, row(promised_by=40))


# -- delivered at --------------------------------------------------------------------------------


def test_a_line_is_delivered_at_the_delivery_since_which_it_has_its_quantity_in_full(projecting: Projecting) -> None:
    told = projecting.given(
        placed(8, {1: 10, 2: 4}), booked(9), delivered(10, lines={1: 6}), delivered(11, lines={1: 4}), delivered(12)
    )
    told.seen("order-lines", 10, row(line="1", delivered_at=None), row(line="2", delivered_at=None))
    told.seen("order-lines", 11, row(line="1", delivered_at=11), row(line="2", delivered_at=None))
    told.seen("order-lines", 12, row(line="1", delivered_at=11), row(line="2", delivered_at=12))


def test_an_amendment_down_to_what_was_delivered_makes_the_earlier_delivery_the_one(projecting: Projecting) -> None:
    told = projecting.given(
        placed(8, {1: 10, 2: 4}), booked(9), delivered(10, lines={1: 4}), delivered(11, lines={1: 2})
    ).given(amended(12, {1: 6, 2: 4}))
    told.seen("order-lines", 11, row(line="1", delivered_at=None), row(line="2"))
    told.seen("order-lines", 12, row(line="1", quantity=SIX, delivered_at=11), row(line="2"))


def test_an_amendment_up_makes_a_full_line_want_more(projecting: Projecting) -> None:
    told = projecting.given(
        placed(8, {1: 6, 2: 4}), booked(9), delivered(10, lines={1: 6}), amended(11, {1: 10, 2: 4})
    ).given(booked(12, "S-2", {1: 4}), delivered(13, "S-2"))
    told.seen("order-lines", 10, row(line="1", delivered_at=10), row(line="2"))
    told.seen("order-lines", 11, row(line="1", delivered_at=None), row(line="2"))
    told.seen("order-lines", 13, row(line="1", delivered_at=13), row(line="2"))


def test_an_amendment_up_to_a_surplus_leaves_the_delivery_that_brought_it(projecting: Projecting) -> None:
    projecting.given(placed(8, {1: 6, 2: 4}), booked(9), delivered(10, lines={1: 10}), amended(11, {1: 10, 2: 4})).seen(
        "order-lines", 11, row(line="1", over_delivered=NONE, delivered_at=10), row(line="2")
    )


def test_a_line_to_be_replaced_is_full_again_since_its_replacement(projecting: Projecting) -> None:
    told = projecting.given(placed(8), booked(9), delivered(10), returned(11, lines={1: 4}, replace=True))
    told.seen("order-lines", 11, row(delivered_at=None))
    told.given(booked(12, "S-R"), delivered(13, "S-R")).seen(
        "order-lines", 13, row(delivered=TEN, returned=FOUR, delivered_at=13)
    )


# -- periods -------------------------------------------------------------------------------------


def test_as_of_an_instant_the_lines_are_those_of_then_also_when_heard_late(projecting: Projecting) -> None:
    told = projecting.given(placed(8), booked(9), delivered(12))
    told.seen("order-lines", 11, row(delivered=NONE, booked=TEN))
    told.given(delivered(10, lines={1: 4})).seen("order-lines", 11, row(delivered=FOUR, booked=SIX)).seen(
        "order-lines", 12, row(delivered=TEN, delivered_at=12)
    )
