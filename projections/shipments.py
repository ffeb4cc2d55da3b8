"""shipments: each shipment of an order and its progress, period by period."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, NamedTuple

from domain.order.kind import ORDER
from domain.order.summary import ShipmentSummary
from projections.projection import Projection, Settled, periods
from projections.table import Key, Row, RowTable, row_maker


class ShipmentPeriod(NamedTuple):
    """One row for each period of a shipment between two moments at which it changed."""

    order_id: Annotated[str, Key("The order.")]
    shipment_id: Annotated[str, Key("The shipment, within the order.")]
    valid_from: Annotated[datetime, Key("From when.")]
    valid_to: Annotated[datetime | None, "Until when; null while it lasts."]
    mode: Annotated[str, "courier, in_house or pickup."]
    carrier: Annotated[str, "Who carries it."]
    service_level: Annotated[str | None, "The carrier's service that was booked."]
    tracking_number: Annotated[str | None, "The carrier's number to follow it by."]
    booked_at: Annotated[datetime, "When it was booked."]
    dispatched_at: Annotated[datetime | None, "When it left; null before."]
    estimated_delivery: Annotated[datetime | None, "When it is expected; null when that is not known."]
    original_estimate: Annotated[datetime | None, "The estimate of the booking."]
    delivered_at: Annotated[datetime | None, "When it was delivered wholly; null before."]
    cancelled_at: Annotated[datetime | None, "When it was cancelled; null again once it was found."]
    attempts: Annotated[int, "Delivery attempts that failed."]
    parcels: Annotated[int, "How many parcels it has, where they are known one by one."]
    parcels_delivered: Annotated[int, "How many of them were delivered."]
    cost: Annotated[Decimal | None, "What the shipping costs."]
    currency: Annotated[str, "The order's currency (ISO 4217)."]
    signed_by: Annotated[str | None, "Who signed last."]
    promised_by: Annotated[datetime | None, "The order's promise when it was last confirmed; null before."]


shipment_periods = RowTable("shipment_periods", ShipmentPeriod)

_row = row_maker(ShipmentPeriod, ShipmentSummary, "order_id", "valid_from", "valid_to", "parcels", "currency")


def shape(settled: Settled) -> dict[str, Iterable[Row]]:
    """Each shipment's periods. A moment has only the shipments that it changed."""
    seen: dict[str, list[tuple[datetime, ShipmentSummary]]] = {}
    currency = ""
    for at, _, summary in settled.moments:
        if summary is not None:
            currency = summary.currency
            for shipment in summary.changed_shipments:
                seen.setdefault(shipment.shipment_id, []).append((at, shipment))
    return {
        shipment_periods.name: [
            _row(
                shipment,
                order_id=settled.subject_id,
                valid_from=valid_from,
                valid_to=valid_to,
                parcels=len(shipment.parcels),
                currency=currency,
            )
            for moments in seen.values()
            for shipment, valid_from, valid_to in periods(moments)
        ]
    }


SHIPMENTS = Projection(name="shipments", version=2, kind=ORDER, tables=(shipment_periods,), shape=shape)
