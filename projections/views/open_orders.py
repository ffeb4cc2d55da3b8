"""Open orders at T, shared by the overdue list, the at-risk list and the workload."""

from typing import Any

from sqlalchemy import ColumnElement, Select, select

from projections.views.as_of import AsOf
from projections.views.in_force import in_force
from projections.views.tables import order_states

state = order_states.c


def is_open(as_of: AsOf, *promised: ColumnElement[bool]) -> ColumnElement[bool]:
    """The rows of order_states for orders that are open at T, and of which these conditions on promised_by hold."""
    return in_force(as_of, order_states, state.status == "open", *promised)


def is_overdue(as_of: AsOf) -> ColumnElement[bool]:
    """Whether the promise of an order has passed at T; of open orders, these are the overdue ones."""
    return state.promised_by < as_of.instant


def open_order_columns(
    hours: ColumnElement[Any], follow_up_owed: ColumnElement[bool], *further: ColumnElement[Any]
) -> Select[Any]:
    """The columns that the overdue list and the at-risk list share.

    `hours` are the hours to or since the promise, with the column's name; `further` columns come last.
    """
    return select(
        state.order_id,
        state.rep_id,
        state.account_id,
        state.segment,
        state.placed_at,
        state.promised_by,
        state.original_promised_by,
        hours,
        state.stage,
        state.carrier,
        state.mode,
        state.estimated_delivery,
        state.expedite,
        follow_up_owed.label("follow_up_owed"),
        state.delivery_attempts,
        state.open_value,
        state.currency,
        *further,
    )
