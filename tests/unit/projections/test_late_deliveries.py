"""given orders that were completed, then those that were late are told, of whoever held them and brought them then."""

from decimal import Decimal

from tests.unit.domain.facts import (
    amended,
    booked,
    cancelled,
    delivered,
    expedite_granted,
    expedite_requested,
    placed,
    reassigned,
    rescheduled,
    returned,
    voided,
)
from tests.unit.projections.specification import Projecting, row

LATE = (placed(8, promised_by=17), booked(9), delivered(18.5))


def test_an_order_completed_after_its_promise_is_late(projecting: Projecting) -> None:
    told = projecting.given(*LATE)
    told.seen("late", 18).seen(
        "late",
        18.5,
        row(
            order_id="SO-1",
            rep_id="ann",
            account_id="ALFKI",
            promised_by=17,
            original_promised_by=17,
            delivered_at=18.5,
            hours_late=Decimal("1.50"),
            mode="courier",
            carrier="DHL",
            last_delivered_at=18.5,
            short=False,
        ),
    )


def test_an_order_completed_at_its_promise_or_not_at_all_is_not_late(projecting: Projecting) -> None:
    projecting.given(placed(8), booked(9), delivered(17), of="SO-1").given(placed(8), booked(9), of="SO-2").given(
        placed(8), cancelled(20), of="SO-3"
    ).seen("late", 30)


def test_the_promise_in_force_is_the_measure_and_the_original_one_is_told(projecting: Projecting) -> None:
    projecting.given(placed(8), rescheduled(9, promised_by=40), booked(10), delivered(30), of="SO-1").given(
        placed(8, promised_by=17), expedite_requested(9), expedite_granted(10), booked(11), delivered(16), of="SO-2"
    ).seen("late", 50, row(order_id="SO-2", promised_by=12, original_promised_by=17, hours_late=4))


def test_who_held_the_order_then_answers_for_it(projecting: Projecting) -> None:
    projecting.given(
        placed(8, rep="ann"), booked(9), reassigned(10, "bob"), delivered(18), reassigned(19, "cleo")
    ).seen("late", 20, row(rep_id="bob"))


def test_an_order_that_nobody_held_is_late_of_nobody(projecting: Projecting) -> None:
    projecting.given(placed(8, rep=None, account=None), booked(9), delivered(18)).seen(
        "late", 20, row(rep_id=None, account_id=None)
    )


def test_an_amendment_that_completes_it_late_leaves_it_short_and_says_when_goods_came_last(
    projecting: Projecting,
) -> None:
    projecting.given(placed(8), booked(9), delivered(12, lines={1: 6}), amended(18, {1: 6})).seen(
        "late", 18, row(delivered_at=18, last_delivered_at=12, short=True, hours_late=1, carrier="DHL")
    )


def test_a_cancelled_rest_completes_it_late_and_short_too(projecting: Projecting) -> None:
    projecting.given(placed(8), booked(9), delivered(12, lines={1: 6}), cancelled(19)).seen(
        "late", 19, row(delivered_at=19, last_delivered_at=12, short=True)
    )


def test_carrier_and_mode_are_of_the_shipment_last_confirmed_and_goods_came_last_with_it(
    projecting: Projecting,
) -> None:
    told = projecting.given(
        placed(8),
        booked(9, "S-1", {1: 6}, carrier="DHL"),
        booked(9, "S-2", carrier="our van", mode="in_house"),
        delivered(18, "S-1"),
        amended(19, {1: 6}),
        delivered(20, "S-2"),
    )
    told.seen("late", 19, row(carrier="DHL", mode="courier", delivered_at=19, last_delivered_at=18))
    told.seen("late", 20, row(carrier="our van", mode="in_house", delivered_at=19, last_delivered_at=20))


def test_an_order_that_a_return_opened_again_is_late_no_more_until_it_is_completed_again(
    projecting: Projecting,
) -> None:
    told = projecting.given(*LATE, returned(20, lines={1: 2}, replace=True), booked(21, "S-R"), delivered(30, "S-R"))
    told.seen("late", 19, row(delivered_at=18.5)).seen("late", 25).seen("late", 30, row(delivered_at=30, hours_late=13))


def test_a_replacement_makes_an_order_late_that_was_first_completed_in_time(projecting: Projecting) -> None:
    told = projecting.given(
        placed(8), booked(9), delivered(12), returned(13, replace=True), booked(14, "S-R"), delivered(20, "S-R")
    )
    told.seen("late", 13).seen("late", 20, row(delivered_at=20, short=False))


def test_the_latest_completed_is_told_first(projecting: Projecting) -> None:
    projecting.given(*LATE, of="SO-1").given(placed(8), booked(9), delivered(20), of="SO-2").given(
        *LATE, of="SO-0"
    ).seen("late", 30, row(order_id="SO-2"), row(order_id="SO-0"), row(order_id="SO-1"))


def test_a_completion_that_was_wrong_makes_nothing_late(projecting: Projecting) -> None:
    wrong = delivered(18)
    told = projecting.given(placed(8), booked(9), wrong)
    told.seen("late", 20, row(delivered_at=18))
    told.given(voided(wrong)).seen("late", 20)
