"""follow_ups: what the customer is still to be told, of declined expedites and of delays."""

from typing import Any

from sqlalchemy import Select, select

from projections.views.as_of import AsOf
from projections.views.columns import hours_between
from projections.views.tables import follow_up_periods

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
