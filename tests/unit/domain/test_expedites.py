"""The customer needs it sooner: a request, decided once, for a promise no later than the one it replaces."""

from decimal import Decimal

import pytest

from domain.fact import Fact
from tests.unit.domain.facts import (
    again,
    booked,
    cancelled,
    delivered,
    expedite_declined,
    expedite_granted,
    expedite_requested,
    placed,
    rescheduled,
)
from tests.unit.domain.specification import given, heard

CANCELLED = (placed(8), cancelled(9))
DELIVERED = (placed(8), booked(8.5), delivered(9))
closed = pytest.mark.parametrize("closed_order", [CANCELLED, DELIVERED], ids=["cancelled", "delivered"])


# -- requesting ----------------------------------------------------------------------------------


def test_an_open_order_takes_a_request() -> None:
    given(placed(8)).when(expedite_requested(9)).then_applied().summary(
        expedite="requested", expedites_open=1, promised_by=17
    )


def test_the_same_request_said_again_is_a_duplicate() -> None:
    request = expedite_requested(9, "R-1")
    given(placed(8), request).when(again(request, at=10)).then_duplicate("request R-1 was made before").summary(
        expedites_open=1
    )


def test_the_same_request_said_again_after_the_decision_or_the_closing_is_a_duplicate() -> None:
    request = expedite_requested(8.5, "R-1")
    given(placed(8), request, expedite_granted(9)).when(again(request, at=10)).then_duplicate()
    given(placed(8), request, cancelled(9)).when(again(request, at=10)).then_duplicate()


def test_a_request_id_is_used_once_an_order() -> None:
    given(placed(8), expedite_requested(9, "R-1", needed_by=12)).when(
        expedite_requested(10, "R-1", needed_by=11)
    ).then_refused("request_id R-1 was used before")


def test_an_order_takes_several_requests() -> None:
    given(placed(8), expedite_requested(9, "R-1")).when(expedite_requested(10, "R-2")).then_applied().summary(
        expedites_open=2
    )


@closed
def test_a_closed_order_takes_no_request(closed_order: tuple[Fact, ...]) -> None:
    given(*closed_order).when(expedite_requested(10)).then_refused("the order is ")


# -- granting ------------------------------------------------------------------------------------


def test_a_grant_moves_the_promise() -> None:
    given(placed(8, promised_by=17), expedite_requested(9)).when(
        expedite_granted(10, promised_by=12)
    ).then_applied().summary(expedite="granted", expedites_open=0, promised_by=12, original_promised_by=17)


def test_a_grant_may_promise_the_same_instant() -> None:
    given(placed(8, promised_by=17), expedite_requested(9)).when(expedite_granted(10, promised_by=17)).then_applied()


def test_a_grant_promises_no_later_than_the_promise_it_replaces() -> None:
    given(placed(8, promised_by=17), expedite_requested(9)).when(expedite_granted(10, promised_by=17.01)).then_refused(
        "later than the promise it replaces"
    ).summary(expedite="requested", promised_by=17)


def test_a_grant_is_measured_by_the_promise_in_force_not_by_the_first_one() -> None:
    asked = (placed(8, promised_by=17), expedite_requested(9, "R-1"))
    given(*asked, rescheduled(10, 20)).when(expedite_granted(11, promised_by=19)).then_applied().summary(promised_by=19)
    given(*asked, rescheduled(10, 15)).when(expedite_granted(11, promised_by=16)).then_refused("later than the promise")
    given(*asked, expedite_granted(10, promised_by=12), expedite_requested(11, "R-2")).when(
        expedite_granted(12, "R-2", promised_by=13)
    ).then_refused("later than the promise")


@closed
def test_a_closed_order_takes_no_grant(closed_order: tuple[Fact, ...]) -> None:
    given(*closed_order, expedite_requested(8.25)).when(expedite_granted(10)).then_refused("the order is ").summary(
        promised_by=17
    )


def test_a_surcharge_never_counts_in_the_open_value() -> None:
    given(placed(8), expedite_requested(9)).when(expedite_granted(10, surcharge=25)).then_applied().summary(
        open_value=Decimal("50.00")
    )


