"""follow_ups: what the customer is still to be told, of declined expedites and of delays.

What is owed, and until when, is decided in domain/order/evolution.py.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Select, Table, select

from domain.order.kind import ORDER
from domain.order.state import FollowUp
from projections.asof import AsOf
from projections.columns import Instant, Name, hours_between
from projections.projection import Projection, Row, Settled, metadata, periods

follow_up_periods = Table(
    "follow_up_periods",
    metadata,
    Column("order_id", Name, primary_key=True, comment="The order."),
    Column("about", Name, primary_key=True, comment="expedite (declined) or delay."),
    Column("request_key", Name, primary_key=True, comment="The declined request's id; empty for a delay."),
    Column("valid_from", Instant, primary_key=True, comment="From when this rep owed it."),
    Column("valid_to", Instant, comment="Until when; null while it is owed."),
    Column("rep_id", Name, nullable=False, comment="The rep who holds the order."),
    Column("request_id", Name, comment="The declined request; null for a delay."),
    Column("owed_since", Instant, nullable=False, comment="When the customer should have been told first."),
    comment="One row for each period in which a rep owed the customer of an order one follow-up.",
)


def shape(settled: Settled) -> dict[str, Iterable[Row]]:
    """Each follow-up's periods, a new one whenever another rep takes the order over."""
    moments = [(moment.at, moment.summary) for moment in settled.moments]
    owed: dict[FollowUp, None] = {}
    for _, summary in moments:
        for follow_up in summary.follow_ups if summary else ():
            owed[follow_up] = None
    rows: list[Row] = []
    for follow_up in owed:
        held = [(at, _holder(summary, follow_up)) for at, summary in moments]
        for rep_id, valid_from, valid_to in periods(held):
            rows.append(_row(settled.subject_id, follow_up, rep_id, valid_from, valid_to))
    return {follow_up_periods.name: rows}


def _holder(summary: object, follow_up: FollowUp) -> str | None:
    if summary is None or follow_up not in summary.follow_ups:  # type: ignore[attr-defined]
        return None
    return summary.rep_id  # type: ignore[attr-defined, no-any-return]


def _row(order_id: str, follow_up: FollowUp, rep_id: str, valid_from: datetime, valid_to: datetime | None) -> Row:
    return (
        order_id,
        follow_up.about,
        follow_up.request_id or "",
        valid_from,
        valid_to,
        rep_id,
        follow_up.request_id,
        follow_up.owed_since,
    )


FOLLOW_UPS = Projection(name="follow_ups", version=1, kind=ORDER, tables=(follow_up_periods,), shape=shape)


FOLLOW_UPS_COLUMN_DOCS = {"hours_owed": "Hours from owed_since to T, with two places."}


def follow_ups(as_of: AsOf) -> Select[Any]:
    """Follow-ups owed at T, the longest owed first."""
    owed = follow_up_periods.c
    return (
        select(
            owed.order_id,
            owed.rep_id,
            owed.request_id,
            owed.about,
            owed.owed_since,
            hours_between(owed.owed_since, as_of.instant).label("hours_owed"),
        )
        .where(as_of.holds(follow_up_periods))
        .order_by(owed.owed_since, owed.order_id, owed.about, owed.request_key)
    )
