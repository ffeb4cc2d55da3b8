"""given an open order whose promise has not passed, then it is at risk for the first reason that holds, or for none."""

from decimal import Decimal

import pytest

from domain.fact import Fact
from domain.order.kind import ORDER
from domain.settling import settle
from projections.views.at_risk_deliveries import why_at_risk
from tests.unit.domain.facts import (
    attempted,
    booked,
    cancelled,
    delayed,
    delivered,
    oclock,
    placed,
    rep_registered,
    rescheduled,
    shipment_cancelled,
)
from tests.unit.projections.specification import Projecting, row


def test_what_is_estimated_after_the_promise_is_at_risk(projecting: Projecting) -> None:
    projecting.given(placed(8, promised_by=17), booked(9, estimate=18)).seen(
        "at-risk", 9, row(order_id="SO-1", why="estimate_late", hours_left=8)
    )


def test_what_should_have_arrived_by_now_is_at_risk(projecting: Projecting) -> None:
    told = projecting.given(placed(8, promised_by=17), booked(9, estimate=12))
    told.seen("at-risk", 12)
    told.seen("at-risk", 12.5, row(why="estimate_passed", hours_left=4.5, estimated_delivery=12))


def test_a_live_shipment_without_an_estimate_is_a_risk(projecting: Projecting) -> None:
    projecting.given(placed(8, promised_by=100), booked(9, estimate=None)).seen(
        "at-risk", 10, row(why="no_estimate", estimated_delivery=None, stage="booked")
    )


def test_what_is_not_booked_is_at_risk_from_24_hours_before_the_promise(projecting: Projecting) -> None:
    told = projecting.given(placed(8, promised_by=40))
    told.seen("at-risk", 15.99)
    told.seen("at-risk", 16, row(why="not_booked", hours_left=24, carrier=None, mode=None))


def test_the_first_reason_is_told(projecting: Projecting) -> None:
    # A late estimate goes before one that has passed, and both before the shipment that has none.
    projecting.given(
        placed(8, {1: 10, 2: 5, 3: 1}, promised_by=17),
        booked(9, "S-1", lines={1: 10}, estimate=18),
        booked(9, "S-2", lines={2: 5}, estimate=None),
        of="SO-1",
    ).given(
        placed(8, {1: 10, 2: 5, 3: 1}, promised_by=17),
        booked(9, "S-1", lines={1: 10}, estimate=11),
        booked(9, "S-2", lines={2: 5}, estimate=None),
        of="SO-2",
    ).seen(
        "at-risk",
        12,
        row(order_id="SO-1", why="estimate_late", estimated_delivery=None),
        row(order_id="SO-2", why="estimate_passed", estimated_delivery=None),
    )


def test_the_four_reasons_go_in_their_order(projecting: Projecting) -> None:
    """Each order has what puts the next one at risk, and one thing more."""
    lines, soon = {1: 10, 2: 5, 3: 1}, 17
    not_booked = (placed(8, lines, promised_by=soon), booked(9, "S-1", lines={1: 1}, estimate=16))
    no_estimate = (*not_booked, booked(9, "S-2", lines={2: 1}, estimate=None))
    passed = (
        placed(8, lines, promised_by=soon),
        booked(9, "S-1", lines={1: 1}, estimate=11),
        booked(9, "S-2", lines={2: 1}, estimate=None),
    )
    late = (*passed, booked(9, "S-3", lines={3: 1}, estimate=18))
    projecting.given(*late, of="SO-1").given(*passed, of="SO-2").given(*no_estimate, of="SO-3").given(
        *not_booked, of="SO-4"
    ).seen(
        "at-risk",
        12,
        row(order_id="SO-1", why="estimate_late"),
        row(order_id="SO-2", why="estimate_passed"),
        row(order_id="SO-3", why="no_estimate"),
        row(order_id="SO-4", why="not_booked"),
    )


def test_a_rest_that_is_not_booked_counts_as_not_booked(projecting: Projecting) -> None:
    told = projecting.given(placed(8, {1: 10}, promised_by=40), booked(9, lines={1: 9}, estimate=39))
    told.seen("at-risk", 15.99).seen("at-risk", 16, row(why="not_booked", stage="booked", carrier="DHL"))


def test_an_estimate_at_the_promise_is_in_time_and_one_of_right_now_has_not_passed(projecting: Projecting) -> None:
    told = projecting.given(placed(8, promised_by=17), booked(9, estimate=17))
    told.seen("at-risk", 9).seen("at-risk", 17)


