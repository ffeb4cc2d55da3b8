"""at_risk_deliveries: open orders that are on time now and may become late, and why."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, case, literal, or_

from domain.order.summary import OrderSummary
from projections.views.as_of import AsOf
from projections.views.columns import Name, hours_between
from projections.views.follow_ups import follow_up_owed
from projections.views.open_orders import is_open, open_order_columns, state
from projections.views.untaken_messages import UNTAKEN_COLUMN_DOCS, count_untaken


def reasons(as_of: AsOf) -> dict[str, ColumnElement[bool]]:
    """The reasons that put an open order at risk before its promise, by name; the first that applies is shown."""
    return {
        "estimate_late": state.latest_estimate > state.promised_by,
        "estimate_passed": state.latest_estimate < as_of.instant,
        # Every shipment has a mode; if a live shipment has no estimate, this is its mode.
        "no_estimate": state.mode.is_not(None) & state.estimated_delivery.is_(None),
        "not_booked": state.left_to_book & (state.promised_by <= as_of.day_later),
    }


def is_at_risk(as_of: AsOf) -> ColumnElement[bool]:
    """Promised for T or later, with a reason for doubt."""
    return (state.promised_by >= as_of.instant) & or_(*reasons(as_of).values())


def why_at_risk(summary: OrderSummary, instant: datetime) -> str | None:
    """The same of one order's summary at an instant (aware) of its period: the first reason; None if there is none."""
    promise, latest = summary.promised_by, summary.latest_estimate
    if summary.status != "open" or promise < instant:
        return None
    if latest is not None and latest > promise:
        return "estimate_late"
    if latest is not None and latest < instant:
        return "estimate_passed"
    if summary.no_estimate:
        return "no_estimate"
    return "not_booked" if summary.left_to_book and promise - instant <= SOON else None


SOON = timedelta(hours=24)
"""An order that is not booked this long before its promise is at risk."""
AT_RISK_COLUMN_DOCS = {
    "hours_left": "Hours from T to the promise, with two places.",
    "follow_up_owed": "Whether a follow-up is owed to the customer.",
    **UNTAKEN_COLUMN_DOCS,
    "why": "The first that holds: estimate_late (estimated after the promise), estimate_passed (estimated before T), "
    "no_estimate (of a live shipment), not_booked (something is left to book, and 24 hours or less are left).",
}


def at_risk_deliveries(as_of: AsOf) -> Select[Any]:
    """Orders at risk at T, the nearest promise first."""
    hours_left = hours_between(as_of.instant, state.promised_by).label("hours_left")
    why = case(*((holds, literal(name, Name)) for name, holds in reasons(as_of).items()))
    return (
        open_order_columns(hours_left, follow_up_owed(as_of), count_untaken(as_of), why.label("why"))
        .where(is_open(as_of), is_at_risk(as_of))
        .order_by(state.promised_by, state.order_id)
    )
