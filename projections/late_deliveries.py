"""late_deliveries: orders that were completed after their promise, for whoever held them then."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, Select, Table, select

from domain.order.standing import OrderStanding
from domain.subject import Kind
from projections.asof import AsOf
from projections.columns import Instant, Name, hours_between
from projections.projection import Projection, Row, Settled, metadata

late_completions = Table(
    "late_completions",
    metadata,
    Column("order_id", Name, primary_key=True, comment="The order."),
    Column("rep_id", Name, nullable=False, comment="The rep who held the order when it was completed."),
    Column("account_id", Name, nullable=False, comment="The account that ordered."),
    Column("promised_by", Instant, nullable=False, comment="The promise in force at completion."),
    Column("original_promised_by", Instant, nullable=False, comment="The promise of the placing."),
    Column("delivered_at", Instant, nullable=False, index=True, comment="When the order was completed."),
    Column("mode", Name, comment="Mode of the shipment last confirmed."),
    Column("carrier", Name, comment="Carrier of the shipment last confirmed."),
    comment="One row for each order completed after its promise.",
)


def shape(settled: Settled) -> dict[str, Iterable[Row]]:
    """At most one row: a completed order stays completed."""
    standing: OrderStanding | None = settled.moments[-1].standing if settled.moments else None
    if standing is None or standing.delivered_at is None or standing.delivered_at <= standing.promised_by:
        return {late_completions.name: ()}
    row = (
        standing.order_id,
        standing.delivered_rep_id,
        standing.account_id,
        standing.promised_by,
        standing.original_promised_by,
        standing.delivered_at,
        standing.delivered_mode,
        standing.delivered_carrier,
    )
    return {late_completions.name: (row,)}


LATE_DELIVERIES = Projection(
    name="late_deliveries", version=1, kind=Kind.ORDER, tables=(late_completions,), shape=shape
)


LATE_MEANINGS = {"hours_late": "Hours from the promise to the completion, with two places."}


def late_deliveries(as_of: AsOf) -> Select[Any]:
    """Orders completed late by T, the latest completed first."""
    late = late_completions.c
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
        .where(as_of.happened(late.delivered_at))
        .order_by(late.delivered_at.desc(), late.order_id)
    )
