"""Follow-ups about delays: late estimates, the passing of the promise, and when nothing is owed any more."""

import pytest

from domain.fact import Fact
from tests.unit.domain.facts import (
    amended,
    booked,
    cancelled,
    customer_informed,
    delayed,
    delivered,
    expedite_granted,
    expedite_requested,
    placed,
    reassigned,
    rebooked,
    reinstated,
    rescheduled,
    returned,
    shipment_cancelled,
)
from tests.unit.domain.specification import follow_up, given

BOOKED = (placed(8, promised_by=17), booked(9, estimate=16))

# -- bad news ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "news",
    [
        delayed(10, estimate=18),
        rebooked(10, estimate=18),
        rescheduled(10, promised_by=15),
        expedite_granted(10, promised_by=12),
    ],
    ids=lambda fact: fact.TYPE,
)
def test_a_fact_after_which_the_order_is_expected_late_is_bad_news(news: Fact) -> None:
    given(*BOOKED, expedite_requested(9.5)).when(news).then_applied().owes(follow_up("delay", 10))


def test_a_booking_that_will_come_late_is_bad_news() -> None:
    given(placed(8, promised_by=17)).when(booked(9, estimate=20)).then_applied().owes(follow_up("delay", 9))


def test_the_latest_estimate_of_the_live_shipments_counts() -> None:
    given(placed(8, promised_by=17), booked(9, "S-1", {1: 4}, estimate=18), customer_informed(10, "delay")).when(
        booked(11, "S-2", estimate=16)
    ).then_applied().owes()


def test_expected_later_still_is_bad_news_again() -> None:
    told = given(*BOOKED, delayed(10, estimate=18), customer_informed(11, "delay"))
    told.when(delayed(12, estimate=19)).then_applied().owes(follow_up("delay", 12))
    told.when(delayed(12, estimate=18)).then_applied().owes()
    told.when(delayed(12, estimate=17.5)).then_applied().owes()


def test_a_promise_that_moves_while_the_order_is_expected_at_the_same_time_is_no_news() -> None:
    given(*BOOKED, delayed(10, estimate=18), customer_informed(11, "delay")).when(
        rescheduled(12, promised_by=16)
    ).then_applied().owes()


def test_a_delay_without_an_estimate_is_bad_news() -> None:
    given(*BOOKED).when(delayed(10, estimate=None)).then_applied().summary(
        estimated_delivery=None, no_estimate=True, latest_estimate=None
    ).owes(follow_up("delay", 10))


def test_a_delay_without_an_estimate_is_bad_news_each_time_and_one_is_owed() -> None:
    unknown = given(*BOOKED, delayed(10, estimate=None))
    unknown.when(delayed(11, estimate=None)).then_applied().owes(follow_up("delay", 10))
    told = unknown.when(customer_informed(11, "delay")).then_applied().owes()
    told.when(delayed(12, estimate=None)).then_applied().owes(follow_up("delay", 12))


def test_a_shipment_that_is_found_brings_its_late_estimate_back() -> None:
    given(
        placed(8, promised_by=17), booked(9, estimate=20), customer_informed(9.5, "delay"), shipment_cancelled(10)
    ).when(delivered(12, lines={1: 4})).then_applied().owes(follow_up("delay", 12))


def test_a_late_shipment_that_was_cancelled_and_booked_late_again_is_bad_news_again() -> None:
    given(*BOOKED, delayed(10, estimate=18), customer_informed(11, "delay"), shipment_cancelled(12)).when(
        booked(13, "S-2", estimate=17.5)
    ).then_applied().owes(follow_up("delay", 13))


def test_a_booking_without_an_estimate_is_no_news() -> None:
    given(placed(8)).when(booked(9, estimate=None)).then_applied().owes()


