"""given what happened to an order, then `orders` has a row of it: how it stands, what it is worth, if it is on time."""

from decimal import Decimal

import msgspec

from tests.unit.domain.facts import (
    amended,
    booked,
    cancelled,
    delivered,
    expedite_granted,
    expedite_requested,
    placed,
    reassigned,
    reinstated,
    rescheduled,
    returned,
    shipment_cancelled,
    voided,
)
from tests.unit.projections.specification import Projecting, row

IN_TIME = (placed(8, promised_by=17), booked(9), delivered(16))
LATE = (placed(8, promised_by=17), booked(9), delivered(18))

# -- status --------------------------------------------------------------------------------------


def test_every_order_placed_by_then_has_a_row_in_the_order_of_ids(projecting: Projecting) -> None:
    told = (
        projecting.given(placed(8), of="SO-2")
        .given(placed(8), booked(9), delivered(10), of="SO-10")
        .given(placed(8), cancelled(9), of="SO-3")
        .given(placed(12), of="SO-4")
    )
    told.seen(
        "orders",
        11,
        row(order_id="SO-10", status="delivered"),
        row(order_id="SO-2", status="open"),
        row(order_id="SO-3", status="cancelled"),
    )


def test_an_order_that_nobody_placed_has_no_row(projecting: Projecting) -> None:
    wrong = placed(8)
    projecting.given(wrong, booked(9), voided(wrong)).seen("orders", 30)


def test_an_order_whose_rest_was_cancelled_is_delivered(projecting: Projecting) -> None:
    projecting.given(placed(8), booked(9), delivered(10, lines={1: 4}), cancelled(11)).seen(
        "orders", 12, row(status="delivered", short=True, cancel_reason="no longer needed", completed_at=11)
    )


def test_the_reason_of_a_cancellation_is_told_while_it_stands(projecting: Projecting) -> None:
    told = projecting.given(placed(8), cancelled(9), reinstated(12))
    told.seen("orders", 10, row(status="cancelled", cancel_reason="no longer needed"))
    told.seen("orders", 12, row(status="open", cancel_reason=None))


def test_a_return_to_be_replaced_ends_the_cancellation_of_a_rest(projecting: Projecting) -> None:
    projecting.given(
        placed(8), booked(9), delivered(10, lines={1: 4}), cancelled(11), returned(12, lines={1: 1}, replace=True)
    ).seen("orders", 13, row(status="open", cancel_reason=None, completed_at=None))


# -- when ----------------------------------------------------------------------------------------


def test_the_promise_is_the_one_in_force_and_the_original_one_that_of_the_placing(projecting: Projecting) -> None:
    told = projecting.given(
        placed(8, promised_by=17), rescheduled(9, promised_by=40), expedite_requested(10), expedite_granted(11)
    )
    told.seen("orders", 8, row(placed_at=8, promised_by=17, original_promised_by=17))
    told.seen("orders", 9, row(promised_by=40, original_promised_by=17))
    told.seen("orders", 11, row(placed_at=8, promised_by=12, original_promised_by=17))


def test_goods_may_have_been_delivered_last_before_or_after_the_order_was_completed(projecting: Projecting) -> None:
    told = projecting.given(
        placed(8), booked(9, "S-1", {1: 6}), booked(9, "S-2"), delivered(10, "S-1"), amended(11, {1: 6})
    )
    told = told.given(delivered(12, "S-2"))
    told.seen("orders", 9, row(completed_at=None, last_delivered_at=None))
    told.seen("orders", 10, row(completed_at=None, last_delivered_at=10))
    told.seen("orders", 11, row(completed_at=11, last_delivered_at=10))
    told.seen("orders", 12, row(completed_at=11, last_delivered_at=12))


def test_an_order_that_a_return_opened_again_is_completed_no_more(projecting: Projecting) -> None:
    told = projecting.given(*IN_TIME, returned(20, lines={1: 2}, replace=True), booked(21, "S-R"), delivered(30, "S-R"))
    told.seen("orders", 16, row(status="delivered", completed_at=16))
    told.seen("orders", 20, row(status="open", completed_at=None, last_delivered_at=16))
    told.seen("orders", 30, row(status="delivered", completed_at=30, last_delivered_at=30))


# -- short ---------------------------------------------------------------------------------------


def test_short_says_how_the_order_was_last_completed(projecting: Projecting) -> None:
    told = projecting.given(
        placed(8),
        booked(9),
        delivered(10, lines={1: 6}),
        amended(11, {1: 6}),
        returned(12, lines={1: 2}, replace=True),
        delivered(14, lines={1: 2}),
    )
    told.seen("orders", 10, row(short=None))
    told.seen("orders", 11, row(status="delivered", short=True))
    told.seen("orders", 12, row(status="open", short=True))
    told.seen("orders", 14, row(status="delivered", short=False))


# -- on time -------------------------------------------------------------------------------------


def test_an_open_order_may_be_on_time_until_its_promise_has_passed(projecting: Projecting) -> None:
    told = projecting.given(placed(8, promised_by=17), booked(9))
    told.seen("orders", 17, row(on_time=None)).seen("orders", 17.01, row(status="open", on_time=False))


