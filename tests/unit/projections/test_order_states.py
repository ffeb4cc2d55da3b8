"""given what happened to an order, then it has a row for each period between two moments at which it changed."""

from decimal import Decimal

from projections.order_states import order_states
from tests.unit.domain.facts import (
    amended,
    booked,
    cancelled,
    delivered,
    dispatched,
    expedite_declined,
    expedite_requested,
    placed,
    reassigned,
    voided,
)
from tests.unit.projections.specification import Projecting, row


def test_each_change_begins_a_period_and_ends_the_one_before(projecting: Projecting) -> None:
    projecting.given(placed(8), booked(9, carrier="DHL", estimate=16), dispatched(10), delivered(15)).then(
        order_states,
        row(order_id="SO-1", valid_from=8, valid_to=9, status="open", stage="to_book", carrier=None),
        row(valid_from=9, valid_to=10, stage="booked", carrier="DHL", mode="courier", estimated_delivery=16),
        row(valid_from=10, valid_to=15, stage="in_transit", open_value=Decimal(50)),
        row(valid_from=15, valid_to=None, status="delivered", stage=None, open_value=Decimal(0)),
    )


def test_what_is_heard_late_rewrites_the_periods_of_its_order(projecting: Projecting) -> None:
    told = projecting.given(placed(8, {1: 10}), booked(9, lines={1: 4}), delivered(14))
    told.then(
        order_states,
        row(valid_from=8, valid_to=9, left_to_book=True),
        row(valid_from=9, valid_to=14, stage="booked", left_to_book=True),
        row(valid_from=14, valid_to=None, stage="partly_delivered", open_value=Decimal(30)),
    )
    told.given(amended(10, {1: 4})).then(
        order_states,
        row(valid_from=8, valid_to=9, left_to_book=True),
        row(valid_from=9, valid_to=10, left_to_book=True),
        row(valid_from=10, valid_to=14, left_to_book=False, open_value=Decimal(20)),
        row(valid_from=14, valid_to=None, status="delivered"),
    )


def test_what_was_voided_leaves_no_period(projecting: Projecting) -> None:
    wrong = reassigned(10, rep="bob")
    told = projecting.given(placed(8, rep="ann"), wrong)
    told.then(order_states, row(valid_from=8, rep_id="ann"), row(valid_from=10, rep_id="bob"))
    told.given(voided(wrong)).then(order_states, row(valid_from=8, valid_to=None, rep_id="ann"))


def test_a_follow_up_outlives_its_order(projecting: Projecting) -> None:
    projecting.given(placed(8), expedite_requested(9), expedite_declined(10), cancelled(11)).then(
        order_states,
        row(valid_from=8, expedite="none", expedites_open=0),
        row(valid_from=9, expedite="requested", expedites_open=1, follow_ups_owed=0),
        row(valid_from=10, expedite="declined", expedites_open=0, follow_ups_owed=1),
        row(valid_from=11, valid_to=None, status="cancelled", follow_ups_owed=1),
    )


def test_what_waits_for_its_order_is_no_row(projecting: Projecting) -> None:
    told = projecting.given(booked(9))
    told.then(order_states)
    told.given(placed(10)).then(order_states, row(valid_from=10, valid_to=None, stage="booked"))
