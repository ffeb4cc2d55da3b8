"""given a follow-up owed to a customer, then the rep who holds the order owes it, with its period."""

from decimal import Decimal

import pytest

from domain.fact import Fact
from projections.follow_ups import follow_up_periods
from tests.unit.domain.facts import (
    booked,
    cancelled,
    customer_informed,
    delayed,
    delivered,
    expedite_declined,
    expedite_granted,
    expedite_requested,
    placed,
    reassigned,
    rebooked,
    reinstated,
    rep_left,
    rep_registered,
    rescheduled,
    returned,
    shipment_cancelled,
)
from tests.unit.projections.specification import Projecting, row

BOOKED = (placed(8, promised_by=17), booked(9, estimate=16))
DECLINED = (placed(8, promised_by=17), expedite_requested(9), expedite_declined(10))
MONTH = 30 * 24
DELAY, EXPEDITE = row(about="delay"), row(about="expedite")


def test_nobody_owes_it_until_somebody_takes_the_order_over(projecting: Projecting) -> None:
    projecting.given(placed(8, rep=None), expedite_requested(9), expedite_declined(10), reassigned(11, rep="bob")).then(
        follow_up_periods,
        row(about="expedite", valid_from=10, valid_to=11, rep_id=None, owed_since=10),
        row(about="expedite", valid_from=11, valid_to=None, rep_id="bob", owed_since=10),
    )


# -- the row -------------------------------------------------------------------------------------


def test_a_declined_expedite_is_owed_since_the_decline_until_its_request_is_named(projecting: Projecting) -> None:
    told = projecting.given(*DECLINED, customer_informed(14, "expedite", "R-1"))
    told.seen("follow-ups", 9.99)
    told.seen(
        "follow-ups",
        13.5,
        row(
            order_id="SO-1", rep_id="ann", request_id="R-1", about="expedite", owed_since=10, hours_owed=Decimal("3.5")
        ),
    )
    told.seen("follow-ups", 14)


def test_a_delay_names_no_request(projecting: Projecting) -> None:
    projecting.given(*BOOKED, delayed(10, estimate=18)).seen(
        "follow-ups", 12, row(about="delay", request_id=None, owed_since=10, hours_owed=2)
    )


def test_the_longest_owed_comes_first_whether_a_fact_or_the_clock_left_it(projecting: Projecting) -> None:
    projecting.given(*DECLINED, of="SO-3").given(placed(8, promised_by=12), of="SO-2").given(
        *BOOKED, delayed(13, estimate=18), of="SO-1"
    ).seen(
        "follow-ups",
        15,
        row(order_id="SO-3", owed_since=10),
        row(order_id="SO-2", owed_since=12),
        row(order_id="SO-1", owed_since=13),
    )


def test_what_the_clock_left_is_owed_by_whoever_holds_the_order(projecting: Projecting) -> None:
    told = projecting.given(placed(8, rep=None, promised_by=17), reassigned(20, "bob"))
    told.seen("follow-ups", 18, row(rep_id=None, owed_since=17, hours_owed=1))
    told.seen("follow-ups", 21, row(rep_id="bob", owed_since=17, hours_owed=4))


# -- bad news ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "news",
    [
        delayed(10, estimate=17.5),
        rebooked(10, estimate=17.5),
        booked(10, "S-2", estimate=17.5),
        rescheduled(10, promised_by=15),
        expedite_granted(10, promised_by=12),
    ],
    ids=lambda fact: fact.TYPE,
)
def test_an_order_that_comes_to_be_expected_late_owes_word_since_then(projecting: Projecting, news: Fact) -> None:
    told = projecting.given(
        placed(8, promised_by=17), booked(9, lines={1: 4}, estimate=16), expedite_requested(9), news
    )
    told.seen("follow-ups", 9.99).seen("follow-ups", 10, row(about="delay", owed_since=10, hours_owed=0))


def test_a_delay_without_an_estimate_is_bad_news_though_nothing_is_expected_late(projecting: Projecting) -> None:
    told = projecting.given(*BOOKED, delayed(10, estimate=None))
    told.seen("follow-ups", 10, row(about="delay", owed_since=10))
    told.seen("at-risk", 10, row(why="no_estimate", follow_up_owed=True))


def test_a_delay_without_an_estimate_is_owed_until_one_in_time_is_told(projecting: Projecting) -> None:
    told = projecting.given(*BOOKED, delayed(10, estimate=None), delayed(11, estimate=17))
    told.seen("follow-ups", 10.5, DELAY).seen("follow-ups", 11)


