"""overdue_deliveries: open orders past their promise."""

from typing import Any

from sqlalchemy import Select

from projections.views.as_of import AsOf
from projections.views.columns import hours_between
from projections.views.follow_ups import follow_up_owed
from projections.views.open_orders import is_open, is_overdue, open_order_columns, state
from projections.views.untaken_messages import UNTAKEN_COLUMN_DOCS, count_untaken

OVERDUE_COLUMN_DOCS = {
    "hours_overdue": "Hours from the promise to T, with two places.",
    "follow_up_owed": "Whether a follow-up is owed to the customer.",
    **UNTAKEN_COLUMN_DOCS,
}


def overdue_deliveries(as_of: AsOf) -> Select[Any]:
    """Orders overdue at T, the longest overdue first."""
    hours_overdue = hours_between(state.promised_by, as_of.instant).label("hours_overdue")
    return (
        open_order_columns(hours_overdue, follow_up_owed(as_of), count_untaken(as_of))
        .where(is_open(as_of, is_overdue(as_of)))
        .order_by(state.promised_by, state.order_id)
    )
