"""given what reps placed, delivered and expedited, then each has a scorecard for each month and currency.

Hours count from 2 March 2026; April begins with hour 720.
"""

from decimal import Decimal

import pytest

from projections.expedites import expedite_periods
from projections.rep_pay import rep_pay_plan_periods, rep_quota_periods
from tests.unit.domain.facts import (
    amended,
    booked,
    cancelled,
    customer_informed,
    delivered,
    expedite_granted,
    expedite_requested,
    pay_plan_set,
    placed,
    quota_set,
    reassigned,
    reinstated,
    returned,
    voided,
)
from tests.unit.projections.specification import Memory, Projecting, row

APRIL = 720
LATER = 2_000


@pytest.fixture
def desk() -> Projecting:
    """The rows in memory; that stores give the same is told by tests/oracle/test_sales_year.py."""
    return Projecting(Memory())


# -- what counts, for whom and when --------------------------------------------------------------


def test_an_order_counts_when_it_is_placed_and_when_it_is_complete(projecting: Projecting) -> None:
    told = projecting.given(placed(8, promised_by=APRIL + 10), booked(9), delivered(APRIL))
    april = row(month="2026-04", delivered=1, on_time=1, late=0, placed_value=0, delivered_value=50)
    told.seen("scorecard", APRIL - 1, row(rep_id="ann", month="2026-03", currency="USD", placed_value=50, delivered=0))
    told.seen("scorecard", LATER, row(month="2026-03", placed_value=50, otif_percent=None), april)


def test_a_delivery_is_that_of_the_rep_who_held_the_order_then(desk: Projecting) -> None:
    order = (placed(8), booked(9), reassigned(10, "bob"), delivered(11), reassigned(12, "cat"))
    ann, bob = row(rep_id="ann", placed_value=50, delivered=0), row(rep_id="bob", placed_value=0, delivered_value=50)
    desk.given(*order).seen("scorecard", LATER, ann, bob)


def test_on_time_is_no_later_than_the_promise_in_force(desk: Projecting) -> None:
    told = desk.given(placed(8, promised_by=11), booked(9), delivered(11), of="SO-1").given(
        placed(8, promised_by=11), booked(9), delivered(11.01), of="SO-2"
    )
    told.seen("scorecard", LATER, row(delivered=2, on_time=1, late=1, otif_percent=Decimal("50.00")))


def test_a_cancelled_order_is_not_placed_until_it_is_reinstated(desk: Projecting) -> None:
    told = desk.given(placed(8), cancelled(9))
    told.seen("scorecard", 8.5, row(placed_value=50)).seen("scorecard", 10)
    told.given(reinstated(APRIL)).seen("scorecard", LATER, row(month="2026-03", placed_value=50))


def test_an_amendment_changes_the_value_of_the_month_in_which_the_order_was_placed(desk: Projecting) -> None:
    told = desk.given(placed(8), amended(APRIL, {1: 3}, charges={2: "1.005"}))
    told.seen("scorecard", LATER, row(month="2026-03", placed_value=Decimal("16.00")))


def test_an_order_opened_again_by_a_return_counts_when_it_is_complete_again(desk: Projecting) -> None:
    told = desk.given(placed(8, promised_by=LATER), booked(9), delivered(11), returned(APRIL - 1, replace=True))
    told.seen("scorecard", 12, row(delivered=1))
    told.seen("scorecard", APRIL, row(month="2026-03", delivered=0, delivered_value=0, placed_value=50))
    told.given(booked(APRIL, "S-2"), delivered(APRIL + 1, "S-2")).seen(
        "scorecard", LATER, row(month="2026-03", delivered=0), row(month="2026-04", delivered=1)
    )


