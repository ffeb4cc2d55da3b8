"""follow_ups: what is owed to customers about declined expedites and delays.

domain/order/evolution.py and delays.py decide what is owed, and until when. Follow-ups created only by the clock are in
order_states (`delay_owed_since`), because no fact creates them; the view adds them.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, NamedTuple

from domain.order.kind import ORDER
from domain.order.state import FollowUp
from domain.order.summary import OrderSummary
from projections.projection import Projection, Settled, periods
from projections.table import Key, Row, RowIndex, RowTable


class FollowUpPeriod(NamedTuple):
    """One row for each period in which a rep owed the customer of an order one follow-up created by a fact."""

    order_id: Annotated[str, Key("The order.")]
    about: Annotated[str, Key("expedite (declined) or delay.")]
    request_key: Annotated[str, Key("The declined request's id; empty for a delay.")]
    valid_from: Annotated[datetime, Key("From when this rep owed it.")]
    valid_to: Annotated[datetime | None, "Until when; null while it is owed."]
    rep_id: Annotated[str | None, "The rep who holds the order; null for none."]
    request_id: Annotated[str | None, "The declined request; null for a delay."]
    owed_since: Annotated[datetime, "When the customer should have been told first."]
    closed_at: Annotated[datetime | None, "When the order was closed; 30 days later nothing is owed any more."]


follow_up_periods = RowTable(
    "follow_up_periods",
    FollowUpPeriod,
    indexes=(
        RowIndex("follow_up_periods_owed", ("rep_id", "closed_at", "valid_to"), where={"valid_to": None}),
        RowIndex("follow_up_periods_owed_then", ("closed_at", "rep_id"), of_lengths=True),
    ),
)


def shape(settled: Settled) -> dict[str, Iterable[Row]]:
    """Each follow-up's periods; a new period begins when another rep takes over the order."""
    moments = settled.moments
    owed: dict[FollowUp, None] = {}
    for _, _, summary in moments:
        if summary is not None and summary.follow_ups:
            owed.update(dict.fromkeys(summary.follow_ups))
    if not owed:
        return {follow_up_periods.name: ()}
    return {
        follow_up_periods.name: [
            FollowUpPeriod(
                order_id=settled.subject_id,
                about=follow_up.about,
                request_key=follow_up.request_id or "",
                valid_from=valid_from,
                valid_to=valid_to,
                rep_id=rep_id,
                request_id=follow_up.request_id,
                owed_since=follow_up.owed_since,
                closed_at=closed_at,
            )
            for follow_up in owed
            for (rep_id, closed_at), valid_from, valid_to in periods(
                (at, _holder(summary, follow_up)) for at, _, summary in moments
            )
        ]
    }


def _holder(summary: OrderSummary | None, follow_up: FollowUp) -> tuple[str | None, datetime | None] | None:
    """The rep who owes a follow-up, if any, and when the order was closed; None if it is not owed."""
    if summary is None or follow_up not in summary.follow_ups:
        return None
    return summary.rep_id, summary.closed_at


FOLLOW_UPS = Projection(name="follow_ups", version=3, kind=ORDER, tables=(follow_up_periods,), shape=shape)
