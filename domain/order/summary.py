"""What can be seen of an order during a period in which nothing about it changes; no clock is needed to say it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

import msgspec

from domain.currency import order_value
from domain.order.events import Mode
from domain.order.state import ZERO, FollowUp, OrderState, Shipment

_NEVER = datetime.max.replace(tzinfo=UTC)

Stage = Literal["to_book", "booked", "in_transit", "partly_delivered"]


class OrderSummary(msgspec.Struct, frozen=True):
    """One period's view of an order. `status` is `open`, `delivered` or `cancelled`; only an open order has a stage.

    Of the live shipments the one with the latest estimate (then the greater shipment_id) gives carrier, mode and
    estimated_delivery; one without an estimate stands before all others, and `latest_estimate` leaves those aside.
    Amounts are in `currency`, rounded to its minor unit. Instants are UTC.
    """

    order_id: str
    status: Literal["open", "delivered", "cancelled"]
    rep_id: str | None
    account_id: str | None
    segment: str
    placed_at: datetime
    promised_by: datetime
    original_promised_by: datetime
    stage: Stage | None
    carrier: str | None
    mode: Mode | None
    estimated_delivery: datetime | None
    latest_estimate: datetime | None
    left_to_book: bool
    expedite: str
    expedites_open: int
    follow_ups: tuple[FollowUp, ...]
    delivery_attempts: int
    open_value: Decimal
    currency: str
    delivered_at: datetime | None
    delivered_rep_id: str | None
    delivered_carrier: str | None
    delivered_mode: Mode | None


def summarize(order: OrderState) -> OrderSummary | None:
    """None before the order is placed."""
    placing = order.placing
    if placing is None or order.promised_by is None:
        return None
    live = order.live_shipments()
    slowest = max(live, key=_estimate) if live else None
    completion = order.completion
    # What was on its way when an amendment completed the order may still be confirmed, and is the last one then.
    last = order.shipments.get(order.last_confirmed or "") if completion else None
    closed = order.closed
    return OrderSummary(
        order_id=order.order_id,
        status="cancelled" if order.cancelled else "delivered" if completion else "open",
        rep_id=order.rep_id,
        account_id=placing.account_id,
        segment=placing.segment,
        placed_at=placing.occurred_at,
        promised_by=order.promised_by,
        original_promised_by=placing.promised_by,
        stage=None if closed else _stage(order, live),
        carrier=slowest.carrier if slowest else None,
        mode=slowest.mode if slowest else None,
        estimated_delivery=slowest.estimated_delivery if slowest else None,
        latest_estimate=max((s.estimated_delivery for s in live if s.estimated_delivery is not None), default=None),
        left_to_book=not closed and order.has_left_to_book(),
        expedite="requested" if order.undecided else order.latest_decision,
        expedites_open=order.undecided,
        follow_ups=order.follow_ups,
        delivery_attempts=order.attempts,
        open_value=order_value(() if closed else _undelivered(order), placing.currency),
        currency=placing.currency,
        delivered_at=completion.at if completion else None,
        delivered_rep_id=completion.rep_id if completion else None,
        delivered_carrier=last.carrier if last else None,
        delivered_mode=last.mode if last else None,
    )


def _estimate(shipment: Shipment) -> tuple[datetime, str]:
    """Latest wins; one without an estimate stands before all others."""
    return (shipment.estimated_delivery or _NEVER, shipment.booking.shipment_id)


def _stage(order: OrderState, live: Sequence[Shipment]) -> Stage:
    if order.delivered:
        return "partly_delivered"
    if not live:
        return "to_book"
    return "in_transit" if any(shipment.dispatched for shipment in live) else "booked"


def _undelivered(order: OrderState) -> list[tuple[Decimal, Decimal]]:
    """Of each line the quantity that is not delivered, and the price of one."""
    if not order.delivered:
        return [(line.quantity, line.unit_price) for line in order.lines.values()]
    return [(line.quantity - order.delivered.get(line.line, ZERO), line.unit_price) for line in order.lines.values()]