def test_an_order_completed_no_later_than_its_promise_is_on_time_for_ever(projecting: Projecting) -> None:
    told = projecting.given(placed(8, promised_by=17), booked(9), delivered(17))
    told.seen("orders", 16, row(on_time=None)).seen("orders", 17, row(on_time=True)).seen(
        "orders", 99, row(on_time=True)
    )


def test_an_order_completed_after_its_promise_is_not_on_time(projecting: Projecting) -> None:
    projecting.given(*LATE).seen("orders", 17.5, row(on_time=False)).seen("orders", 18, row(on_time=False))


def test_a_cancelled_order_is_neither_on_time_nor_late(projecting: Projecting) -> None:
    told = projecting.given(placed(8, promised_by=17), cancelled(18))
    told.seen("orders", 17.5, row(on_time=False)).seen("orders", 18, row(status="cancelled", on_time=None))


def test_an_order_that_a_return_opened_again_is_judged_anew(projecting: Projecting) -> None:
    told = projecting.given(*IN_TIME, returned(20, replace=True), rescheduled(21, promised_by=40))
    told.seen("orders", 16, row(on_time=True)).seen("orders", 20, row(on_time=False)).seen(
        "orders", 21, row(on_time=None)
    )


# -- whose, and worth what -----------------------------------------------------------------------


def test_an_order_is_of_who_holds_it_and_was_placed_by_who_took_it(projecting: Projecting) -> None:
    told = projecting.given(placed(8, rep="ann", account="ALFKI", segment="b2c"), reassigned(9, "bob"))
    told.seen("orders", 8, row(rep_id="ann", placed_rep_id="ann"))
    told.seen(
        "orders",
        9,
        row(rep_id="bob", placed_rep_id="ann", account_id="ALFKI", segment="b2c", channel="inbound_call"),
    )


def test_the_channel_and_the_customers_reference_are_those_of_the_placing(projecting: Projecting) -> None:
    placing = msgspec.structs.replace(placed(8, segment="b2c"), channel="visit", reference="PO 7")
    projecting.given(placing).seen("orders", 9, row(channel="visit", reference="PO 7", segment="b2c"))


def test_an_order_of_nobody_has_null_where_there_is_nothing_to_say(projecting: Projecting) -> None:
    projecting.given(placed(8, rep=None, account=None)).seen(
        "orders", 9, row(rep_id=None, placed_rep_id=None, account_id=None, reference=None, cancel_reason=None)
    )


def test_charges_count_in_the_order_value_and_never_in_the_open_value(projecting: Projecting) -> None:
    told = projecting.given(placed(8, {1: 10}, charges={2: 25, 3: -5}), booked(9), delivered(10, lines={1: 4}))
    told.seen("orders", 9, row(order_value=Decimal(70), open_value=Decimal(50), currency="USD"))
    told.seen("orders", 10, row(order_value=Decimal(70), open_value=Decimal(30)))


def test_a_surplus_on_one_line_takes_nothing_from_the_open_value_of_another(projecting: Projecting) -> None:
    projecting.given(placed(8, {1: 10, 2: 4}), booked(9), delivered(10, lines={1: 12})).seen(
        "orders", 10, row(order_value=Decimal(70), open_value=Decimal(20))
    )


def test_a_closed_order_has_no_open_value(projecting: Projecting) -> None:
    projecting.given(placed(8), cancelled(9), of="SO-1").given(*IN_TIME, of="SO-2").seen(
        "orders",
        17,
        row(order_id="SO-1", order_value=Decimal(50), open_value=Decimal(0)),
        row(order_id="SO-2", order_value=Decimal(50), open_value=Decimal(0)),
    )


def test_values_are_rounded_once_half_even_to_the_minor_unit(projecting: Projecting) -> None:
    thirds = placed(8, {1: 3}, prices={1: "0.335"}, charges={2: "0.01"})
    projecting.given(thirds, of="SO-1").given(placed(8, {1: 1}, prices={1: "2.5"}, currency="JPY"), of="SO-2").seen(
        "orders",
        9,
        row(order_id="SO-1", order_value=Decimal("1.02"), open_value=Decimal("1.00")),
        row(order_id="SO-2", order_value=Decimal(2), open_value=Decimal(2)),
    )


# -- how many rows the other views have of it ----------------------------------------------------


def test_lines_and_shipments_are_how_many_rows_those_views_have_of_it(projecting: Projecting) -> None:
    told = projecting.given(
        placed(8, {1: 10, 2: 4, 3: 1}, charges={9: 5}),
        booked(9, "S-1", {1: 10}),
        shipment_cancelled(9.5, "S-1"),
        booked(10, "S-2", {1: 10, 2: 4}),
        amended(11, {1: 10}, charges={9: 5}),
        delivered(12, "S-2", {2: 4}),
    )
    told.seen("orders", 8, row(lines=4, shipments=0))
    told.seen("orders", 10, row(lines=4, shipments=2))
    told.seen("orders", 11, row(lines=2, shipments=2)).seen("order-lines", 11, row(line="1"), row(line="9"))
    told.seen("orders", 12, row(lines=3, shipments=2))
    told.seen("order-lines", 12, row(line="1"), row(line="2"), row(line="9"))
    told.seen("shipments", 12, row(shipment_id="S-1"), row(shipment_id="S-2"))
