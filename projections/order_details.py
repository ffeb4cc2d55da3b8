"""order_details: what a caller asks first of an order, found in its settling and never stored twice.

Its lines and what was delivered of each, its shipments, why things went as they did, and what the customer was told.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from domain.order.events import CustomerInformed
from domain.order.summary import ExpediteSummary, OrderLineSummary, OrderSummary, ShipmentSummary
from domain.settling import Settling
from projections.order_timeline import event_name


class Reason(NamedTuple):
    """Why something was done or went wrong, as the message said; `at` is when it took effect (UTC)."""

    at: datetime
    event: str
    shipment_id: str | None
    request_id: str | None
    reason: str


class CustomerTold(NamedTuple):
    """What the customer was told at `at` (UTC): about an `expedite`, a `delay` or something `other`."""

    at: datetime
    about: str
    request_id: str | None
    channel: str | None
    note: str | None


class OrderDetails(NamedTuple):
    """Lines, shipments and requests as they stand after the last moment, in the order in which they appeared.

    Reasons and what the customer was told stand in the order in which they took effect.
    """

    lines: tuple[OrderLineSummary, ...]
    shipments: tuple[ShipmentSummary, ...]
    expedites: tuple[ExpediteSummary, ...]
    reasons: tuple[Reason, ...]
    customer_told: tuple[CustomerTold, ...]


def order_details(settling: Settling[Any]) -> OrderDetails:
    """The details of an order that was settled with its moments."""
    lines: dict[str, OrderLineSummary | None] = {}
    shipments: dict[str, ShipmentSummary] = {}
    expedites: dict[str, ExpediteSummary] = {}
    for summary in _summaries(settling):
        lines.update(summary.changed_lines)
        shipments.update({shipment.shipment_id: shipment for shipment in summary.changed_shipments})
        expedites.update({expedite.request_id: expedite for expedite in summary.changed_expedites})
    return OrderDetails(
        lines=tuple(line for line in lines.values() if line is not None),
        shipments=tuple(shipments.values()),
        expedites=tuple(expedites.values()),
        reasons=tuple(_reasons(settling)),
        customer_told=tuple(
            CustomerTold(at, fact.about, fact.request_id, fact.channel, fact.note)
            for at, fact, _ in settling.moments
            if isinstance(fact, CustomerInformed)
        ),
    )


def _summaries(settling: Settling[Any]) -> Iterator[OrderSummary]:
    return (moment.summary for moment in settling.moments if moment.summary is not None)


def _reasons(settling: Settling[Any]) -> Iterator[Reason]:
    for at, fact, _ in settling.moments:
        reason = getattr(fact, "reason", None)
        if reason is not None:
            shipment_id, request_id = getattr(fact, "shipment_id", None), getattr(fact, "request_id", None)
            yield Reason(at, event_name(fact), shipment_id, request_id, reason)
