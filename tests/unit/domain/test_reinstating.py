"""A cancelled order that is wanted after all."""

from decimal import Decimal

from tests.unit.domain.facts import (
    booked,
    cancelled,
    delivered,
    dispatched,
    placed,
    reinstated,
    rescheduled,
)
from tests.unit.domain.specification import given

CANCELLED = (placed(8, promised_by=17), booked(9), dispatched(9.5), cancelled(10))


def test_a_reinstated_order_is_open_with_the_promise_that_it_had() -> None:
    given(*CANCELLED).summary(status="cancelled", cancel_reason="no longer needed", closed_at=10).when(
        reinstated(12)
    ).then_applied().summary(
        status="open", stage="to_book", promised_by=17, cancel_reason=None, closed_at=None, open_value=Decimal("50.00")
    )


def test_a_reinstatement_may_name_another_promise() -> None:
    given(*CANCELLED).when(reinstated(12, promised_by=40)).then_applied().summary(
        promised_by=40, original_promised_by=17
    )


def test_the_shipments_of_a_reinstated_order_stay_ended() -> None:
    opened = given(*CANCELLED, reinstated(12)).shipment("S-1", cancelled_at=10)
    opened.when(dispatched(13)).then_duplicate()
    opened.when(booked(13, "S-2")).then_applied().summary(stage="booked")
    opened.when(delivered(13)).then_applied().summary(status="delivered")


def test_an_order_that_is_not_cancelled_refuses_a_reinstatement() -> None:
    given(placed(8)).when(reinstated(9)).then_refused("the order is not cancelled")
    given(placed(8), booked(9), delivered(10)).when(reinstated(11)).then_refused("the order is not cancelled")
    given(placed(8), booked(9), delivered(10, lines={1: 4}), cancelled(11)).when(reinstated(12)).then_refused(
        "the order is not cancelled"
    )


def test_reinstated_again_naming_no_other_promise_is_already_so() -> None:
    given(*CANCELLED, reinstated(12)).when(reinstated(13)).then_duplicate("reinstated before")
    given(*CANCELLED, reinstated(12, promised_by=40)).when(reinstated(13, promised_by=40)).then_duplicate()
    given(*CANCELLED, reinstated(12, promised_by=40), rescheduled(13, 50)).when(
        reinstated(14, promised_by=40)
    ).then_duplicate()


def test_reinstated_again_after_its_delivery_is_already_so() -> None:
    given(*CANCELLED, reinstated(12), booked(13, "S-2"), delivered(14, "S-2")).when(reinstated(15)).then_duplicate()


def test_reinstated_again_naming_another_promise_is_refused() -> None:
    given(*CANCELLED, reinstated(12)).when(reinstated(13, promised_by=40)).then_refused(
        "the order was reinstated before, with the promise 2026-03-02T17:00:00+00:00; use order.rescheduled.v1"
    ).summary(promised_by=17)


def test_an_order_can_be_cancelled_and_reinstated_again() -> None:
    given(*CANCELLED, reinstated(12), cancelled(13)).summary(status="cancelled", closed_at=13).when(
        reinstated(14, promised_by=40)
    ).then_applied().summary(status="open", promised_by=40)