def test_expedites_count_for_who_held_the_order_at_each_step(projecting: Projecting) -> None:
    order = (
        placed(8, promised_by=APRIL + 100),
        expedite_requested(9),
        reassigned(10, "bob"),
        expedite_granted(APRIL, promised_by=APRIL + 50),
        booked(APRIL + 1),
        reassigned(APRIL + 2, "cat"),
        customer_informed(APRIL + 3),
    )
    requested = row(rep_id="ann", month="2026-03", expedites_requested=1, expedites_granted=0)
    granted = row(rep_id="bob", month="2026-04", expedites_requested=0, expedites_granted=1, expedites_met=0)
    told = projecting.given(*order)
    told.seen("scorecard", APRIL + 10, requested, granted)
    told.then(
        expedite_periods,
        row(requested_rep_id="ann", decided_rep_id=None),
        row(requested_rep_id="ann", decided_rep_id="bob"),
        row(requested_rep_id="ann", decided_rep_id="bob", informed_at=APRIL + 3),
    )
    met = row(rep_id="cat", month="2026-04", expedites_met=1, delivered=1)
    told.given(delivered(APRIL + 50)).seen("scorecard", LATER, requested, granted, met)


def test_a_grant_is_not_met_by_a_later_delivery(desk: Projecting) -> None:
    order = (placed(8), expedite_requested(9), expedite_granted(10, promised_by=12), booked(11), delivered(12.5))
    desk.given(*order).seen("scorecard", LATER, row(expedites_granted=1, expedites_met=0, late=1))


def test_a_met_grant_counts_in_the_month_of_the_delivery(desk: Projecting) -> None:
    granted = (expedite_requested(9), expedite_granted(10, promised_by=APRIL + 5))
    order = (placed(8, promised_by=APRIL + 9), *granted, booked(11), delivered(APRIL + 1))
    april = row(month="2026-04", expedites_granted=0, expedites_met=1)
    desk.given(*order).seen("scorecard", LATER, row(month="2026-03", expedites_granted=1, expedites_met=0), april)


def test_what_nobody_held_is_in_a_row_without_a_rep(desk: Projecting) -> None:
    desk.given(placed(8, rep=None), booked(9), delivered(10)).given(pay_plan_set(8)).seen(
        "scorecard", LATER, row(rep_id=None, placed_value=50, delivered_value=50, quota=None, pay=None)
    )


# -- quotas --------------------------------------------------------------------------------------


def test_the_latest_quota_wins_and_makes_a_row_alone(projecting: Projecting) -> None:
    told = projecting.given(quota_set(8, target=100), quota_set(10, target="33.335"))
    told.seen("scorecard", 9, row(month="2026-03", quota=Decimal("100.00"), attainment_percent=Decimal("0.00")))
    told.seen("scorecard", LATER, row(rep_id="ann", currency="USD", quota=Decimal("33.34"), base=None, delivered=0))
    told.then(rep_quota_periods, row(valid_from=8, valid_to=10, target_amount=100), row(valid_from=10, valid_to=None))


def test_growth_is_counted_from_what_was_placed_the_month_before_in_that_currency(desk: Projecting) -> None:
    orders = desk.given(placed(8), of="SO-1").given(placed(8, currency="EUR", prices={1: 100}), of="SO-2")
    quota = orders.given(quota_set(9, "2026-04", growth="2.5")).given(placed(APRIL, {1: 5}), of="SO-3")
    april = row(month="2026-04", quota=Decimal("51.25"), attainment_percent=Decimal("48.78"))
    quota.seen("scorecard", LATER, row(currency="EUR"), row(month="2026-03", placed_value=50), april)


def test_growth_over_nothing_is_a_quota_of_nothing(desk: Projecting) -> None:
    zero = row(quota=Decimal("0.00"), attainment_percent=None, bonus=Decimal("0.00"))
    told = desk.given(quota_set(8, growth=10), pay_plan_set(8, quota_bonus=70)).given(placed(9))
    told.seen("scorecard", LATER, zero)


# -- pay -----------------------------------------------------------------------------------------


def test_the_bonus_goes_by_the_attainment_before_it_is_rounded(desk: Projecting) -> None:
    plan = pay_plan_set(8, quota_bonus=70)
    missed = desk.given(quota_set(8, target="50.001"), plan).given(placed(9))
    missed.seen("scorecard", LATER, row(quota=Decimal("50.00"), attainment_percent=Decimal("100.00"), bonus=0))
    reached = desk.given(quota_set(8, target=50), plan).given(placed(9))
    reached.seen("scorecard", LATER, row(attainment_percent=Decimal("100.00"), bonus=70, pay=3070))


