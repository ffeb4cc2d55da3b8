"""What can happen to an order.

Amounts are in the order's currency, instants are aware and in UTC, ids and names are kept as sent. The id of an order
line is text: `as_line` converts it, because 1 and "1" are one line.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Literal

import msgspec

from domain.fact import Fact, register_event

Segment = Literal["b2b", "b2c"]
Channel = Literal["inbound_call", "outbound_call", "counter", "visit", "online", "standing_order"]
Mode = Literal["courier", "in_house", "pickup"]
LineKind = Literal["goods", "charge"]
Unset = msgspec.UnsetType
UNSET = msgspec.UNSET

MAX_LINE_NUMBER = 10**18


def as_line(sent: int | str) -> str:
    """The id of an order line: an integer in plain digits, or the text that was sent."""
    return sent if isinstance(sent, str) else str(sent)


def line_number_or_id(line: str) -> int | str:
    """A line id as upstreams write it: a number if it has only digits and is at most 10^18, else text."""
    if len(line) <= 19 and line.isascii() and line.isdecimal() and (line[0] != "0" or line == "0"):
        number = int(line)
        return number if number <= MAX_LINE_NUMBER else line
    return line


class OrderLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of an order: a quantity and a unit price in the order's currency.

    Goods are shipped, and `quantity` of them is owed. A charge (freight, a discount) is priced and never shipped; its
    price may be negative. `promised_by` is the line's own promise, None if the order's applies.
    """

    line: str
    sku: str | None
    quantity: Decimal
    unit_price: Decimal
    kind: LineKind = "goods"
    promised_by: datetime | None = None


class LineQuantity(msgspec.Struct, frozen=True):
    """A quantity of an order line."""

    line: str
    quantity: Decimal


def _lines_as_text(state: dict[str, Any]) -> None:
    """Upcast a stored event: lines used to be numbers only.

    A value of an unexpected shape stays unchanged; decoding reports it.
    """
    lines = state.get("lines")
    for line in lines if isinstance(lines, list) else ():
        if isinstance(line, dict) and isinstance(line.get("line"), int):
            line["line"] = as_line(line["line"])


@register_event
class OrderPlaced(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """Without `account_id` a guest ordered; without `rep_id` no rep holds the order yet."""

    TOPIC: ClassVar[str] = "order.placed"
    TYPE: ClassVar[str] = "order.placed.v1"
    class_version: ClassVar[int] = 2

    account_id: str | None = None
    rep_id: str | None = None
    segment: Segment
    channel: Channel
    currency: str
    lines: tuple[OrderLine, ...]
    promised_by: datetime
    standing_order_id: str | None = None
    reference: str | None = None

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        _lines_as_text(state)


@register_event
class OrderAmended(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """All lines from now on."""

    TOPIC: ClassVar[str] = "order.amended"
    TYPE: ClassVar[str] = "order.amended.v1"
    class_version: ClassVar[int] = 2

    lines: tuple[OrderLine, ...]
    reason: str | None = None

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        _lines_as_text(state)


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
    """Without `lines`: everything left to book at that moment. `parcels` are ids or tracking numbers."""

    TOPIC: ClassVar[str] = "shipment.booked"
    TYPE: ClassVar[str] = "shipment.booked.v1"
    class_version: ClassVar[int] = 2

    shipment_id: str
    mode: Mode
    carrier: str
    estimated_delivery: datetime | None = None
    service_level: str | None = None
    lines: tuple[LineQuantity, ...] | None = None
    pickup_at: datetime | None = None
    cost: Decimal | None = None
    tracking_number: str | None = None
    parcels: tuple[str, ...] | None = None

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        _lines_as_text(state)


@register_event
class ShipmentRebooked(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A field that is UNSET stays as it is; None clears an optional field.

    `lines` is everything that the shipment carries from now on, including what was delivered.
    """

    TOPIC: ClassVar[str] = "shipment.rebooked"
    TYPE: ClassVar[str] = "shipment.rebooked.v1"

    shipment_id: str
    estimated_delivery: datetime | None | Unset = UNSET
    reason: str | None = None
    carrier: str | Unset = UNSET
    mode: Mode | Unset = UNSET
    service_level: str | None | Unset = UNSET
    lines: tuple[LineQuantity, ...] | Unset = UNSET
    cost: Decimal | None | Unset = UNSET
    tracking_number: str | None | Unset = UNSET
    parcels: tuple[str, ...] | None | Unset = UNSET


@register_event
class ShipmentDispatched(Fact, frozen=True, kw_only=True, omit_defaults=True):
    TOPIC: ClassVar[str] = "shipment.dispatched"
    TYPE: ClassVar[str] = "shipment.dispatched.v1"

    shipment_id: str


@register_event
class ShipmentDelayed(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """Without `estimated_delivery` the arrival is unknown."""

    TOPIC: ClassVar[str] = "shipment.delayed"
    TYPE: ClassVar[str] = "shipment.delayed.v1"

    shipment_id: str
    estimated_delivery: datetime | None = None
    reason: str | None = None


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
    reason: str | None = None


@register_event
class DeliveryConfirmed(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """Delivered at `occurred_at`. Without `parcel` and `lines`: the undelivered rest of the shipment."""

    TOPIC: ClassVar[str] = "delivery.confirmed"
    TYPE: ClassVar[str] = "delivery.confirmed.v1"
    class_version: ClassVar[int] = 2

    shipment_id: str
    lines: tuple[LineQuantity, ...] | None = None
    parcel: str | None = None
    signed_by: str | None = None

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        _lines_as_text(state)


@register_event
class DeliveryReturned(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """Goods of a shipment came back. Without `lines`: everything delivered and not returned yet.

    With `replace` they are owed again.
    """

    TOPIC: ClassVar[str] = "delivery.returned"
    TYPE: ClassVar[str] = "delivery.returned.v1"

    shipment_id: str
    reason: str
    lines: tuple[LineQuantity, ...] | None = None
    replace: bool = False


@register_event
class OrderReinstated(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A cancelled order is open again, with this promise or else with its earlier promise."""

    TOPIC: ClassVar[str] = "order.reinstated"
    TYPE: ClassVar[str] = "order.reinstated.v1"

    reason: str
    promised_by: datetime | None = None
