"""What can happen to an order."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Literal

import msgspec

from domain.fact import Fact, register_event

Segment = Literal["b2b", "b2c"]
Channel = Literal["inbound_call", "outbound_call", "counter", "visit", "online", "standing_order"]
Mode = Literal["courier", "in_house"]
Unset = msgspec.UnsetType
UNSET = msgspec.UNSET


class OrderLine(msgspec.Struct, frozen=True):
    """One line of an order: so many of a stock keeping unit at a price each, in the order's currency."""

    line: int
    sku: str
    quantity: Decimal
    unit_price: Decimal


class LineQuantity(msgspec.Struct, frozen=True):
    """So many of an order's line."""

    line: int
    quantity: Decimal


@register_event
class OrderPlaced(Fact, frozen=True, kw_only=True, omit_defaults=True):
    TOPIC: ClassVar[str] = "order.placed"
    TYPE: ClassVar[str] = "order.placed.v1"

    account_id: str
    rep_id: str
    segment: Segment
    channel: Channel
    currency: str
    lines: tuple[OrderLine, ...]
    promised_by: datetime
    standing_order_id: str | None = None
    reference: str | None = None


@register_event
class OrderAmended(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """The lines, all of them, as they are from now on."""

    TOPIC: ClassVar[str] = "order.amended"
    TYPE: ClassVar[str] = "order.amended.v1"

    lines: tuple[OrderLine, ...]
    reason: str | None = None


@register_event
class OrderReassigned(Fact, frozen=True, kw_only=True, omit_defaults=True):
    TOPIC: ClassVar[str] = "order.reassigned"
    TYPE: ClassVar[str] = "order.reassigned.v1"

    rep_id: str
    reason: str | None = None


@register_event
class OrderRescheduled(Fact, frozen=True, kw_only=True, omit_defaults=True):
    TOPIC: ClassVar[str] = "order.rescheduled"
    TYPE: ClassVar[str] = "order.rescheduled.v1"

    promised_by: datetime
    reason: str


@register_event
class OrderCancelled(Fact, frozen=True, kw_only=True, omit_defaults=True):
    TOPIC: ClassVar[str] = "order.cancelled"
    TYPE: ClassVar[str] = "order.cancelled.v1"

    reason: str


@register_event
class ExpediteRequested(Fact, frozen=True, kw_only=True, omit_defaults=True):
    TOPIC: ClassVar[str] = "expedite.requested"
    TYPE: ClassVar[str] = "expedite.requested.v1"

    request_id: str
    needed_by: datetime
    reason: str
    requested_by: Literal["customer", "rep"] | None = None


@register_event
class ExpediteGranted(Fact, frozen=True, kw_only=True, omit_defaults=True):
    TOPIC: ClassVar[str] = "expedite.granted"
    TYPE: ClassVar[str] = "expedite.granted.v1"

    request_id: str
    promised_by: datetime
    surcharge: Decimal | None = None


@register_event
class ExpediteDeclined(Fact, frozen=True, kw_only=True, omit_defaults=True):
    TOPIC: ClassVar[str] = "expedite.declined"
    TYPE: ClassVar[str] = "expedite.declined.v1"

    request_id: str
    reason: str


@register_event
class CustomerInformed(Fact, frozen=True, kw_only=True, omit_defaults=True):
    TOPIC: ClassVar[str] = "customer.informed"
    TYPE: ClassVar[str] = "customer.informed.v1"

    about: Literal["expedite", "delay", "other"]
    request_id: str | None = None
    channel: str | None = None
    note: str | None = None


@register_event
class ShipmentBooked(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """Without `lines`: all that is left of the order at that moment."""

    TOPIC: ClassVar[str] = "shipment.booked"
    TYPE: ClassVar[str] = "shipment.booked.v1"

    shipment_id: str
    mode: Mode
    carrier: str
    estimated_delivery: datetime
    service_level: str | None = None
    lines: tuple[LineQuantity, ...] | None = None
    pickup_at: datetime | None = None
    cost: Decimal | None = None
    tracking_number: str | None = None


@register_event
class ShipmentRebooked(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """What is UNSET stays as it is; None clears what a booking may leave out."""

    TOPIC: ClassVar[str] = "shipment.rebooked"
    TYPE: ClassVar[str] = "shipment.rebooked.v1"

    shipment_id: str
    estimated_delivery: datetime
    reason: str
    carrier: str | Unset = UNSET
    mode: Mode | Unset = UNSET
    service_level: str | None | Unset = UNSET
    cost: Decimal | None | Unset = UNSET
    tracking_number: str | None | Unset = UNSET


@register_event
class ShipmentDispatched(Fact, frozen=True, kw_only=True, omit_defaults=True):
    TOPIC: ClassVar[str] = "shipment.dispatched"
    TYPE: ClassVar[str] = "shipment.dispatched.v1"

    shipment_id: str


@register_event
class ShipmentDelayed(Fact, frozen=True, kw_only=True, omit_defaults=True):
    TOPIC: ClassVar[str] = "shipment.delayed"
    TYPE: ClassVar[str] = "shipment.delayed.v1"

    shipment_id: str
    estimated_delivery: datetime
    reason: str


@register_event
class ShipmentCancelled(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """Recalled or lost, also after dispatch."""

    TOPIC: ClassVar[str] = "shipment.cancelled"
    TYPE: ClassVar[str] = "shipment.cancelled.v1"

    shipment_id: str
    reason: str


@register_event
class DeliveryAttempted(Fact, frozen=True, kw_only=True, omit_defaults=True):
    TOPIC: ClassVar[str] = "delivery.attempted"
    TYPE: ClassVar[str] = "delivery.attempted.v1"

    shipment_id: str
    reason: str


@register_event
class DeliveryConfirmed(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """Without `lines`: the undelivered rest of the shipment. It was delivered at `occurred_at`."""

    TOPIC: ClassVar[str] = "delivery.confirmed"
    TYPE: ClassVar[str] = "delivery.confirmed.v1"

    shipment_id: str
    lines: tuple[LineQuantity, ...] | None = None
    signed_by: str | None = None
