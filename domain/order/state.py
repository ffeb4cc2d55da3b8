"""The state of an order between two facts. Running sums make every check of the rules cheap."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from domain.currency import EXACT
from domain.order.events import (
    ExpediteDeclined,
    ExpediteGranted,
    ExpediteRequested,
    OrderLine,
    OrderPlaced,
)
from domain.order.shipment import Shipment

ZERO = Decimal(0)
LONG_AGO = datetime.min.replace(tzinfo=UTC)

LiveShipment = tuple[bool, datetime, str]
"""(has no estimate, the estimate or a stand-in, shipment_id): the place of a live shipment among the others."""


class Level(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Since the delivery at `since`, at least `quantity` of a line has been delivered without a break."""

    quantity: Decimal
    since: datetime


def _quantity(level: Level) -> Decimal:
    return level.quantity


class Line(msgspec.Struct, omit_defaults=True):
    """An order line and its progress.

    `ordered` is the latest version of the line; a line that an amendment left out has a quantity of 0. `delivered` is
    what was confirmed, including surplus, less what was returned to be replaced; `returned` is everything returned.
    `booked` is what live shipments still carry. `owed`, `left` and `hidden` say how the order's counts include the
    line.
    """

    ordered: OrderLine
    delivered: Decimal = ZERO
    booked: Decimal = ZERO
    returned: Decimal = ZERO
    levels: list[Level] = []
    owed: bool = False
    left: bool = False
    hidden: bool = False

    @property
    def is_goods(self) -> bool:
        return self.ordered.kind == "goods"

    @property
    def is_gone(self) -> bool:
        return not self.ordered.quantity

    @property
    def undelivered(self) -> Decimal:
        """The quantity still owed; never below 0, and 0 for a charge."""
        ordered = self.ordered
        if ordered.kind != "goods" or ordered.quantity <= self.delivered:
            return ZERO
        return ordered.quantity - self.delivered

    @property
    def left_to_book(self) -> Decimal:
        """What is neither delivered nor carried by a live shipment; never below 0."""
        undelivered = self.undelivered
        return undelivered - self.booked if undelivered > self.booked else ZERO

    @property
    def full_since(self) -> datetime | None:
        """The delivery since which the line has its present quantity in full; None if it has not."""
        if not self.levels:
            return None
        reached = bisect_left(self.levels, self.ordered.quantity, key=_quantity)
        return self.levels[reached].since if reached < len(self.levels) else None


class Expedite(msgspec.Struct, omit_defaults=True):
    """A request to deliver sooner, its decision, and when the customer was informed."""

    request: ExpediteRequested
    requested_at: datetime
    granted: ExpediteGranted | None = None
    declined: ExpediteDeclined | None = None
    decided_at: datetime | None = None
    informed_at: datetime | None = None

    @property
    def decision(self) -> ExpediteGranted | ExpediteDeclined | None:
        return self.granted or self.declined


class FollowUp(msgspec.Struct, frozen=True, gc=False):
    """A follow-up owed to the customer: about a declined `expedite`, or a `delay`.

    An order owes at most one about a delay at a time (see domain/order/delays.py).
    """

    about: str
    owed_since: datetime
    request_id: str | None = None


class Cancellation(msgspec.Struct, frozen=True):
    """When and why an order was cancelled, if nothing was delivered."""

    at: datetime
    reason: str


class Completion(msgspec.Struct, frozen=True, omit_defaults=True):
    """When an order was completed, and which rep held it then.

    It is short if an amendment or a cancellation closed an undelivered rest; `cancel_reason` is the cancellation's.
    """

    at: datetime
    rep_id: str | None
    short: bool = False
    cancel_reason: str | None = None