@pytest.mark.parametrize(
    ("price", "commission"),
    [
        ("0.25", "0.12"),
        ("0.75", "0.38"),
        ("0.03", "0.02"),
        ("0.01", "0.00"),
        ("999999999999999.99", "500000000000000.00"),
    ],
)
def test_a_commission_of_half_a_cent_is_rounded_to_the_even_one(desk: Projecting, price: str, commission: str) -> None:
    told = desk.given(placed(8, {1: 1}, prices={1: price}), booked(9), delivered(10)).given(
        pay_plan_set(8, commission=50)
    )
    pay = Decimal(commission) + 3000
    told.seen("scorecard", LATER, row(delivered_value=Decimal(price), commission=Decimal(commission), pay=pay))


def test_pay_is_the_sum_of_its_parts_as_shown(desk: Projecting) -> None:
    plan = pay_plan_set(8, base="0.005", commission=50, new_account_bonus="0.015")
    told = desk.given(placed(8, {1: 1}, prices={1: "0.05"}), booked(9), delivered(10)).given(plan)
    parts = row(base=Decimal("0.00"), commission=Decimal("0.02"), bonus=Decimal("0.02"), pay=Decimal("0.04"))
    told.seen("scorecard", LATER, parts)


def test_pay_is_in_the_row_of_the_plans_currency_alone(desk: Projecting) -> None:
    told = desk.given(placed(8, currency="EUR"), of="SO-1").given(placed(8), of="SO-2").given(pay_plan_set(9))
    euros = row(currency="EUR", base=None, commission=None, bonus=None, pay=None)
    told.seen("scorecard", LATER, euros, row(currency="USD", base=3000, commission=0, bonus=0, pay=3000))


def test_a_plan_holds_from_its_month_until_a_later_one_begins(projecting: Projecting) -> None:
    plans = (pay_plan_set(8, "2026-04", 2), pay_plan_set(9, "2026-03", 1), pay_plan_set(10, "2026-05", 3))
    told = projecting.given(
        *plans, pay_plan_set(LATER, "2026-05", 4), *(quota_set(8, f"2026-0{m}") for m in range(2, 7))
    )
    before = row(month="2026-02", base=None)
    months = [row(month=f"2026-0{month}", base=base) for month, base in ((3, 1), (4, 2), (5, 3), (6, 3))]
    told.seen("scorecard", LATER - 1, before, *months)
    told.seen("scorecard", LATER, before, *months[:2], row(base=4), row(base=4))
    told.then(rep_pay_plan_periods, row(base=1), row(base=2), row(base=3, valid_to=LATER), row(base=4, valid_to=None))


def test_a_new_account_counts_with_its_first_order_ever(desk: Projecting) -> None:
    plan = pay_plan_set(8, new_account_bonus=50)
    # given two orders of one instant, the first of them cancelled, and in another currency than the plan's
    first, second = placed(9, currency="EUR"), placed(9, rep="bob")
    told = desk.given(first, cancelled(10), of="SO-1").given(second, of="SO-2").given(plan)
    # then the account is the first one's, which alone makes a row
    told.seen("scorecard", LATER, row(rep_id="bob"), row(rep_id="ann", currency="USD", placed_value=0, bonus=50))
    # and if there never was such an order, it is the second one's, who has no plan
    told.given(voided(first), of="SO-1").seen("scorecard", LATER, row(rep_id="bob", bonus=None))


def test_orders_without_an_account_are_no_accounts_first(desk: Projecting) -> None:
    told = desk.given(placed(9, account=None)).given(pay_plan_set(8, new_account_bonus=50))
    told.seen("scorecard", LATER, row(rep_id="ann", bonus=0))


def test_in_a_month_who_placed_the_most_is_first(desk: Projecting) -> None:
    told = desk.given(placed(9, rep="rep-10", prices={1: 2}), of="SO-1")
    told = told.given(placed(9, rep="rep-2", prices={1: 2}), of="SO-2")
    told = told.given(placed(9, rep="rep-3", prices={1: 20}), of="SO-3")
    told.seen("scorecard", LATER, row(rep_id="rep-3"), row(rep_id="rep-2"), row(rep_id="rep-10"))
