"""shipments: the shipments of each order, with their progress."""

from typing import Any

from sqlalchemy import Select, select

from projections.views.as_of import AsOf
from projections.views.order_lines import PERIOD
from projections.views.tables import shipment_periods


def shipments(as_of: AsOf) -> Select[Any]:
    """The shipments at T, order by order."""
    shipment = shipment_periods.c
    return (
        select(*(column for column in shipment if column.name not in (*PERIOD, "promised_by")))
        .where(as_of.holds(shipment_periods))
        .order_by(shipment.order_id, shipment.shipment_id)
    )