def test_hours_left_are_decimals_with_two_places_rounded_half_even(projecting: Projecting) -> None:
    """A hundredth of an hour is 36 seconds."""
    told = projecting.given(placed(8, promised_by=17), booked(9, estimate=18))
    told.seen("at-risk", 12 + 18 / 3600, row(hours_left=Decimal("5.00")))
    told.seen("at-risk", 12 - 18 / 3600, row(hours_left=Decimal("5.00")))
    told.seen("at-risk", 12 - 54 / 3600, row(hours_left=Decimal("5.02")))


def test_the_nearest_promise_comes_first_with_the_columns_of_an_overdue_order(projecting: Projecting) -> None:
    projecting.given(placed(8, promised_by=17, rep="bob"), booked(9, estimate=18), attempted(10), of="SO-2").given(
        placed(8, promised_by=16), booked(9, estimate=17), rescheduled(10, promised_by=16.5), of="SO-3"
    ).seen(
        "at-risk",
        11,
        row(order_id="SO-3", promised_by=16.5, original_promised_by=16, hours_left=Decimal("5.5")),
        row(
            order_id="SO-2",
            rep_id="bob",
            account_id="ALFKI",
            segment="b2b",
            placed_at=8,
            carrier="DHL",
            mode="courier",
            estimated_delivery=18,
            stage="booked",
            expedite="none",
            follow_up_owed=True,
            delivery_attempts=1,
            open_value=Decimal(50),
            currency="USD",
            untaken_messages=0,
        ),
    )


def test_a_shipment_that_is_not_live_is_no_risk(projecting: Projecting) -> None:
    projecting.given(
        placed(8, promised_by=100), booked(9, "S-1", estimate=None), shipment_cancelled(10, "S-1"), booked(11, "S-2")
    ).seen("at-risk", 12)


def test_an_order_that_is_overdue_closed_or_on_time_is_not_at_risk(projecting: Projecting) -> None:
    projecting.given(placed(8, promised_by=17), booked(9), delayed(10, estimate=20), of="SO-1").given(
        placed(8), booked(9, estimate=18), delivered(12), of="SO-2"
    ).given(placed(8), cancelled(9), of="SO-3").given(
        placed(8, promised_by=100), booked(9, estimate=90), of="SO-4"
    ).seen("at-risk", 17.01)


def test_what_is_promised_right_now_is_at_risk_and_not_overdue(projecting: Projecting) -> None:
    told = projecting.given(placed(8, promised_by=17), booked(9, estimate=18))
    told.seen("at-risk", 17, row(hours_left=0)).seen("overdue", 17)


def test_another_promise_counts_from_when_it_was_given(projecting: Projecting) -> None:
    told = projecting.given(placed(8, promised_by=17), booked(9, estimate=18), rescheduled(11, promised_by=19))
    told.seen("at-risk", 10, row(why="estimate_late")).seen("at-risk", 12)


def test_the_workload_counts_the_same_orders(projecting: Projecting) -> None:
    told = (
        projecting.given(placed(8, promised_by=200), booked(9, estimate=None), of="SO-1")
        .given(placed(8, promised_by=200), booked(9, estimate=9.5), of="SO-2")
        .given(placed(8, promised_by=200), booked(9, estimate=201), of="SO-3")
        .given(placed(8, promised_by=200), booked(9, estimate=100), of="SO-4")
        .given(rep_registered(7), of="ann")
    )
    told.seen("workload", 10, row(rep_id="ann", open_orders=4, at_risk=3, due_in_24h=0, overdue=0))


@pytest.mark.parametrize(
    "facts",
    [
        (booked(9, estimate=18),),
        (booked(9, estimate=12),),
        (booked(9, estimate=None),),
        (booked(9, estimate=16, lines={1: 1}),),
        (cancelled(9),),
        (),
    ],
)
def test_one_orders_summary_is_at_risk_for_the_reason_that_the_view_has(
    projecting: Projecting, facts: tuple[Fact, ...]
) -> None:
    order = (placed(8, promised_by=17), *facts)
    summary = settle(ORDER.decider, "SO-1", order).moments[-1].summary
    told = projecting.given(*order)

    for at in (9.5, 12, 12.5, 16, 17, 17.5):
        why = why_at_risk(summary, oclock(at))
        told.seen("at-risk", at, *([] if why is None else [row(why=why)]))
