"""given what carriers brought and when, then `carriers` has how each did by mode, month of booking and currency."""

from decimal import Decimal

import pytest

from tests.unit.domain.facts import (
    attempted,
    booked,
    cancelled,
    delivered,
    placed,
    rebooked,
    rescheduled,
    returned,
    shipment_cancelled,
    voided,
)
from tests.unit.projections.specification import Projecting, row

MARCH, APRIL = "2026-03", "2026-04"
NEXT_MONTH = 31 * 24 + 9
"""Nine o'clock on 2 April, in hours of the specification's first day, 2 March."""


def test_a_carrier_has_its_shipments_by_mode_month_and_currency(projecting: Projecting) -> None:
    projecting.given(placed(8), booked(9, cost="12.50"), attempted(10), delivered(12), of="SO-1").given(
        placed(8), booked(9, cost=10), attempted(10), attempted(11), delivered(18.5), of="SO-2"
    ).given(placed(8), booked(9, mode="in_house", carrier="our van"), of="SO-3").given(
        placed(8, currency="EUR"), booked(9, cost=7), of="SO-4"
    ).given(placed(8), booked(NEXT_MONTH, carrier="DHL", cost=1), of="SO-5").seen(
        "carriers",
        NEXT_MONTH,
        row(carrier="DHL", mode="courier", month=MARCH, currency="EUR", shipments=1, delivered=0, cost=Decimal("7.00")),
        row(
            carrier="DHL",
            mode="courier",
            month=MARCH,
            currency="USD",
            shipments=2,
            delivered=2,
            on_time=1,
            late=1,
            mean_hours_late=Decimal("1.50"),
            attempts=3,
            cost=Decimal("22.50"),
        ),
        row(month=APRIL, shipments=1, delivered=0, on_time=0, late=0, mean_hours_late=None, attempts=0),
        row(carrier="our van", mode="in_house", month=MARCH, shipments=1, delivered=0, attempts=0, cost=None),
    )


@pytest.mark.parametrize(("arrival", "on_time", "late"), [(16, 1, 0), (17, 1, 0), (17.01, 0, 1)])
def test_a_delivery_at_the_promise_is_on_time(projecting: Projecting, arrival: float, on_time: int, late: int) -> None:
    projecting.given(placed(8, promised_by=17), booked(9), delivered(arrival)).seen(
        "carriers", 20, row(delivered=1, on_time=on_time, late=late)
    )


def test_the_promise_in_force_at_the_delivery_is_the_measure(projecting: Projecting) -> None:
    told = projecting.given(
        placed(8, promised_by=10),
        booked(9, "S-1", {1: 4}),
        delivered(12, "S-1"),
        rescheduled(13, promised_by=40),
        booked(14, "S-2"),
        delivered(15, "S-2"),
    )
    told.seen("carriers", 20, row(delivered=2, on_time=1, late=1, mean_hours_late=Decimal("2.00")))


def test_a_shipment_delivered_in_part_is_not_delivered(projecting: Projecting) -> None:
    told = projecting.given(placed(8), booked(9), delivered(12, lines={1: 4}), delivered(18, lines={1: 6}))
    told.seen("carriers", 12, row(shipments=1, delivered=0, on_time=0))
    told.seen("carriers", 18, row(shipments=1, delivered=1, on_time=0, late=1))


def test_cancelled_shipments_are_left_out_until_they_are_found(projecting: Projecting) -> None:
    told = projecting.given(placed(8), booked(9, cost=5), shipment_cancelled(10), booked(11, "S-2", cost=6))
    told.seen("carriers", 9, row(shipments=1, cost=Decimal("5.00"))).seen("carriers", 10)
    told.seen("carriers", 11, row(shipments=1, cost=Decimal("6.00")))
    told.given(delivered(12, "S-1", lines={1: 10})).seen("carriers", 12, row(shipments=2, cost=Decimal("11.00")))


def test_a_cancelled_order_leaves_no_shipment(projecting: Projecting) -> None:
    projecting.given(placed(8), booked(9), cancelled(10)).seen("carriers", 11)


def test_a_rebooked_shipment_counts_for_its_present_carrier_in_the_month_of_its_booking(
    projecting: Projecting,
) -> None:
    told = projecting.given(
        placed(8), booked(9, carrier="DHL", cost=12), rebooked(NEXT_MONTH, carrier="our van", mode="in_house", cost=3)
    )
    told.seen("carriers", 10, row(carrier="DHL", month=MARCH, cost=Decimal("12.00")))
    told.seen("carriers", NEXT_MONTH, row(carrier="our van", mode="in_house", month=MARCH, cost=Decimal("3.00")))


def test_a_customer_who_comes_is_a_carrier_too(projecting: Projecting) -> None:
    projecting.given(placed(8), booked(9, carrier="the customer", mode="pickup"), delivered(10)).seen(
        "carriers", 12, row(carrier="the customer", mode="pickup", delivered=1, on_time=1)
    )


def test_a_return_leaves_the_delivery_as_it_was(projecting: Projecting) -> None:
    projecting.given(placed(8), booked(9), delivered(12), returned(20, replace=True)).seen(
        "carriers", 21, row(delivered=1, on_time=1)
    )


def test_a_voided_delivery_was_none(projecting: Projecting) -> None:
    wrong = delivered(18)
    told = projecting.given(placed(8), booked(9), wrong)
    told.seen("carriers", 20, row(delivered=1, late=1))
    told.given(voided(wrong)).seen("carriers", 20, row(delivered=0, late=0))


SECONDS = 1 / 3600


@pytest.mark.parametrize(
    ("lateness", "mean"),
    [
        ((18 * SECONDS,), "0.00"),  # 0.005 h
        ((54 * SECONDS,), "0.02"),  # 0.015 h
        ((36 * SECONDS, 54 * SECONDS, 0.5), "0.18"),  # (0.01 + 0.015 + 0.5) / 3 = 0.175
        ((1, 2, 2), "1.67"),
    ],
)
def test_the_mean_is_rounded_once_half_even(projecting: Projecting, lateness: tuple[float, ...], mean: str) -> None:
    told = projecting.given(placed(8), of="SO-0")
    for number, hours in enumerate(lateness, 1):
        told = told.given(placed(8, promised_by=17), booked(9), delivered(17 + hours), of=f"SO-{number}")
    told.seen("carriers", 30, row(late=len(lateness), mean_hours_late=Decimal(mean)))


@pytest.mark.parametrize(
    ("currency", "costs", "sum_of_them"),
    [
        ("USD", ("0.1", "0.2"), "0.30"),
        ("USD", ("0.0625", "0.0625"), "0.12"),
        ("USD", ("0.0675", "0.0675"), "0.14"),
        ("JPY", ("0.25", "0.25"), "0"),
        ("JPY", ("0.75", "0.75"), "2"),
        ("KWD", ("0.0005",), "0.000"),
    ],
)
def test_costs_are_added_exactly_and_rounded_once_to_the_minor_unit(
    projecting: Projecting, currency: str, costs: tuple[str, ...], sum_of_them: str
) -> None:
    told = projecting.given(placed(8), of="SO-0")
    for number, cost in enumerate(costs, 1):
        told = told.given(placed(8, currency=currency), booked(9, cost=cost), of=f"SO-{number}")
    told.seen("carriers", 30, row(shipments=len(costs), currency=currency, cost=Decimal(sum_of_them)))
