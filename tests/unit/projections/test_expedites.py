"""given what was asked of an order and decided, then `expedites` has a row for each request and what became of it."""

from decimal import Decimal

import pytest

from domain.fact import Fact
from projections.expedites import expedite_periods
from tests.unit.domain.facts import (
    amended,
    booked,
    cancelled,
    customer_informed,
    delivered,
    expedite_declined,
    expedite_granted,
    expedite_requested,
    placed,
    reassigned,
    rescheduled,
    returned,
    voided,
)
from tests.unit.projections.specification import Projecting, row

HURRIED = (placed(8), expedite_requested(9), expedite_granted(10, promised_by=12))


def test_a_request_has_what_was_asked_and_nothing_of_a_decision(projecting: Projecting) -> None:
    told = projecting.given(placed(8), expedite_requested(9, needed_by=12))
    told.seen("expedites", 8.5).seen(
        "expedites",
        10.5,
        row(
            order_id="SO-1",
            request_id="R-1",
            rep_id="ann",
            account_id="ALFKI",
            requested_at=9,
            needed_by=12,
            requested_by="customer",
            decision=None,
            decided_at=None,
            promised_by=None,
            met=None,
            informed_at=None,
            hours_open=Decimal("1.50"),
        ),
    )


def test_a_decided_request_is_open_no_longer(projecting: Projecting) -> None:
    told = projecting.given(*HURRIED, customer_informed(11))
    told.seen("expedites", 9.75, row(decision=None, hours_open=Decimal("0.75")))
    told.seen("expedites", 10, row(decision="granted", decided_at=10, promised_by=12, hours_open=None))
    told.seen("expedites", 11, row(informed_at=11))
    told.then(expedite_periods, row(valid_to=10), row(valid_to=11, surcharge=None), row(valid_to=None, informed_at=11))


def test_a_declined_request_promises_nothing_that_could_be_met(projecting: Projecting) -> None:
    told = projecting.given(placed(8), expedite_requested(9), expedite_declined(10), booked(11), delivered(11.5))
    told.seen("expedites", 11.5, row(decision="declined", decided_at=10, promised_by=None, met=None, hours_open=None))


@pytest.mark.parametrize(("arrival", "met"), [(11.5, True), (12, True), (12.5, False)])
def test_whether_a_grant_was_met_is_known_when_the_order_is_complete(
    projecting: Projecting, arrival: float, met: bool
) -> None:
    told = projecting.given(*HURRIED, booked(10.5), delivered(arrival))
    told.seen("expedites", min(arrival, 12) - 0.25, row(met=None)).seen("expedites", arrival, row(met=met))


def test_a_grant_whose_promise_passed_is_not_met_while_the_order_is_open(projecting: Projecting) -> None:
    told = projecting.given(*HURRIED, booked(10.5))
    told.seen("expedites", 12, row(met=None)).seen("expedites", 12.01, row(met=False))


def test_a_later_promise_leaves_the_grant_as_it_was(projecting: Projecting) -> None:
    projecting.given(*HURRIED, rescheduled(11, promised_by=20), booked(11), delivered(15)).seen(
        "expedites", 15, row(promised_by=12, met=False)
    )


def test_a_cancelled_order_met_no_grant_and_nobody_has_to_decide(projecting: Projecting) -> None:
    told = projecting.given(*HURRIED, expedite_requested(10.5, "R-2"), cancelled(11))
    told.seen("expedites", 10.75, row(request_id="R-2", hours_open=Decimal("0.25")), row(request_id="R-1", met=None))
    told.seen("expedites", 11, row(request_id="R-2", hours_open=None, met=None), row(request_id="R-1", met=False))


def test_a_return_to_be_replaced_opens_the_question_again(projecting: Projecting) -> None:
    told = projecting.given(
        *HURRIED, booked(10.5), delivered(11), returned(11.25, replace=True), booked(11.5, "S-R"), delivered(13, "S-R")
    )
    told.seen("expedites", 11, row(met=True)).seen("expedites", 11.5, row(met=None))
    told.seen("expedites", 12.5, row(met=False)).seen("expedites", 13, row(met=False))


def test_an_amendment_that_completes_the_order_in_time_meets_the_grant(projecting: Projecting) -> None:
    projecting.given(*HURRIED, booked(10.5), delivered(11, lines={1: 6}), amended(11.5, {1: 6})).seen(
        "expedites", 14, row(met=True)
    )


def test_who_holds_the_order_then_must_decide(projecting: Projecting) -> None:
    told = projecting.given(placed(8, rep=None, account=None), expedite_requested(9), reassigned(10, "bob"))
    told.seen("expedites", 9, row(rep_id=None, account_id=None)).seen("expedites", 10, row(rep_id="bob"))


def _order(needed_by: float, *more: Fact) -> tuple[Fact, ...]:
    return (placed(8), expedite_requested(9, needed_by=needed_by), *more)


def test_open_requests_come_first_by_when_they_are_needed_then_the_latest(projecting: Projecting) -> None:
    projecting.given(*_order(16), of="SO-1").given(*_order(12), of="SO-2").given(
        *_order(10, expedite_declined(9.5)), of="SO-3"
    ).given(placed(8), expedite_requested(8.5), expedite_granted(9), of="SO-4").given(*_order(12), of="SO-0").seen(
        "expedites",
        11,
        *(row(order_id=order) for order in ("SO-0", "SO-2", "SO-1", "SO-3", "SO-4")),
    )


def test_several_requests_of_one_order_are_rows_of_their_own(projecting: Projecting) -> None:
    projecting.given(
        placed(8),
        expedite_requested(9),
        expedite_declined(10),
        expedite_requested(11, "R-2", needed_by=14),
        expedite_granted(11.5, "R-2", promised_by=14, surcharge="12.50"),
        booked(12),
        delivered(13),
    ).seen("expedites", 13, row(request_id="R-2", met=True), row(request_id="R-1", met=None)).then(
        expedite_periods,
        row(request_id="R-1", valid_from=9),
        row(request_id="R-1", valid_from=10),
        row(request_id="R-2", valid_from=11),
        row(request_id="R-2", valid_from=11.5, surcharge=Decimal("12.50")),
    )


def test_a_grant_that_was_wrong_leaves_the_request_open(projecting: Projecting) -> None:
    wrong = expedite_granted(10)
    told = projecting.given(placed(8), expedite_requested(9), wrong)
    told.seen("expedites", 10, row(decision="granted"))
    told.given(voided(wrong)).seen("expedites", 10, row(decision=None, hours_open=Decimal("1.00")))


def test_an_order_of_which_nobody_asked_anything_has_no_rows(projecting: Projecting) -> None:
    projecting.given(placed(8), booked(9), delivered(10)).seen("expedites", 12).then(expedite_periods)
