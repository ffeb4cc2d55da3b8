"""A shipment of an order: what it carries, what was delivered of it, and what came back."""

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
    """What was confirmed at one time (that of the messages): what each message delivered."""

    time: datetime
    deliveries: tuple[Quantities, ...]

    def delivered(self, lines: Sequence[LineQuantity]) -> bool:
        """Whether these lines are what was delivered then, by one message or by all of them."""
        said = {line.line: line.quantity for line in lines}
        if said in self.deliveries:
            return True
        together: Quantities = {}
        for delivery in self.deliveries:
            for line, quantity in delivery.items():
                together[line] = together.get(line, ZERO) + quantity
        return said == together


class Shipment(msgspec.Struct, omit_defaults=True):
    """A booking and what became of it.

    `carried` is what it takes of each line, delivered or not; `left` what of that is still to be delivered, kept when
    the shipment is cancelled, since it may be found. `delivered` includes surplus; `returned` is what of it came back.
    `parcels` has each parcel's confirmation, None before it; `parcels_confirmed` counts them. `confirmed` is the latest
    confirmation that delivered something, `confirmed_at` when it took effect, and `promised_by` the order's promise
    then.
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
        """Where it stands among live shipments: by estimate, one without any after all others, then by its id."""
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
        """When it was delivered wholly; None while it was not."""
        return self.confirmed_at if self.delivered_whole else None

    @property
    def parcels_delivered(self) -> int:
        """How many of its parcels are confirmed: all of them once the whole shipment is delivered."""
        return len(self.parcels) if self.delivered_whole else self.parcels_confirmed

    def confirmation_of(self, parcel: str) -> Confirmation | None:
        """When and how the parcel was confirmed; None when it was not."""
        return self.parcels[parcel] or (self.confirmed if self.delivered_whole else None)

    def returnable(self) -> Quantities:
        """What it delivered and what was not returned yet; only lines with something."""
        kept = {line: quantity - self.returned.get(line, ZERO) for line, quantity in self.delivered.items()}
        return {line: quantity for line, quantity in kept.items() if quantity > 0}