def test_expected_later_still_is_owed_anew_once_the_customer_was_told(projecting: Projecting) -> None:
    told = projecting.given(*BOOKED, delayed(10, estimate=18), customer_informed(11, "delay"), delayed(12, estimate=19))
    told.seen("follow-ups", 10, row(owed_since=10)).seen("follow-ups", 11).seen("follow-ups", 12, row(owed_since=12))


def test_a_cancelled_shipment_found_again_brings_its_late_estimate_back(projecting: Projecting) -> None:
    told = projecting.given(
        placed(8, promised_by=17),
        booked(9, estimate=20),
        customer_informed(9.5, "delay"),
        shipment_cancelled(10),
        delivered(12, lines={1: 4}),
    )
    told.seen("follow-ups", 11).seen("follow-ups", 12, row(about="delay", owed_since=12))


# -- the promise's passing -----------------------------------------------------------------------


def test_when_the_promise_passes_with_nobody_told_word_is_owed_since_the_promise(projecting: Projecting) -> None:
    told = projecting.given(*BOOKED)
    told.seen("follow-ups", 17).seen("follow-ups", 17.01, row(about="delay", request_id=None, owed_since=17))
    told.seen("overdue", 17.01, row(follow_up_owed=True)).seen("follow-ups", 20, row(owed_since=17, hours_owed=3))


def test_a_customer_told_of_the_delay_since_the_promise_was_set_is_owed_nothing(projecting: Projecting) -> None:
    told = projecting.given(*BOOKED, customer_informed(10, "delay"))
    told.seen("follow-ups", 20).seen("overdue", 20, row(follow_up_owed=False))


@pytest.mark.parametrize(
    "promise",
    [rescheduled(11, promised_by=16), expedite_granted(11, promised_by=16)],
    ids=lambda fact: fact.TYPE,
)
def test_a_promise_set_since_the_customer_was_told_passes_anew(projecting: Projecting, promise: Fact) -> None:
    projecting.given(placed(8, promised_by=17), expedite_requested(9), customer_informed(10, "delay"), promise).seen(
        "follow-ups", 16
    ).seen("follow-ups", 16.01, row(owed_since=16))


def test_a_reinstatement_sets_the_promise_anew(projecting: Projecting) -> None:
    told = projecting.given(placed(8, promised_by=17), customer_informed(9, "delay"), cancelled(10), reinstated(11))
    told.seen("follow-ups", 17).seen("follow-ups", 18, row(owed_since=17))


def test_what_a_return_opened_again_after_its_promise_is_owed_since_the_return(projecting: Projecting) -> None:
    told = projecting.given(*BOOKED, delivered(12), returned(20, replace=True))
    told.seen("follow-ups", 19).seen("follow-ups", 22, row(about="delay", owed_since=20, hours_owed=2))


def test_what_a_return_opened_again_before_its_promise_is_owed_since_the_promise(projecting: Projecting) -> None:
    told = projecting.given(*BOOKED, delivered(12), returned(13, replace=True))
    told.seen("follow-ups", 17).seen("follow-ups", 18, row(owed_since=17))


def test_what_is_owed_already_is_not_owed_once_more_when_the_promise_passes(projecting: Projecting) -> None:
    projecting.given(*BOOKED, delayed(10, estimate=18)).seen("follow-ups", 20, row(about="delay", owed_since=10))


def test_a_declined_expedite_does_not_keep_the_clock_from_its_turn(projecting: Projecting) -> None:
    projecting.given(*DECLINED).seen(
        "follow-ups", 18, row(about="expedite", owed_since=10), row(about="delay", owed_since=17)
    )


# -- settled, or ended unsaid --------------------------------------------------------------------


def test_what_the_clock_left_is_settled_by_word_of_the_delay(projecting: Projecting) -> None:
    told = projecting.given(*BOOKED, customer_informed(20, "delay"), reassigned(30, "bob"))
    told.seen("follow-ups", 19, DELAY).seen("follow-ups", 20).seen("follow-ups", 40)


def test_what_the_clock_left_stays_though_another_promise_is_made(projecting: Projecting) -> None:
    told = projecting.given(placed(8, promised_by=17), rescheduled(20, promised_by=40))
    told.seen("follow-ups", 19, row(owed_since=17)).seen("follow-ups", 20, row(owed_since=17))
    told.seen("follow-ups", 50, row(owed_since=17))


def test_it_ends_unsaid_when_the_order_is_cancelled(projecting: Projecting) -> None:
    told = projecting.given(*BOOKED, delayed(10, estimate=18), cancelled(11), of="SO-1")
    told = told.given(*BOOKED, cancelled(20), of="SO-2")
    told.seen("follow-ups", 10, row(order_id="SO-1")).seen("follow-ups", 11)
    told.seen("follow-ups", 19, row(order_id="SO-2")).seen("follow-ups", 20)


