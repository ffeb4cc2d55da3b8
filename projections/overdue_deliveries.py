"""overdue_deliveries: open orders whose promise has passed."""

from typing import Any

from sqlalchemy import ColumnElement, Select, select

from projections.asof import AsOf
from projections.columns import hours_between
from projections.order_states import order_states

state = order_states.c


def is_open(as_of: AsOf) -> ColumnElement[bool]:
    """The rows of order_states of the orders that are open at T."""
    return as_of.holds(order_states) & (state.status == "open")


def is_overdue(as_of: AsOf) -> ColumnElement[bool]:
    return state.promised_by < as_of.instant


OVERDUE_MEANINGS = {"hours_overdue": "Hours from the promise to T, with two places."}


def overdue_deliveries(as_of: AsOf) -> Select[Any]:
    """Orders overdue at T, the longest overdue first."""
    hours_overdue = hours_between(state.promised_by, as_of.instant)
    return (
        open_order_columns(hours_overdue)
        .where(is_open(as_of), is_overdue(as_of))
        .order_by(state.promised_by, state.order_id)
    )


def open_order_columns(hours_overdue: ColumnElement[Any]) -> Select[Any]:
    """The columns of an open order, as the overdue and the at-risk list both have them."""
    return select(
        state.order_id,
        state.rep_id,
        state.account_id,
        state.segment,
        state.placed_at,
        state.promised_by,
        state.original_promised_by,
        hours_overdue.label("hours_overdue"),
        state.stage,
        state.carrier,
        state.mode,
        state.estimated_delivery,
        state.expedite,
        state.follow_up_owed,
        state.delivery_attempts,
        state.open_value,
        state.currency,
    )
