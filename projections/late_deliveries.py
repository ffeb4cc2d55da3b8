"""late_deliveries: orders that were completed after their promise, for whoever held them then."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, Select, Table, select

from domain.order.kind import ORDER
from domain.order.summary import OrderSummary
from projections.asof import AsOf
from projections.columns import Instant, Name, hours_between
from projections.projection import Projection, Row, Settled, metadata, periods

late_delivery_periods = Table(
    "late_delivery_periods",
    metadata,
    Column("order_id", Name, primary_key=True, comment="The order."),
    Column("valid_from", Instant, primary_key=True, comment="From when this was so: first of all, the completion."),
    Column("valid_to", Instant, comment="Until when; null while it is so."),
    Column("rep_id", Name, nullable=False, comment="The rep who held the order when it was completed."),
    Column("account_id", Name, nullable=False, comment="The account that ordered."),
    Column("promised_by", Instant, nullable=False, comment="The promise in force at completion."),
    Column("original_promised_by", Instant, nullable=False, comment="The promise of the placing."),
    Column("delivered_at", Instant, nullable=False, index=True, comment="When the order was completed."),
    Column("mode", Name, comment="Mode of the shipment last confirmed."),
    Column("carrier", Name, comment="Carrier of the shipment last confirmed."),
    comment="One row for each order completed after its promise, and another when its last shipment turns out another.",
)


def shape(settled: Settled) -> dict[str, Iterable[Row]]:
    """Mostly one row, if any. What was on its way when the order was completed may be confirmed later, by another."""
    late = periods((moment.at, _late(moment.summary)) for moment in settled.moments)
    return {
        late_delivery_periods.name: [
            (settled.subject_id, valid_from, valid_to, *completion) for completion, valid_from, valid_to in late
        ]
    }


def _late(summary: OrderSummary | None) -> Row | None:
    if summary is None or summary.delivered_at is None or summary.delivered_at <= summary.promised_by:
        return None
    return (
        summary.delivered_rep_id,
        summary.account_id,
        summary.promised_by,
        summary.original_promised_by,
        summary.delivered_at,
        summary.delivered_mode,
        summary.delivered_carrier,
    )


LATE_DELIVERIES = Projection(
    name="late_deliveries", version=2, kind=ORDER, tables=(late_delivery_periods,), shape=shape
)


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
        )
        .where(as_of.holds(late_delivery_periods))
        .order_by(late.delivered_at.desc(), late.order_id)
    )