# -- declining -----------------------------------------------------------------------------------


def test_a_decline_leaves_the_promise_as_it_is() -> None:
    given(placed(8), expedite_requested(9)).when(expedite_declined(10)).then_applied().summary(
        expedite="declined", expedites_open=0, promised_by=17
    )


@closed
def test_a_closed_order_can_still_have_its_request_declined(closed_order: tuple[Fact, ...]) -> None:
    given(*closed_order, expedite_requested(8.25)).when(expedite_declined(10)).then_applied()


# -- decided once --------------------------------------------------------------------------------


@pytest.mark.parametrize("decision", [expedite_granted(10, "R-9"), expedite_declined(10, "R-9")], ids=lambda f: f.TYPE)
def test_a_decision_waits_for_its_request(decision: Fact) -> None:
    given(placed(8), expedite_requested(9, "R-1")).when(decision).then_held("request R-9 is not known yet").summary(
        expedite="requested"
    )


@pytest.mark.parametrize("decision", [expedite_granted(10), expedite_declined(10)], ids=lambda f: f.TYPE)
def test_the_same_decision_said_again_is_a_duplicate(decision: Fact) -> None:
    given(placed(8), expedite_requested(9), decision).when(again(decision, at=11)).then_duplicate(
        "request R-1 was decided before, in the same way"
    )


def test_the_same_grant_said_again_after_the_closing_is_a_duplicate() -> None:
    grant = expedite_granted(10)
    given(placed(8), expedite_requested(9), grant, cancelled(11)).when(again(grant, at=12)).then_duplicate()


@pytest.mark.parametrize(
    ("decision", "other"),
    [
        (expedite_granted(10), expedite_declined(11)),
        (expedite_declined(10), expedite_granted(11)),
        (expedite_granted(10, promised_by=12), expedite_granted(11, promised_by=11.5)),
        (expedite_granted(10, surcharge=5), expedite_granted(11, surcharge=6)),
        (expedite_declined(10, reason="no flight"), expedite_declined(11, reason="no van")),
    ],
    ids=["granted, then declined", "declined, then granted", "another promise", "another surcharge", "another reason"],
)
def test_a_request_is_decided_once(decision: Fact, other: Fact) -> None:
    before = given(placed(8), expedite_requested(9), decision)
    before.when(other).then_refused("request R-1 was decided before, in another way").summary(
        expedite=before.seen.expedite, promised_by=before.seen.promised_by
    )


def test_of_grant_and_decline_at_one_instant_the_grant_comes_first() -> None:
    history = heard(placed(8), expedite_requested(9), expedite_declined(10), expedite_granted(10))
    history.then(history.facts[3]).then_applied()
    history.then(history.facts[2]).then_refused("decided before").summary(expedite="granted", follow_ups=())


# -- the column ----------------------------------------------------------------------------------


def test_expedite_is_none_without_requests() -> None:
    given(placed(8)).summary(expedite="none")


def test_expedite_is_requested_while_any_request_is_undecided() -> None:
    given(placed(8), expedite_requested(9, "R-1"), expedite_granted(10, "R-1"), expedite_requested(11, "R-2")).summary(
        expedite="requested", expedites_open=1
    )


def test_expedite_is_requested_while_an_earlier_request_is_undecided() -> None:
    given(placed(8), expedite_requested(9, "R-1"), expedite_requested(10, "R-2"), expedite_declined(11, "R-2")).summary(
        expedite="requested", expedites_open=1
    )


def test_expedite_is_the_latest_decision_when_all_are_decided() -> None:
    asked = (placed(8), expedite_requested(9, "R-1"), expedite_requested(9, "R-2"))
    given(*asked, expedite_granted(10, "R-1"), expedite_declined(11, "R-2")).summary(expedite="declined")
    given(*asked, expedite_granted(11, "R-1"), expedite_declined(10, "R-2")).summary(expedite="granted")
    given(*asked, expedite_declined(10, "R-1"), expedite_granted(11, "R-2")).summary(expedite="granted")