def test_a_shipment_without_an_estimate_is_left_aside() -> None:
    given(placed(8, promised_by=17), booked(9, "S-1", {1: 4}, estimate=None)).when(
        booked(10, "S-2", estimate=18)
    ).then_applied().summary(estimated_delivery=None, latest_estimate=18).owes(follow_up("delay", 10))


def test_a_closed_order_is_not_expected_late() -> None:
    complete = given(placed(8), booked(9), delivered(10, lines={1: 6}), amended(11, {1: 6}))
    complete.when(delayed(12, estimate=20)).then_applied().owes()


# -- what ends it --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "relief",
    [
        delayed(11, estimate=17),
        rebooked(11, estimate=12),
        rescheduled(11, promised_by=24),
        cancelled(11),
        delivered(11),
        amended(17, {1: 4}),
    ],
    ids=lambda fact: fact.TYPE,
)
def test_a_delay_made_good_before_the_promise_is_owed_no_more(relief: Fact) -> None:
    given(*BOOKED, delayed(10, estimate=20), delivered(10.5, lines={1: 4})).owes(follow_up("delay", 10)).when(
        relief
    ).then_applied().owes()


def test_a_delay_made_good_at_the_promise_is_in_time_and_after_it_is_not() -> None:
    late = given(*BOOKED, delayed(10, estimate=20))
    late.when(delivered(17)).then_applied().owes()
    late.when(delivered(17.01)).then_applied().owes(follow_up("delay", 10))
    late.when(delayed(17, estimate=17)).then_applied().owes()
    late.when(delayed(17.01, estimate=16)).then_applied().owes(follow_up("delay", 10))


def test_a_shipment_without_an_estimate_ends_no_lateness() -> None:
    given(placed(8), booked(9, "S-1", {1: 4}, estimate=20), booked(9.5, "S-2", estimate=None)).when(
        rebooked(10, "S-1", estimate=12)
    ).then_applied().owes(follow_up("delay", 9)).when(rebooked(11, "S-2", estimate=12)).then_applied().owes()


def test_lateness_does_not_end_with_nothing_on_its_way() -> None:
    given(*BOOKED, delayed(10)).when(shipment_cancelled(11)).then_applied().owes(follow_up("delay", 10)).when(
        booked(12, "S-2", estimate=16)
    ).then_applied().owes()


def test_a_cancellation_that_closes_a_rest_late_keeps_what_is_owed() -> None:
    late = given(*BOOKED, delayed(10), delivered(11, lines={1: 4}))
    late.when(cancelled(12)).then_applied().owes()
    late.when(cancelled(18)).then_applied().summary(status="delivered", short=True).owes(follow_up("delay", 10))


# -- the promise's passing -----------------------------------------------------------------------


def test_when_the_promise_passes_with_nobody_told_the_customer_is_owed_word() -> None:
    given(placed(8, promised_by=17)).owes_at(17).owes_at(17.01, follow_up("delay", 17))


def test_what_the_clock_left_stays_until_it_is_settled() -> None:
    passed = given(placed(8, promised_by=17), reassigned(18, "bob"))
    passed.owes(follow_up("delay", 17)).owes_at(40, follow_up("delay", 17))
    passed.when(rescheduled(19, promised_by=24)).then_applied().owes(follow_up("delay", 17))
    passed.when(customer_informed(19, "delay")).then_applied().owes_at(40)


def test_what_the_clock_left_ends_when_all_of_it_is_on_its_way_in_time_again() -> None:
    given(placed(8, promised_by=17), rescheduled(18, promised_by=40)).owes(follow_up("delay", 17)).when(
        booked(19, estimate=30)
    ).then_applied().owes()


def test_a_customer_who_was_told_since_the_promise_was_set_is_owed_nothing_by_the_clock() -> None:
    given(placed(8, promised_by=17), customer_informed(10, "delay")).owes_at(30)
    given(placed(8, promised_by=17), customer_informed(10, "other")).owes_at(30, follow_up("delay", 17))


