"""late_deliveries: orders completed after their promise, with the rep who held them then."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, NamedTuple

from domain.order.kind import ORDER
from domain.order.summary import OrderSummary
from projections.projection import Projection, Settled, periods
from projections.table import Key, Row, RowIndex, RowTable


class LateDeliveryPeriod(NamedTuple):
    """One row for each order completed after its promise, and another if its last shipment changes later."""

    order_id: Annotated[str, Key("The order.")]
    valid_from: Annotated[datetime, Key("From when this was so: first of all, the completion.")]
    valid_to: Annotated[datetime | None, "Until when; null while it is so."]
    rep_id: Annotated[str | None, "The rep who held the order when it was completed; null for none."]
    account_id: Annotated[str | None, "The account that ordered."]
    promised_by: Annotated[datetime, "The promise in force at completion."]
    original_promised_by: Annotated[datetime, "The promise of the placing."]
    delivered_at: Annotated[datetime, "When the order was completed."]
    mode: Annotated[str | None, "Mode of the shipment last confirmed."]
    carrier: Annotated[str | None, "Carrier of the shipment last confirmed."]
    last_delivered_at: Annotated[datetime | None, "When goods were delivered last."]
    short: Annotated[bool, "Whether it was completed without all that was ordered."]


late_delivery_periods = RowTable(
    "late_delivery_periods",
    LateDeliveryPeriod,
    indexes=(RowIndex("ix_late_delivery_periods_delivered_at", ("delivered_at",)),),
)


def shape(settled: Settled) -> dict[str, Iterable[Row]]:
    """Usually at most one row. A shipment in transit when the order was completed may be confirmed later."""
    moments = settled.moments
    if not moments or moments[-1].summary is None or moments[-1].summary.short is None:
        return {late_delivery_periods.name: ()}  # never completed
    late = periods((at, _late(summary)) for at, _, summary in moments)
    return {
        late_delivery_periods.name: [
            completion._replace(valid_from=valid_from, valid_to=valid_to) for completion, valid_from, valid_to in late
        ]
    }


def _late(summary: OrderSummary | None) -> LateDeliveryPeriod | None:
    """The row of a late completion, valid from the completion; None if there is none."""
    if summary is None or summary.delivered_at is None or summary.delivered_at <= summary.promised_by:
        return None
    return LateDeliveryPeriod(
        order_id=summary.order_id,
        valid_from=summary.delivered_at,
        valid_to=None,
        rep_id=summary.delivered_rep_id,
        account_id=summary.account_id,
        promised_by=summary.promised_by,
        original_promised_by=summary.original_promised_by,
        delivered_at=summary.delivered_at,
        mode=summary.delivered_mode,
        carrier=summary.delivered_carrier,
        last_delivered_at=summary.last_delivered_at,
        short=bool(summary.short),
    )


LATE_DELIVERIES = Projection(
    name="late_deliveries", version=4, kind=ORDER, tables=(late_delivery_periods,), shape=shape
)
