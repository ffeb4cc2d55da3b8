"""orders: every order, with its status and whether it was on time."""

from typing import Any

from sqlalchemy import Boolean, ColumnElement, Select, case, literal, select

from projections.views.as_of import AsOf
from projections.views.open_orders import is_overdue, state
from projections.views.tables import order_states

ORDERS_COLUMN_DOCS = {
    "on_time": "Whether it was completed by its promise; false once the promise has passed without that; null while it "
    "may still be, and for a cancelled order."
}


def orders(as_of: AsOf) -> Select[Any]:
    """All orders placed by T, by id."""
    return (
        select(
            state.order_id,
            state.status,
            state.placed_at,
            state.promised_by,
            state.original_promised_by,
            state.completed_at,
            state.last_delivered_at,
            state.short,
            _on_time(as_of).label("on_time"),
            state.rep_id,
            state.placed_rep_id,
            state.account_id,
            state.segment,
            state.channel,
            state.reference,
            state.order_value,
            state.open_value,
            state.currency,
            state.lines,
            state.shipments,
            state.cancel_reason,
        )
        .where(as_of.holds(order_states))
        .order_by(state.order_id)
    )


def _on_time(as_of: AsOf) -> ColumnElement[bool]:
    # With the type of a column, because SQLite has no booleans.
    return case(
        (state.completed_at.is_not(None), state.completed_at <= state.promised_by),
        ((state.status == "open") & is_overdue(as_of), literal(False, Boolean)),
        else_=None,
    ).cast(Boolean)
