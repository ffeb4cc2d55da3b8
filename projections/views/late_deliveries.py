"""late_deliveries: orders completed after their promise, with the rep who held them then."""

from typing import Any

from sqlalchemy import Select, select

from projections.views.as_of import AsOf
from projections.views.columns import hours_between
from projections.views.tables import late_delivery_periods

LATE_COLUMN_DOCS = {"hours_late": "Hours from the promise to the completion, with two places."}


def late_deliveries(as_of: AsOf) -> Select[Any]:
    """Orders completed late by T, the latest completed first."""
    late = late_delivery_periods.c
    return (
        select(
            late.order_id,
            late.rep_id,
            late.account_id,
            late.promised_by,
            late.original_promised_by,
            late.delivered_at,
            hours_between(late.promised_by, late.delivered_at).label("hours_late"),
            late.mode,
            late.carrier,
            late.last_delivered_at,
            late.short,
        )
        .where(as_of.holds(late_delivery_periods))
        .order_by(late.delivered_at.desc(), late.order_id)
    )
