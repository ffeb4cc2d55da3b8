"""expedites: requests to deliver sooner, their decisions, and whether granted promises were met."""

from typing import Any

from sqlalchemy import Boolean, ColumnElement, Select, and_, case, literal, select

from projections.views.as_of import AsOf
from projections.views.columns import hours_between
from projections.views.open_orders import state
from projections.views.tables import expedite_periods, order_states

EXPEDITES_COLUMN_DOCS = {
    "decision": "granted or declined; null while it is undecided.",
    "promised_by": "The promise of the grant, whatever was promised later; null without a grant.",
    "met": "Whether the order was completed by the promise of the grant: false when that has passed without it, or the "
    "order was cancelled; null while it may still be, and without a grant.",
    "hours_open": "Hours from the request to T of an undecided request on an open order, with two places.",
}

request = expedite_periods.c


def expedites(as_of: AsOf) -> Select[Any]:
    """The requests at T: first those that somebody must decide, by when they are needed; then the latest requested."""
    waits = request.decision.is_(None) & (state.status == "open")
    return (
        select(
            request.order_id,
            request.request_id,
            state.rep_id,
            state.account_id,
            request.requested_at,
            request.needed_by,
            request.requested_by,
            request.decision,
            request.decided_at,
            request.promised_by,
            _met(as_of).label("met"),
            request.informed_at,
            case((waits, hours_between(request.requested_at, as_of.instant))).label("hours_open"),
        )
        .join_from(expedite_periods, order_states, and_(state.order_id == request.order_id, as_of.holds(order_states)))
        .where(as_of.holds(expedite_periods))
        .order_by(
            case((waits, 0), else_=1),
            case((waits, request.needed_by)),
            request.requested_at.desc(),
            request.order_id,
            request.request_id,
        )
    )


def _met(as_of: AsOf) -> ColumnElement[bool]:
    # With the type of a column, because SQLite has no booleans.
    return case(
        (request.promised_by.is_(None), None),
        (state.completed_at.is_not(None), state.completed_at <= request.promised_by),
        ((state.status != "open") | (request.promised_by < as_of.instant), literal(False, Boolean)),
        else_=None,
    ).cast(Boolean)
