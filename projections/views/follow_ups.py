"""follow_ups: what is owed to customers about declined expedites and delays."""

from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, literal, null, select, union_all

from domain.order.delays import LAPSES_AFTER
from projections.views.as_of import AsOf
from projections.views.columns import Name, hours_between
from projections.views.in_force import in_force
from projections.views.open_orders import is_open, is_overdue, state
from projections.views.tables import follow_up_periods

FOLLOW_UPS_COLUMN_DOCS = {
    "order_id": "The order.",
    "rep_id": "The rep who holds the order; null for none.",
    "request_id": "The declined request; null for a delay.",
    "about": "expedite (declined) or delay.",
    "owed_since": "Since when the customer should have been told.",
    "hours_owed": "Hours from owed_since to T, with two places.",
}


def follow_ups(as_of: AsOf) -> Select[Any]:
    """Follow-ups owed at T, the longest owed first."""
    owed = owed_at(as_of).c
    return select(
        owed.order_id,
        owed.rep_id,
        owed.request_id,
        owed.about,
        owed.owed_since,
        hours_between(owed.owed_since, as_of.instant).label("hours_owed"),
    ).order_by(owed.owed_since, owed.order_id, owed.about, owed.request_id)


def owed_at(as_of: AsOf) -> Subquery:
    """What is owed at T: created by facts, or because a promise passed without the customer being informed."""
    by_facts = follow_up_periods.c
    columns = (by_facts.order_id, by_facts.rep_id, by_facts.request_id, by_facts.about, by_facts.owed_since)
    return union_all(
        select(*columns).where(owed_by_facts(as_of)),
        select(
            state.order_id,
            state.rep_id,
            null().cast(Name).label("request_id"),
            literal("delay", Name).label("about"),
            state.delay_owed_since.label("owed_since"),
        ).where(is_open(as_of, is_overdue(as_of)), _is_delay_untold()),
    ).subquery("owed")


def owed_by_facts(as_of: AsOf) -> ColumnElement[bool]:
    """The rows of follow_up_periods for what is owed at T."""
    return in_force(as_of, follow_up_periods) & ~has_lapsed(as_of, follow_up_periods.c.closed_at)


def delay_left_by_the_clock(as_of: AsOf) -> ColumnElement[bool]:
    """Whether the promise of an open order has passed without the customer being informed."""
    return _is_delay_untold() & is_overdue(as_of)


def _is_delay_untold() -> ColumnElement[bool]:
    """Whether the customer of an open order would not know of a delay once the promise has passed."""
    return state.delay_owed_since.is_not(None)


def has_lapsed(as_of: AsOf, closed_at: ColumnElement[Any]) -> ColumnElement[bool]:
    """An order closed this long before T owes nothing."""
    return closed_at.is_not(None) & (closed_at <= as_of.shifted(-LAPSES_AFTER))


def follow_up_owed(as_of: AsOf) -> ColumnElement[bool]:
    """Whether an open order owes its customer a follow-up at T."""
    return (state.follow_ups_owed > 0) | delay_left_by_the_clock(as_of)
