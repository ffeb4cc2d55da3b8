"""at_risk_deliveries: open orders that are on time so far and may not stay so."""

from typing import Any

from sqlalchemy import ColumnElement, Select, null

from projections.views.as_of import AsOf
from projections.views.columns import Hours
from projections.views.open_orders import is_open, open_order_columns, state

NO_HOURS: ColumnElement[Any] = null().cast(Hours)


def is_at_risk(as_of: AsOf) -> ColumnElement[bool]:
    """Promised for T or later, but estimated after that, or promised within a day with something left to book."""
    not_booked_in_time = state.left_to_book & (state.promised_by <= as_of.day_later)
    return (state.promised_by >= as_of.instant) & (estimated_late() | not_booked_in_time)


def estimated_late() -> ColumnElement[bool]:
    """The live shipments are expected after the promise."""
    return state.estimated_delivery > state.promised_by


AT_RISK_COLUMN_DOCS = {"hours_overdue": "Null: what is at risk is not overdue."}


def at_risk_deliveries(as_of: AsOf) -> Select[Any]:
    """Orders at risk at T, the nearest promise first. They are not overdue, so hours_overdue is null."""
    return (
        open_order_columns(NO_HOURS)
        .where(is_open(as_of), is_at_risk(as_of))
        .order_by(state.promised_by, state.order_id)
    )
