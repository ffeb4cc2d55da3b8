"""given what accounts ordered, then `accounts` has for each, by currency, what it is worth and how it is served."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.order.events import OrderPlaced
from tests.unit.domain.facts import (
    MIDNIGHT,
    account_assigned,
    account_registered,
    amended,
    booked,
    cancelled,
    contacted,
    delivered,
    established,
    placed,
    reinstated,
    rescheduled,
    returned,
    stopped,
    voided,
)
from tests.unit.projections.specification import Projecting, row

NEXT_MONTH = 31 * 24 + 9
"""Nine o'clock on 2 April, in hours of the specification's first day, 2 March."""
FIRST_OF_APRIL = 30 * 24
LAST_MONTH = -10 * 24
TWO_MONTHS_AGO = -40 * 24


def worth(amount: str, at: float = 8, **of: Any) -> OrderPlaced:
    """An order of one lamp at that price."""
    return placed(at, {1: 1}, prices={1: amount}, promised_by=at + 9, **of)


def test_an_account_has_its_orders_and_their_value_by_currency(projecting: Projecting) -> None:
    projecting.given(account_registered(7, "Alfreds", "b2b", rep="ann", tier="gold")).given(
        worth("10"), booked(9), delivered(10), of="SO-1"
    ).given(worth("5.50"), booked(9), delivered(18), of="SO-2").given(worth("1.25", 11), of="SO-3").given(
        worth("2", currency="EUR"), of="SO-4"
    ).seen(
        "accounts",
        19,
        row(
            name="Alfreds",
            currency="EUR",
            orders=1,
            open_orders=1,
            overdue=1,
            on_time_percent=None,
            order_value=Decimal("2.00"),
        ),
        row(
            account_id="ALFKI",
            name="Alfreds",
            segment="b2b",
            tier="gold",
            rep_id="ann",
            currency="USD",
            orders=3,
            open_orders=1,
            overdue=0,
            on_time_percent=Decimal("50.00"),
            order_value=Decimal("16.75"),
            value_month=Decimal("16.75"),
            value_month_before=Decimal("0.00"),
            growth_percent=None,
            last_order_at=11,
        ),
    )


def test_months_are_by_placing_and_growth_is_against_the_month_before(projecting: Projecting) -> None:
    told = (
        projecting.given(worth("7", TWO_MONTHS_AGO), of="SO-0")
        .given(worth("30", LAST_MONTH), of="SO-1")
        .given(worth("40", 8), of="SO-2")
        .given(worth("5", NEXT_MONTH), of="SO-3")
    )
    told.seen(
        "accounts",
        7,
        row(value_month=Decimal("0.00"), value_month_before=Decimal("30.00"), growth_percent=Decimal("-100.00")),
    )
    told.seen(
        "accounts",
        9,
        row(value_month=Decimal("40.00"), value_month_before=Decimal("30.00"), growth_percent=Decimal("33.33")),
    )
    told.seen(
        "accounts",
        NEXT_MONTH,
        row(
            order_value=Decimal("82.00"),
            value_month=Decimal("5.00"),
            value_month_before=Decimal("40.00"),
            growth_percent=Decimal("-87.50"),
        ),
    )


def test_a_month_ends_with_its_last_microsecond(projecting: Projecting) -> None:
    last = FIRST_OF_APRIL - timedelta(microseconds=1) / timedelta(hours=1)
    told = projecting.given(worth("1", 8), of="SO-1").given(worth("2", FIRST_OF_APRIL), of="SO-2")
    told.seen("accounts", last, row(value_month=Decimal("1.00"), value_month_before=Decimal("0.00")))
    told.seen("accounts", FIRST_OF_APRIL, row(value_month=Decimal("2.00"), value_month_before=Decimal("1.00")))


def test_the_month_before_is_whole_at_the_end_of_the_two_longest_months(projecting: Projecting) -> None:
    first_of_july, end_of_august = 121 * 24, 183 * 24 - 0.01
    projecting.given(worth("4", first_of_july), of="SO-1").given(worth("3", first_of_july - 0.01), of="SO-2").seen(
        "accounts", end_of_august, row(order_value=Decimal("7.00"), value_month_before=Decimal("4.00"))
    )


def test_the_value_is_that_of_the_lines_in_force_whatever_month_changed_them(projecting: Projecting) -> None:
    told = projecting.given(placed(8, {1: 10}, prices={1: 5}), amended(NEXT_MONTH, {1: 4}, prices={1: 5}))
    told.seen("accounts", 9, row(order_value=Decimal("50.00"), value_month=Decimal("50.00")))
    told.seen(
        "accounts",
        NEXT_MONTH,
        row(order_value=Decimal("20.00"), value_month=Decimal("0.00"), value_month_before=Decimal("20.00")),
    )


def test_a_cancelled_order_is_left_out_until_it_is_reinstated(projecting: Projecting) -> None:
    told = projecting.given(worth("10"), of="SO-1").given(
        worth("3", 12), cancelled(13), reinstated(14, promised_by=40), of="SO-2"
    )
    told.seen("accounts", 12.5, row(orders=2, order_value=Decimal("13.00"), last_order_at=12))
    told.seen(
        "accounts", 13, row(orders=1, order_value=Decimal("10.00"), value_month=Decimal("10.00"), last_order_at=8)
    )
    told.seen("accounts", 14, row(orders=2, order_value=Decimal("13.00"), last_order_at=12))


def test_an_account_all_of_whose_orders_were_cancelled_has_no_row(projecting: Projecting) -> None:
    projecting.given(account_registered(7)).given(worth("10"), cancelled(9)).seen("accounts", 10)


def test_an_account_without_orders_has_no_row(projecting: Projecting) -> None:
    projecting.given(account_registered(7), contacted(8)).given(worth("10", account=None)).seen("accounts", 10)


@pytest.mark.parametrize(("arrival", "percent"), [(17, "100.00"), (17.5, "0.00")])
def test_an_order_completed_at_its_promise_is_on_time(projecting: Projecting, arrival: float, percent: str) -> None:
    told = projecting.given(worth("10"), booked(9), delivered(arrival))
    told.seen("accounts", 17, row(overdue=0)).seen("accounts", 20, row(on_time_percent=Decimal(percent)))


def test_the_promise_in_force_counts(projecting: Projecting) -> None:
    told = projecting.given(worth("10"), rescheduled(16, promised_by=40), booked(17), delivered(30))
    told.seen("accounts", 20, row(overdue=0)).seen("accounts", 30, row(on_time_percent=Decimal("100.00")))


def test_a_return_to_be_replaced_makes_the_order_open_again(projecting: Projecting) -> None:
    told = projecting.given(worth("10"), booked(9), delivered(12), returned(13, replace=True))
    told.seen("accounts", 12, row(open_orders=0, on_time_percent=Decimal("100.00")))
    told.seen("accounts", 13, row(open_orders=1, overdue=0, on_time_percent=None)).seen("accounts", 18, row(overdue=1))


def test_an_unregistered_account_has_no_name_and_one_may_have_a_rep_before(projecting: Projecting) -> None:
    told = projecting.given(worth("10")).given(account_assigned(9, "bob"), account_registered(10, rep="cleo"))
    told.seen("accounts", 8, row(account_id="ALFKI", name=None, segment=None, tier=None, rep_id=None))
    told.seen("accounts", 9, row(name=None, rep_id="bob"))
    told.seen("accounts", 10, row(name="Alfreds Futterkiste", segment="b2b", rep_id="cleo"))


def test_the_most_valuable_account_comes_first_by_number_and_not_by_text(projecting: Projecting) -> None:
    projecting.given(worth("9", account="C"), of="SO-1").given(worth("10", account="B"), of="SO-2").given(
        worth("10", account="A"), of="SO-3"
    ).given(worth("100", account="D"), of="SO-4").seen(
        "accounts", 9, *(row(account_id=account) for account in ("D", "A", "B", "C"))
    )


@pytest.mark.parametrize(
    ("before", "month", "growth"),
    [
        ("800", "801", "0.12"),  # 0.125
        ("800", "803", "0.38"),  # 0.375
        ("3", "4", "33.33"),
        ("-10", "10", "-200.00"),
        ("0", "10", None),
    ],
)
def test_growth_is_rounded_half_even(projecting: Projecting, before: str, month: str, growth: str | None) -> None:
    told = projecting.given(worth("1", LAST_MONTH, charges={2: str(Decimal(before) - 1)}), of="SO-1")
    told.given(worth(month), of="SO-2").seen(
        "accounts", 9, row(growth_percent=None if growth is None else Decimal(growth))
    )


def test_each_order_is_rounded_to_the_minor_unit_before_they_are_added(projecting: Projecting) -> None:
    projecting.given(worth("0.125"), of="SO-1").given(worth("0.135"), of="SO-2").given(
        worth("0.5", account="B", currency="JPY"), of="SO-3"
    ).given(worth("1.5", account="B", currency="JPY"), of="SO-4").seen(
        "accounts",
        9,
        row(account_id="B", order_value=Decimal("2"), value_month=Decimal("2")),
        row(account_id="ALFKI", order_value=Decimal("0.26"), value_month=Decimal("0.26")),
    )


def test_an_order_that_was_wrong_never_was(projecting: Projecting) -> None:
    wrong = worth("10")
    told = projecting.given(wrong)
    told.seen("accounts", 9, row(orders=1))
    told.given(voided(wrong)).seen("accounts", 9)


def test_an_account_has_its_active_standing_orders_by_currency(projecting: Projecting) -> None:
    told = (
        projecting.given(established(8), stopped(20), established(30), of="7")
        .given(established(9, until=date(2026, 3, 3)), of="8")
        .given(established(8, currency="EUR"), of="9")
        .given(worth("10"))
    )
    told.seen("accounts", 8.5, row(currency="EUR", standing_orders=1), row(currency="USD", standing_orders=1))
    told.seen("accounts", 9, row(standing_orders=1), row(standing_orders=2))
    told.seen("accounts", 20, row(standing_orders=1), row(standing_orders=1))
    told.seen("accounts", 47.99, row(standing_orders=1), row(standing_orders=2))
    told.seen("accounts", 48, row(standing_orders=1), row(orders=1, standing_orders=1))


def test_a_standing_order_without_orders_has_a_row_of_its_own(projecting: Projecting) -> None:
    told = projecting.given(established(8)).given(account_registered(9, "Alfreds", rep="ann"))
    told.seen(
        "accounts",
        10,
        row(
            account_id="ALFKI",
            name="Alfreds",
            rep_id="ann",
            currency="USD",
            orders=0,
            open_orders=0,
            overdue=0,
            on_time_percent=None,
            order_value=Decimal("0.00"),
            value_month=Decimal("0.00"),
            value_month_before=Decimal("0.00"),
            growth_percent=None,
            standing_orders=1,
            last_order_at=None,
        ),
    )


assert MIDNIGHT.isoformat() == "2026-03-02T00:00:00+00:00", "the months above are counted from it"