def test_it_ends_unsaid_when_the_order_is_completed_no_later_than_the_promise(projecting: Projecting) -> None:
    told = projecting.given(*BOOKED, delayed(10, estimate=18), delivered(17), of="SO-1")
    told = told.given(
        placed(8, promised_by=17), booked(9, estimate=None), rescheduled(20, promised_by=40), delivered(40), of="SO-2"
    )
    told.seen("follow-ups", 16, row(order_id="SO-1")).seen("follow-ups", 17)
    told.seen("follow-ups", 39, row(order_id="SO-2", owed_since=17)).seen("follow-ups", 50)


def test_it_ends_unsaid_when_all_that_is_on_its_way_is_in_time_again(projecting: Projecting) -> None:
    told = projecting.given(*BOOKED, delayed(10, estimate=18), rebooked(11, estimate=17))
    told.seen("follow-ups", 10.5, DELAY).seen("follow-ups", 11)


@pytest.mark.parametrize(
    "relief", [shipment_cancelled(11), delayed(11, estimate=None)], ids=["nothing on its way", "no estimate"]
)
def test_it_does_not_end_where_nothing_says_that_it_will_be_in_time(projecting: Projecting, relief: Fact) -> None:
    projecting.given(*BOOKED, delayed(10, estimate=18), relief).seen("follow-ups", 12, row(owed_since=10))


def test_once_the_promise_has_passed_no_estimate_ends_it(projecting: Projecting) -> None:
    told = projecting.given(*BOOKED, delayed(10, estimate=30), delayed(18, estimate=17))
    told.seen("follow-ups", 17, row(owed_since=10)).seen("follow-ups", 20, row(owed_since=10))


# -- after the closing ---------------------------------------------------------------------------


def test_an_order_completed_late_with_nobody_told_keeps_owing_word(projecting: Projecting) -> None:
    told = projecting.given(*BOOKED, delivered(20), customer_informed(30, "delay"))
    told.seen("follow-ups", 29, row(about="delay", owed_since=17, hours_owed=12)).seen("follow-ups", 30)


def test_a_declined_expedite_outlives_the_closing(projecting: Projecting) -> None:
    projecting.given(*DECLINED, cancelled(11), of="SO-1").given(*DECLINED, booked(11), delivered(12), of="SO-2").seen(
        "follow-ups", 50, row(order_id="SO-1", about="expedite"), row(order_id="SO-2", about="expedite")
    )


def test_of_an_order_closed_30_days_ago_whatever_is_owed_has_lapsed(projecting: Projecting) -> None:
    told = projecting.given(*DECLINED, booked(11), delivered(20))
    told.seen("follow-ups", 20 + MONTH - 0.01, EXPEDITE, DELAY).seen("follow-ups", 20 + MONTH)
    told.seen("workload", 20 + MONTH - 0.01, row(rep_id="ann", follow_ups_owed=2, open_orders=0))
    told.seen("workload", 20 + MONTH)


def test_of_an_open_order_nothing_lapses(projecting: Projecting) -> None:
    projecting.given(*DECLINED).seen("follow-ups", 20 + 3 * MONTH, EXPEDITE, DELAY)


# -- counted on the desk -------------------------------------------------------------------------


def test_the_workload_counts_what_facts_and_the_clock_left(projecting: Projecting) -> None:
    told = (
        projecting.given(*DECLINED, of="SO-1")
        .given(placed(8, promised_by=17), of="SO-2")
        .given(*BOOKED, delayed(10), cancelled(11), of="SO-3")
        .given(placed(8, rep=None, promised_by=17), of="SO-4")
        .given(*BOOKED, delivered(18), reassigned(19, "bob"), of="SO-5")
    )
    told.seen(
        "workload",
        20,
        row(rep_id="ann", follow_ups_owed=3, open_orders=2),
        row(rep_id=None, follow_ups_owed=1, open_orders=1),
        row(rep_id="bob", follow_ups_owed=1, open_orders=0),
    )


def test_a_rep_who_left_has_a_row_with_the_name_while_something_is_owed(projecting: Projecting) -> None:
    told = projecting.given(rep_registered(7, "Ann"), rep_left(12), of="ann")
    told = told.given(*DECLINED, cancelled(11), customer_informed(20, "expedite"))
    told.seen("workload", 13, row(rep_id="ann", name="Ann", follow_ups_owed=1)).seen("workload", 20)