def test_a_customer_told_at_the_instant_of_the_new_promise_was_told_since() -> None:
    """A rescheduling ranks before word to the customer, and a reinstatement after it."""
    given(placed(8, promised_by=17), rescheduled(11, promised_by=16), customer_informed(11, "delay")).owes_at(30)
    given(placed(8), cancelled(10), reinstated(11), customer_informed(11, "delay")).owes_at(30, follow_up("delay", 17))


def test_a_return_sets_no_promise() -> None:
    """Who was told of the delay of this promise knows it."""
    given(*BOOKED, customer_informed(10, "delay"), delivered(12), returned(20, replace=True)).owes_at(30)


def test_what_the_clock_left_ends_unsaid_when_the_order_is_cancelled() -> None:
    given(placed(8, promised_by=17)).owes_at(20, follow_up("delay", 17)).when(cancelled(20)).then_applied().owes_at(21)


def test_what_the_clock_left_ends_unsaid_when_a_later_promise_is_kept() -> None:
    later = given(placed(8, promised_by=17), booked(9, estimate=None), rescheduled(20, promised_by=40))
    later.owes_at(30, follow_up("delay", 17))
    later.when(delivered(40)).then_applied().owes_at(50)
    later.when(delivered(40.01)).then_applied().owes_at(50, follow_up("delay", 17))


@pytest.mark.parametrize(
    "promise", [rescheduled(11, promised_by=16), expedite_granted(11, promised_by=16)], ids=lambda fact: fact.TYPE
)
def test_a_new_promise_is_to_be_kept_or_told_of_anew(promise: Fact) -> None:
    given(placed(8, promised_by=17), expedite_requested(9), customer_informed(10, "delay"), promise).owes_at(
        30, follow_up("delay", 16)
    )


def test_a_reinstated_order_has_its_promise_anew() -> None:
    given(placed(8, promised_by=17), customer_informed(10, "delay"), cancelled(11), reinstated(12)).owes_at(
        30, follow_up("delay", 17)
    )


def test_an_order_completed_late_with_nobody_told_keeps_owing_it_for_30_days() -> None:
    late = given(placed(8, promised_by=17), booked(9, estimate=16), delivered(20))
    late.owes(follow_up("delay", 17)).owes_at(19, follow_up("delay", 17))
    late.owes_at(20 + 30 * 24 - 0.01, follow_up("delay", 17)).owes_at(20 + 30 * 24)


def test_an_order_completed_in_time_owes_nothing_when_its_promise_passes() -> None:
    given(*BOOKED, delivered(17)).owes_at(30)


def test_an_order_that_a_return_opened_again_owes_word_since_then() -> None:
    reopened = given(*BOOKED, delivered(12), returned(20, replace=True))
    reopened.owes_at(20, follow_up("delay", 20)).owes_at(30, follow_up("delay", 20))
    given(*BOOKED, delivered(12), returned(13, replace=True)).owes_at(16).owes_at(30, follow_up("delay", 17))


def test_the_clock_has_its_turn_between_instants_and_not_among_the_facts_of_one() -> None:
    """The promise is changed to one that has passed, and kept at that very instant: at no time was word owed."""
    given(placed(8, promised_by=17), booked(9, estimate=10), rescheduled(12, promised_by=11), delivered(12)).owes()
    given(placed(8, promised_by=17), booked(9, estimate=10), rescheduled(12, promised_by=11), delivered(12.5)).owes(
        follow_up("delay", 11)
    )


def test_a_refused_message_does_not_wake_the_clock() -> None:
    passed = given(placed(8, promised_by=17))
    passed.when(delayed(18)).then_held().owes().owes_at(18, follow_up("delay", 17))


def test_bad_news_and_the_promises_passing_leave_one_between_them() -> None:
    given(*BOOKED, delayed(10), reassigned(18, "bob")).owes(follow_up("delay", 10)).owes_at(30, follow_up("delay", 10))
