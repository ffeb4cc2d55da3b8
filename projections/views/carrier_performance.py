"""carrier_performance: how each carrier delivered what was booked in each month, and what it cost."""

from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, case, func, select

from projections.views.as_of import AsOf
from projections.views.business_months import month_of
from projections.views.decimals import (
    MICROSECONDS_AN_HOUR,
    decimal,
    decimal_sum,
    decimal_times,
    microseconds_between,
    minor_units,
    rounded_quotient,
    rounded_to,
)
from projections.views.tables import shipment_periods

CARRIER_PERFORMANCE_COLUMN_DOCS = {
    "carrier": "The carrier, as it stands: a rebooked shipment counts for its present one.",
    "mode": "courier, in_house or pickup, as it stands.",
    "month": "The month of the booking, as YYYY-MM, in the business time zone.",
    "currency": "The orders' currency (ISO 4217).",
    "shipments": "Shipments booked in the month; cancelled ones are left out.",
    "delivered": "Of these, wholly delivered.",
    "on_time": "Of these, delivered no later than the order's promise in force then.",
    "late": "Of these, delivered later.",
    "mean_hours_late": "The mean of the hours from that promise to the delivery, over the late ones, with two places.",
    "attempts": "Delivery attempts that failed.",
    "cost": "What the shipments cost together; null when no cost is known.",
}


def carrier_performance(as_of: AsOf) -> Select[Any]:
    """The carriers at T, each by mode, month and currency."""
    shipment = shipment_periods.c
    delivered = shipment.delivered_at.is_not(None)
    late = shipment.delivered_at > shipment.promised_by
    lateness = microseconds_between(shipment.promised_by, shipment.delivered_at)
    booked = (
        select(
            shipment.carrier,
            shipment.mode,
            month_of(shipment.booked_at, as_of).label("month"),
            shipment.currency,
            func.count().label("shipments"),
            _count(delivered).label("delivered"),
            _count(late).label("late"),
            decimal_sum(case((late, lateness))).label("lateness"),
            func.sum(shipment.attempts).cast(Integer).label("attempts"),
            decimal_sum(shipment.cost).label("cost"),
        )
        .where(as_of.holds(shipment_periods), shipment.cancelled_at.is_(None))
        .group_by("carrier", "mode", "month", "currency")
        .cte("booked")
    )
    total = select(
        *(column for column in booked.c if column.name not in ("lateness", "cost")),
        booked.c.lateness,
        decimal_times(booked.c.late, decimal(MICROSECONDS_AN_HOUR)).label("hours"),
        booked.c.cost,
        minor_units(booked.c.currency).label("places"),
    ).cte("total")
    sums = total.c
    return select(
        sums.carrier,
        sums.mode,
        sums.month,
        sums.currency,
        sums.shipments,
        sums.delivered,
        (sums.delivered - sums.late).label("on_time"),
        sums.late,
        rounded_quotient(sums.lateness, sums.hours).label("mean_hours_late"),
        sums.attempts,
        rounded_to(sums.cost, sums.places).label("cost"),
    ).order_by(sums.carrier, sums.mode, sums.month, sums.currency)


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0)).cast(Integer)
