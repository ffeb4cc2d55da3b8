"""Follow-ups owed to the customer: about declined expedites and about delays."""

import pytest

from domain.fact import Fact
from tests.unit.domain.facts import (
    About,
    again,
    booked,
    cancelled,
    customer_informed,
    delayed,
    delivered,
    expedite_declined,
    expedite_granted,
    expedite_requested,
    placed,
    reinstated,
    rescheduled,
)
from tests.unit.domain.specification import follow_up, given

ASKED = (placed(8), expedite_requested(9, "R-1"))
ASKED_TWICE = (*ASKED, expedite_requested(9, "R-2"))
BOOKED = (placed(8, promised_by=17), booked(9, estimate=16))


# -- about a declined expedite -------------------------------------------------------------------


def test_a_declined_expedite_leaves_a_follow_up() -> None:
    given(*ASKED).when(expedite_declined(10, "R-1")).then_applied().owes(follow_up("expedite", 10, "R-1"))


def test_a_granted_expedite_leaves_none() -> None:
    given(*ASKED, expedite_granted(10)).owes()


def test_every_declined_request_leaves_one() -> None:
    given(*ASKED_TWICE, expedite_declined(10, "R-1"), expedite_declined(11, "R-2")).owes(
        follow_up("expedite", 10, "R-1"), follow_up("expedite", 11, "R-2")
    )


def test_a_decline_said_again_leaves_no_second_one() -> None:
    decline = expedite_declined(10)
    given(*ASKED, decline, customer_informed(11, "expedite")).when(again(decline, at=12)).then_duplicate().owes()


def test_informing_by_the_request_settles_that_one() -> None:
    given(*ASKED_TWICE, expedite_declined(10, "R-1"), expedite_declined(11, "R-2")).when(
        customer_informed(12, "expedite", "R-1")
    ).then_applied().owes(follow_up("expedite", 11, "R-2"))


def test_informing_without_a_request_settles_all_owed_then() -> None:
    given(*ASKED_TWICE, expedite_declined(10, "R-1"), expedite_declined(11, "R-2")).when(
        customer_informed(12, "expedite")
    ).then_applied().owes()


def test_informing_without_a_request_settles_nothing_that_comes_later() -> None:
    given(*ASKED_TWICE, expedite_declined(10, "R-1"), customer_informed(11, "expedite")).when(
        expedite_declined(12, "R-2")
    ).then_applied().owes(follow_up("expedite", 12, "R-2"))


def test_informing_by_the_request_before_the_decline_was_recorded_leaves_nothing_owed() -> None:
    given(*ASKED, customer_informed(9.5, "expedite", "R-1")).when(expedite_declined(10, "R-1")).then_applied().owes()


def test_informing_by_one_request_beforehand_says_nothing_of_another() -> None:
    given(*ASKED_TWICE, customer_informed(9.5, "expedite", "R-1"), expedite_declined(10, "R-2")).owes(
        follow_up("expedite", 10, "R-2")
    )


def test_informing_without_a_request_before_the_decline_does_not_count() -> None:
    given(*ASKED, customer_informed(9.5, "expedite")).when(expedite_declined(10, "R-1")).then_applied().owes(
        follow_up("expedite", 10, "R-1")
    )


@pytest.mark.parametrize("about", ["delay", "other"])
def test_informing_about_something_else_does_not_count(about: About) -> None:
    given(*ASKED, expedite_declined(10, "R-1")).when(customer_informed(11, about, "R-1")).then_applied().owes(
        follow_up("expedite", 10, "R-1")
    )
    given(*ASKED, customer_informed(9.5, about, "R-1")).when(expedite_declined(10, "R-1")).then_applied().owes(
        follow_up("expedite", 10, "R-1")
    )


def test_informing_by_a_request_that_nobody_made_is_held() -> None:
    given(*ASKED, expedite_declined(10, "R-1")).when(customer_informed(11, "expedite", "R-9")).then_held(
        "request R-9 is not known yet"
    ).owes(follow_up("expedite", 10, "R-1"))


def test_informing_by_a_request_whose_clock_runs_behind_counts_from_the_request() -> None:
    given(placed(8)).when(customer_informed(8.5, "expedite", "R-1")).then_held().when(
        expedite_requested(9, "R-1")
    ).then_applied().when(expedite_declined(10, "R-1")).then_applied().owes()


# -- about a delay -------------------------------------------------------------------------------


def test_a_delay_to_after_the_promise_leaves_a_follow_up() -> None:
    given(*BOOKED).when(delayed(10, estimate=17.01)).then_applied().owes(follow_up("delay", 10))