class OrderState(msgspec.Struct, omit_defaults=True):
    """The state of an order after the facts taken so far. Before it is placed, `placing` is None.

    `instant` is the latest one at which a fact took effect. Running counts: of the lines, how many have something
    delivered, owed or left to book, and how many are gone without a trace; `open_amount` is what is owed, exact and in
    the order's currency. `live` has the live shipments by estimate, the latest last, those without one after all
    others; `live_dispatched` counts those that are on their way. `told_of_delay` says whether the customer was informed
    about a delay since the promise was set. `expected_late` is when the order is expected, if that is after the
    promise. `reinstated_for` is the promise of the last reinstatement. `touched_lines`, `touched_shipments` and
    `touched_expedites` are what the latest fact changed. (An empty default is copied for each state.)
    """

    order_id: str
    placing: OrderPlaced | None = None
    rep_id: str | None = None
    promised_by: datetime = LONG_AGO
    instant: datetime | None = None
    lines: dict[str, Line] = {}
    lines_delivered: int = 0
    lines_owed: int = 0
    lines_left: int = 0
    lines_hidden: int = 0
    open_amount: Decimal = ZERO
    order_value: Decimal = ZERO
    shipments: dict[str, Shipment] = {}
    live: list[LiveShipment] = []
    live_dispatched: int = 0
    expedites: dict[str, Expedite] = {}
    undecided: int = 0
    latest_decision: str = "none"
    follow_ups: tuple[FollowUp, ...] = ()
    told_of_delay: bool = False
    expected_late: datetime | None = None
    attempts: int = 0
    last_confirmed: str | None = None
    last_delivered_at: datetime | None = None
    cancellation: Cancellation | None = None
    reinstated_for: datetime | None = None
    completion: Completion | None = None
    short: bool | None = None
    reopened_at: datetime | None = None
    touched_lines: list[str] = []
    touched_shipments: list[str] = []
    touched_expedites: list[str] = []

    # -- what is so ------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        return self.cancellation is not None or self.completion is not None

    @property
    def closed_at(self) -> datetime | None:
        closing = self.cancellation or self.completion
        return closing.at if closing else None

    def live_shipments(self) -> Iterator[Shipment]:
        return (self.shipments[shipment_id] for _, _, shipment_id in self.live)

    def left_to_book(self) -> dict[str, Decimal]:
        """What is neither delivered nor carried of each line of goods; only lines with something left."""
        return {line_id: line.left_to_book for line_id, line in self.lines.items() if line.left}

    def latest_estimate(self) -> datetime | None:
        """The latest estimate of the live shipments; those without one are ignored."""
        live = self.live
        if not live:
            return None
        if not live[-1][0]:
            return live[-1][1]
        with_estimate = bisect_left(live, (True, LONG_AGO, ""))
        return live[with_estimate - 1][1] if with_estimate else None

    def lines_shown(self) -> int:
        """The number of lines, without lines that are gone and had nothing delivered."""
        return len(self.lines) - self.lines_hidden

    # -- what changes ----------------------------------------------------------------------------

    def go_live(self, shipment: Shipment) -> None:
        """The shipment carries its rest from now on."""
        self.add_to_live(shipment)
        self.carry(shipment.left.items(), 1)

    def end(self, shipment: Shipment) -> None:
        """The shipment is no longer live: its undelivered part is left to book again."""
        self.remove_from_live(shipment)
        self.carry(shipment.left.items(), -1)

    def move(self, shipment: Shipment, estimate: datetime | None) -> None:
        """The estimate of the shipment changes; None is unknown."""
        self.remove_from_live(shipment)
        shipment.estimated_delivery = estimate
        self.add_to_live(shipment)

    def add_to_live(self, shipment: Shipment) -> None:
        insort(self.live, shipment.place)
        self.live_dispatched += shipment.dispatched_at is not None

    def remove_from_live(self, shipment: Shipment) -> None:
        del self.live[bisect_left(self.live, shipment.place)]
        self.live_dispatched -= shipment.dispatched_at is not None

    def carry(self, quantities: Iterable[tuple[str, Decimal]], sign: int) -> None:
        """Live shipments carry so much more (sign 1) or less (sign -1) of each line."""
        lines = self.lines
        for line_id, quantity in quantities:
            line = lines[line_id]
            line.booked = line.booked + quantity if sign > 0 else line.booked - quantity
            self.recount(line)
            self.touched_lines.append(line_id)

    def deliver(self, line_id: str, quantity: Decimal, carried: Decimal, at: datetime) -> None:
        """This much more of the line was delivered; the part that its shipment carried is given too."""
        line = self.lines[line_id]
        before = line.delivered
        if carried:
            line.booked -= carried
        line.delivered = delivered = before + quantity if before else quantity
        if line.owed:
            owed = line.ordered.quantity - before
            price = line.ordered.unit_price
            self.open_amount = EXACT.fma(-min(quantity, owed), price, self.open_amount)
        self.recount(line)
        line.levels.append(Level(delivered, at))
        if not before:
            self.lines_delivered += 1
        self.touched_lines.append(line_id)

    def take_back(self, line_id: str, quantity: Decimal) -> None:
        """This much of the delivered quantity is owed again."""
        line = self.lines[line_id]
        owed_before = line.undelivered
        line.delivered -= quantity
        self.open_amount = EXACT.fma(line.undelivered - owed_before, line.ordered.unit_price, self.open_amount)
        self.recount(line)
        # The quantity falls to that of an earlier delivery, which keeps its instant; later ones are removed.
        reached = bisect_left(line.levels, line.delivered, key=_quantity)
        line.levels[reached:] = [Level(line.delivered, line.levels[reached].since)] if line.delivered else []
        if not line.delivered:
            self.lines_delivered -= 1
        self.touched_lines.append(line_id)

    def recount(self, line: Line) -> None:
        """Update the running counts after a line changed."""
        quantity, delivered = line.ordered.quantity, line.delivered
        owed = quantity > delivered and line.ordered.kind == "goods"
        left = owed and quantity - delivered > line.booked
        hidden = not (quantity or delivered)
        if hidden is not line.hidden:
            line.hidden = hidden
            self.lines_hidden += 1 if hidden else -1
        if owed is not line.owed:
            line.owed = owed
            self.lines_owed += 1 if owed else -1
        if left is not line.left:
            line.left = left
            self.lines_left += 1 if left else -1
