"""An order as it stands between two facts: what the rules look at."""

from datetime import datetime
from decimal import Decimal

import msgspec

from domain.order.events import (
    ExpediteDeclined,
    ExpediteGranted,
    ExpediteRequested,
    Mode,
    OrderLine,
    OrderPlaced,
    ShipmentBooked,
)

ZERO = Decimal(0)


class Shipment(msgspec.Struct):
    """A booking and what became of it. `left` holds what of each line is still to be delivered."""

    booking: ShipmentBooked
    mode: Mode
    carrier: str
    estimated_delivery: datetime | None
    left: dict[str, Decimal]
    dispatched: bool = False
    cancelled: bool = False

    @property
    def live(self) -> bool:
        return bool(self.left)

    @property
    def delivered_whole(self) -> bool:
        return not self.left and not self.cancelled

    def cancel(self) -> None:
        self.cancelled = True
        self.left = {}


class Expedite(msgspec.Struct):
    """A request to deliver sooner, how it was decided, and whether the customer knows."""

    request: ExpediteRequested
    granted: ExpediteGranted | None = None
    declined: ExpediteDeclined | None = None
    customer_informed: bool = False

    @property
    def decision(self) -> ExpediteGranted | ExpediteDeclined | None:
        return self.granted or self.declined


class FollowUp(msgspec.Struct, frozen=True):
    """Something the customer is still to be told: about an `expedite` that was declined, or a `delay`.

    An order owes at most one about a delay at a time (see `evolution._delayed`).
    """

    about: str
    owed_since: datetime
    request_id: str | None = None


class Completion(msgspec.Struct, frozen=True):
    """The moment an order was delivered in full, and who held it then."""

    at: datetime
    rep_id: str | None


class OrderState(msgspec.Struct):
    """Everything that the facts taken so far have made of an order. Before it is placed, `placing` is None.

    `live` is an ordered set of the ids of live shipments, so that an order with many shipments need not look at all of
    them. (An empty default is copied for each state.)
    """

    order_id: str
    placing: OrderPlaced | None = None
    rep_id: str | None = None
    promised_by: datetime | None = None
    lines: dict[str, OrderLine] = {}
    delivered: dict[str, Decimal] = {}
    shipments: dict[str, Shipment] = {}
    live: dict[str, None] = {}
    expedites: dict[str, Expedite] = {}
    undecided: int = 0
    latest_decision: str = "none"
    follow_ups: tuple[FollowUp, ...] = ()
    attempts: int = 0
    last_confirmed: str | None = None
    cancelled: bool = False
    completion: Completion | None = None

    @property
    def closed(self) -> bool:
        return self.cancelled or self.completion is not None

    def live_shipments(self) -> list[Shipment]:
        return [self.shipments[shipment_id] for shipment_id in self.live]

    def left_to_book(self) -> dict[str, Decimal]:
        """Of each line, what is neither delivered nor carried by a live shipment; only lines with something left."""
        left = {line.line: line.quantity - self.delivered.get(line.line, ZERO) for line in self.lines.values()}
        for shipment in self.live_shipments():
            for line, quantity in shipment.left.items():
                if line in left:
                    left[line] -= quantity
        return {line: quantity for line, quantity in left.items() if quantity > 0}

    def has_left_to_book(self) -> bool:
        """Whether a booking could take anything."""
        if not self.live and not self.delivered:
            return bool(self.lines)
        carried = [self.shipments[shipment_id].left for shipment_id in self.live]
        for number, line in self.lines.items():
            left = line.quantity - self.delivered.get(number, ZERO)
            for taken in carried:
                left -= taken.get(number, ZERO)
            if left > 0:
                return True
        return False

    def delivered_in_full(self) -> bool:
        return all(self.delivered.get(line.line, ZERO) >= line.quantity for line in self.lines.values())