@pytest.mark.parametrize("estimate", [16.5, 17], ids=["before", "at"])
def test_a_delay_that_still_keeps_the_promise_leaves_none(estimate: float) -> None:
    given(*BOOKED).when(delayed(10, estimate=estimate)).then_applied().owes()


def test_a_delay_is_measured_by_the_promise_in_force() -> None:
    given(*BOOKED, rescheduled(9.5, 20)).when(delayed(10, estimate=19)).then_applied().owes()
    given(*BOOKED, expedite_requested(9.25), expedite_granted(9.5, promised_by=16)).when(
        delayed(10, estimate=16.5)
    ).then_applied().owes(follow_up("delay", 10))


def test_only_one_delay_an_order_is_owed_at_a_time_and_it_counts_from_the_first() -> None:
    given(placed(8), booked(9, "S-1", {1: 4}), booked(9, "S-2"), delayed(10, "S-1"), delayed(11, "S-2")).when(
        delayed(12, "S-1", estimate=22)
    ).then_applied().owes(follow_up("delay", 10))


def test_informing_about_the_delay_settles_it() -> None:
    given(*BOOKED, delayed(10)).when(customer_informed(11, "delay")).then_applied().owes()


def test_after_the_customer_was_informed_another_delay_is_owed_anew() -> None:
    given(*BOOKED, delayed(10), customer_informed(11, "delay")).when(delayed(12, estimate=22)).then_applied().owes(
        follow_up("delay", 12)
    )


def test_informing_about_a_delay_beforehand_does_not_count() -> None:
    given(*BOOKED, customer_informed(9.5, "delay")).when(delayed(10)).then_applied().owes(follow_up("delay", 10))


@pytest.mark.parametrize("about", ["expedite", "other"])
def test_informing_about_something_else_settles_no_delay(about: About) -> None:
    given(*BOOKED, delayed(10)).when(customer_informed(11, about)).then_applied().owes(follow_up("delay", 10))


def test_a_delay_and_a_declined_expedite_are_owed_side_by_side_in_the_order_of_their_beginning() -> None:
    given(*BOOKED, expedite_requested(9.5), delayed(10), expedite_declined(11)).owes(
        follow_up("delay", 10), follow_up("expedite", 11, "R-1")
    ).when(customer_informed(12, "expedite", "R-1")).then_applied().owes(follow_up("delay", 10))


@pytest.mark.parametrize("end", [customer_informed(12, "delay"), cancelled(12), delivered(12)], ids=lambda f: f.TYPE)
def test_what_ends_the_delay_leaves_a_declined_expedite_owed(end: Fact) -> None:
    given(*BOOKED, expedite_requested(9.5), delayed(10), expedite_declined(11)).when(end).then_applied().owes(
        follow_up("expedite", 11, "R-1")
    )


# -- after the closing ---------------------------------------------------------------------------


@pytest.mark.parametrize("closing", [cancelled(12), delivered(12)], ids=["cancelled", "delivered"])
def test_a_declined_expedite_outlives_the_closing_and_is_settled_after_it(closing: Fact) -> None:
    given(*BOOKED, expedite_requested(9.5), expedite_declined(11), closing).owes(follow_up("expedite", 11, "R-1")).when(
        customer_informed(13, "expedite")
    ).then_applied().owes()


@pytest.mark.parametrize("closing", [cancelled(12), delivered(12)], ids=["cancelled", "delivered"])
def test_whatever_is_owed_has_lapsed_30_days_after_the_closing(closing: Fact) -> None:
    owed = given(*BOOKED, expedite_requested(9.5), expedite_declined(11), closing)
    owed.owes_at(12 + 30 * 24 - 0.01, follow_up("expedite", 11, "R-1"))
    owed.owes_at(12 + 30 * 24)


@pytest.mark.parametrize("promise", [17, 12 + 60 * 24], ids=["passed", "to come"])
def test_what_lapsed_does_not_come_back_when_the_order_is_open_again(promise: float) -> None:
    given(placed(8, promised_by=promise), expedite_requested(9.5), expedite_declined(11), cancelled(12)).when(
        reinstated(12 + 31 * 24, promised_by=12 + 40 * 24)
    ).then_applied().owes()


def test_a_request_declined_after_the_closing_leaves_one() -> None:
    given(*ASKED, cancelled(10)).when(expedite_declined(11)).then_applied().owes(follow_up("expedite", 11, "R-1"))
