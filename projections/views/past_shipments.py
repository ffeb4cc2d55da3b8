"""past_shipments: the booked shipments behind a quote (infra/app/quote.py), one row each."""

from typing import Any

from sqlalchemy import Select, and_, select

from projections.views.as_of import AsOf
from projections.views.tables import order_states, shipment_periods


def past_shipments(as_of: AsOf) -> Select[Any]:
    """The shipments at T that were not cancelled, in no order, with the account of their order."""
    shipment, state = shipment_periods.c, order_states.c
    return (
        select(
            shipment.carrier,
            shipment.mode,
            shipment.service_level,
            state.account_id,
            shipment.promised_by,
            shipment.original_estimate,
            shipment.delivered_at,
            shipment.cost,
            shipment.currency,
        )
        .join_from(shipment_periods, order_states, and_(state.order_id == shipment.order_id, as_of.holds(order_states)))
        .where(as_of.holds(shipment_periods), shipment.cancelled_at.is_(None))
    )
