"""A shipment of an order: what it carries, what was delivered, and what was returned."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from domain.order.events import LineQuantity, Mode, ShipmentBooked

ZERO = Decimal(0)
NO_ESTIMATE = datetime.min.replace(tzinfo=UTC)

Quantities = dict[str, Decimal]
"""Line to quantity."""


class Confirmation(msgspec.Struct, frozen=True):
    """The confirmations of one time (the messages' time): what each message delivered."""

    time: datetime
    deliveries: tuple[Quantities, ...]

    def delivered(self, lines: Sequence[LineQuantity]) -> bool:
        """Whether these lines were delivered then, by one message or by all of them."""
        said = {line.line: line.quantity for line in lines}
        if said in self.deliveries:
            return True
        together: Quantities = {}
        for delivery in self.deliveries:
            for line, quantity in delivery.items():
                together[line] = together.get(line, ZERO) + quantity
        return said == together


class Shipment(msgspec.Struct, omit_defaults=True):
    """A booking and its progress.

    `carried` is its quantity of each line, delivered or not. `left` is the undelivered part; a cancelled shipment keeps
    it, because it may be found. `delivered` includes surplus; `returned` is the returned part. `parcels` has each
    parcel's confirmation, None before it; `parcels_confirmed` counts them. `confirmed` is the latest confirmation that
    delivered something, `confirmed_at` when it took effect, and `promised_by` the order's promise then.
    """

    booking: ShipmentBooked
    booked_at: datetime
    mode: Mode
    carrier: str
    carried: Quantities
    left: Quantities
    service_level: str | None = None
    estimated_delivery: datetime | None = None
    cost: Decimal | None = None
    tracking_number: str | None = None
    parcels: dict[str, Confirmation | None] = {}
    parcels_confirmed: int = 0
    delivered: Quantities = {}
    returned: Quantities = {}
    dispatched_at: datetime | None = None
    cancelled_at: datetime | None = None
    confirmed: Confirmation | None = None
    confirmed_at: datetime | None = None
    promised_by: datetime | None = None
    attempts: int = 0
    signed_by: str | None = None
    delay_reason: str | None = None
    cancel_reason: str | None = None

    @property
    def shipment_id(self) -> str:
        return self.booking.shipment_id

    @property
    def place(self) -> tuple[bool, datetime, str]:
        """The sort key among live shipments: by estimate, those without one last, then by id."""
        estimate = self.estimated_delivery
        return (estimate is None, estimate or NO_ESTIMATE, self.booking.shipment_id)

    @property
    def cancelled(self) -> bool:
        return self.cancelled_at is not None

    @property
    def live(self) -> bool:
        return bool(self.left) and self.cancelled_at is None

    @property
    def delivered_whole(self) -> bool:
        return not self.left and self.cancelled_at is None

    @property
    def delivered_at(self) -> datetime | None:
        """When it was wholly delivered; None until then."""
        return self.confirmed_at if self.delivered_whole else None

    @property
    def parcels_delivered(self) -> int:
        """The number of confirmed parcels; all of them once the whole shipment is delivered."""
        return len(self.parcels) if self.delivered_whole else self.parcels_confirmed

    def confirmation_of(self, parcel: str) -> Confirmation | None:
        """When and how the parcel was confirmed; None if it was not."""
        return self.parcels[parcel] or (self.confirmed if self.delivered_whole else None)

    def returnable(self) -> Quantities:
        """What it delivered and was not returned yet; only lines with a quantity."""
        kept = {line: quantity - self.returned.get(line, ZERO) for line, quantity in self.delivered.items()}
        return {line: quantity for line, quantity in kept.items() if quantity > 0}
