"""What can be seen of an order: stage, carrier, estimate, what is left to book and what it is worth."""

from decimal import Decimal

import pytest

from domain.fact import Fact
from tests.unit.domain.facts import (
    amended,
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

TWO_SHIPMENTS = (placed(8, {1: 10}), booked(9, "S-1", {1: 4}), booked(9, "S-2", {1: 4}))

# -- stages --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "stage"),
    [
        ((placed(8),), "to_book"),
        ((placed(8), booked(9, lines={1: 1})), "booked"),
        ((placed(8), booked(9), shipment_cancelled(10)), "to_book"),
        ((placed(8), booked(9), dispatched(10)), "in_transit"),
        ((placed(8), booked(9), dispatched(10), shipment_cancelled(11)), "to_book"),
        ((*TWO_SHIPMENTS, dispatched(10, "S-1")), "in_transit"),
        ((*TWO_SHIPMENTS, dispatched(10, "S-1"), shipment_cancelled(11, "S-1")), "booked"),
        ((*TWO_SHIPMENTS, delivered(10, "S-1", {1: 1})), "partly_delivered"),
        ((*TWO_SHIPMENTS, delivered(10, "S-1"), dispatched(11, "S-2")), "partly_delivered"),
        ((placed(8), booked(9), delivered(10, lines={1: 1}), shipment_cancelled(11)), "partly_delivered"),
    ],
    ids=[
        "placed",
        "part of it booked",
        "its only shipment cancelled",
        "dispatched",
        "dispatched and recalled",
        "one of two dispatched",
        "the dispatched one recalled",
        "something delivered",
        "something delivered, more on its way",
        "something delivered, the rest recalled",
    ],
)
def test_the_stage_of_an_open_order(facts: tuple[Fact, ...], stage: str) -> None:
    given(*facts).summary(status="open", stage=stage)


@pytest.mark.parametrize(
    ("closing", "status"), [(cancelled(11), "cancelled"), (delivered(11), "delivered")], ids=["cancelled", "delivered"]
)
def test_a_closed_order_has_no_stage_nothing_to_book_and_no_open_value(closing: Fact, status: str) -> None:
    given(placed(8), booked(9), dispatched(10), closing).summary(
        status=status, stage=None, left_to_book=False, open_value=Decimal(0)
    )


# -- carrier, mode, estimate ---------------------------------------------------------------------


def test_without_a_live_shipment_there_is_no_carrier() -> None:
    given(placed(8)).summary(carrier=None, mode=None, estimated_delivery=None)


def test_the_live_shipment_with_the_latest_estimate_speaks_for_the_order() -> None:
    given(
        placed(8),
        booked(9, "S-1", {1: 4}, carrier="our van", mode="in_house", estimate=16),
        booked(9, "S-2", {1: 4}, carrier="DHL", mode="courier", estimate=14),
    ).summary(carrier="our van", mode="in_house", estimated_delivery=16)


def test_of_equal_estimates_the_greater_shipment_id_speaks() -> None:
    for first, second in (("S-1", "S-2"), ("S-2", "S-1")):
        given(
            placed(8),
            booked(9, first, {1: 4}, carrier=f"carrier of {first}", estimate=16),
            booked(10, second, {1: 4}, carrier=f"carrier of {second}", estimate=16),
        ).summary(carrier="carrier of S-2")


def test_shipment_ids_are_compared_as_text() -> None:
    given(
        placed(8),
        booked(9, "S-9", {1: 4}, carrier="nine", estimate=16),
        booked(9, "S-10", {1: 4}, carrier="ten", estimate=16),
    ).summary(carrier="nine")


def test_a_delay_or_a_rebooking_can_make_another_shipment_the_latest() -> None:
    two = (
        placed(8),
        booked(9, "S-1", {1: 4}, carrier="our van", estimate=14),
        booked(9, "S-2", {1: 4}, carrier="DHL", estimate=16),
    )
    given(*two, delayed(10, "S-1", estimate=18)).summary(carrier="our van", estimated_delivery=18)
    given(*two, rebooked(10, "S-2", estimate=12)).summary(carrier="our van", estimated_delivery=14)


@pytest.mark.parametrize("end", [shipment_cancelled(10, "S-2"), delivered(10, "S-2")], ids=["cancelled", "delivered"])
def test_a_shipment_that_is_no_longer_live_does_not_speak(end: Fact) -> None:
    given(
        placed(8),
        booked(9, "S-1", {1: 4}, carrier="our van", estimate=14),
        booked(9, "S-2", {1: 4}, carrier="DHL", estimate=16),
        end,
    ).summary(carrier="our van", estimated_delivery=14)


def test_a_shipment_delivered_in_part_still_speaks() -> None:
    given(placed(8), booked(9, carrier="DHL", estimate=16), delivered(10, lines={1: 9})).summary(
        carrier="DHL", estimated_delivery=16
    )


# -- left to book --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "left"),
    [
        ((placed(8),), True),
        ((placed(8), booked(9)), False),
        ((placed(8), booked(9, lines={1: "9.999999"})), True),
        ((placed(8), booked(9), shipment_cancelled(10)), True),
        ((placed(8, {1: 10, 2: 1}), booked(9, lines={1: 10})), True),
        ((placed(8, {1: 10}), booked(9), amended(10, {1: 11})), True),
        ((placed(8), cancelled(9)), False),
    ],
    ids=["placed", "booked", "nearly booked", "recalled", "another line", "more ordered", "cancelled"],
)
def test_whether_something_is_left_to_book(facts: tuple[Fact, ...], left: bool) -> None:
    given(*facts).summary(left_to_book=left)


# -- open value ----------------------------------------------------------------------------------


def test_the_open_value_is_what_is_not_delivered_at_its_price() -> None:
    given(placed(8, {1: 10, 2: 4}, prices={1: "2.50", 2: 20}), booked(9), delivered(10, lines={1: 6, 2: 1})).summary(
        open_value=Decimal("70.00")
    )


def test_the_open_value_follows_an_amendment_of_quantities_and_prices() -> None:
    given(placed(8, {1: 10}), booked(9), delivered(10, lines={1: 6})).when(
        amended(11, {1: 8}, prices={1: "1.25"})
    ).then_applied().summary(open_value=Decimal("2.50"))


def test_what_is_booked_or_on_its_way_is_still_open() -> None:
    given(placed(8), booked(9), dispatched(10)).summary(open_value=Decimal("50.00"))


@pytest.mark.parametrize(
    ("currency", "quantity", "price", "value"),
    [
        ("USD", 1, "0.125", "0.12"),
        ("USD", 1, "0.135", "0.14"),
        ("USD", 3, "0.335", "1.00"),
        ("JPY", 1, "0.5", "0"),
        ("JPY", 1, "1.5", "2"),
        ("JPY", "2.5", "1", "2"),
        ("KWD", 1, "0.0005", "0.000"),
        ("KWD", 1, "0.0015", "0.002"),
        ("KWD", 3, "1.2345", "3.704"),
    ],
)
def test_the_open_value_is_rounded_half_even_to_the_currencys_minor_unit(
    currency: str, quantity: int | str, price: str, value: str
) -> None:
    seen = given(placed(8, {1: quantity}, prices={1: price}, currency=currency)).seen
    assert str(seen.open_value) == value


def test_the_open_value_is_rounded_once_and_not_by_the_line() -> None:
    given(placed(8, {1: 1, 2: 1, 3: 1}, prices={1: "0.004", 2: "0.004", 3: "0.004"})).summary(
        open_value=Decimal("0.01")
    )
