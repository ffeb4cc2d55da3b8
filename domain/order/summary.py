"""The visible state of an order during a period without changes; it needs no clock."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

from domain.currency import rounded
from domain.order.delays import LAPSES_AFTER, owed_by_the_clock
from domain.order.events import LineKind, Mode
from domain.order.state import ZERO, FollowUp, OrderState

Stage = Literal["to_book", "booked", "in_transit", "partly_delivered"]


class OrderLineSummary(msgspec.Struct, frozen=True, gc=False):
    """A line of the order. `quantity` is 0 if an amendment left it out after a delivery.

    `booked` is what live shipments still carry; `returned` is what was returned, to be replaced or not. `promised_by`
    is the line's own promise, else the order's. `delivered_at` is the delivery since which it has its quantity in full.
    """

    line: str
    sku: str | None
    kind: LineKind
    quantity: Decimal
    booked: Decimal
    delivered: Decimal
    over_delivered: Decimal
    returned: Decimal
    unit_price: Decimal
    promised_by: datetime
    delivered_at: datetime | None

    @property
    def undelivered(self) -> Decimal:
        """The quantity still owed; never below 0, and 0 for a charge."""
        return max(ZERO, self.quantity - self.delivered) if self.kind == "goods" else ZERO

    @property
    def left_to_book(self) -> Decimal:
        """What is neither delivered nor carried by a live shipment; never below 0."""
        return max(ZERO, self.undelivered - self.booked)


class ShipmentSummary(msgspec.Struct, frozen=True, gc=False):
    """A shipment of the order. It is live while it is neither delivered wholly (`delivered_at`) nor cancelled.

    `original_estimate` is that of the booking. `cancelled_at` and `cancel_reason` are None again after it was found.
    `promised_by` is the order's promise when it was last confirmed. `signed_by` is the latest signature. `delay_reason`
    is that of the latest delay, if it named one.
    """

    shipment_id: str
    mode: Mode
    carrier: str
    service_level: str | None
    tracking_number: str | None
    booked_at: datetime
    dispatched_at: datetime | None
    estimated_delivery: datetime | None
    original_estimate: datetime | None
    delivered_at: datetime | None
    cancelled_at: datetime | None
    attempts: int
    parcels: tuple[str, ...]
    parcels_delivered: int
    cost: Decimal | None
    signed_by: str | None
    promised_by: datetime | None
    delay_reason: str | None
    cancel_reason: str | None


class ExpediteSummary(msgspec.Struct, frozen=True, gc=False):
    """A request to deliver sooner. `promised_by` and `surcharge` are those of the grant."""

    request_id: str
    requested_at: datetime
    needed_by: datetime
    requested_by: Literal["customer", "rep"] | None
    decision: Literal["granted", "declined"] | None
    decided_at: datetime | None
    promised_by: datetime | None
    surcharge: Decimal | None
    informed_at: datetime | None


class OrderSummary(msgspec.Struct, frozen=True, gc=False):
    """One period's view of an order. Instants are UTC; amounts are in `currency`, rounded to its minor unit.

    `status` is `open`, `delivered` (complete) or `cancelled`; only an open order has a stage. `delivered_at` is when it
    was completed, `delivered_rep_id` who held it then, `delivered_carrier` and `delivered_mode` are those of the
    shipment last confirmed; they are None again for an order that a return opened again. `last_delivered_at` is when
    goods were last handed over. `short` says how the order was last completed (None: never). `closed_at` is when it was
    completed or cancelled; `cancel_reason` is set while the cancellation is in force, also if it only closed a rest.

    Of the live shipments the one without an estimate, else with the latest (then the greater shipment_id) gives
    carrier, mode and `estimated_delivery`. `no_estimate` says that one has none. `latest_estimate` ignores those
    without; it decides whether an order is expected late.

    `lines` and `shipments` count their rows. `changed_lines` (None: the line is gone), `changed_shipments` and
    `changed_expedites` have only what the latest fact changed.

    What a view must add for a T within the period:

    - overdue: open and `promised_by < T`.
    - `on_time`: None for a cancelled order; `delivered_at <= promised_by` for a delivered one; for an open one false
      once `promised_by < T`, else None.
    - follow-ups owed at T: none when `closed_at` is 30 days or more before T. Else all of `follow_ups` and, when
      `delay_owed_since` is not None and `promised_by < T`, one about a delay, owed since `delay_owed_since`.
    """

    order_id: str
    status: Literal["open", "delivered", "cancelled"]
    rep_id: str | None
    placed_rep_id: str | None
    account_id: str | None
    segment: str
    channel: str
    reference: str | None
    placed_at: datetime
    promised_by: datetime
    original_promised_by: datetime
    stage: Stage | None
    carrier: str | None
    mode: Mode | None
    estimated_delivery: datetime | None
    latest_estimate: datetime | None
    no_estimate: bool
    left_to_book: bool
    expedite: str
    expedites_open: int
    follow_ups: tuple[FollowUp, ...]
    delay_owed_since: datetime | None
    delivery_attempts: int
    order_value: Decimal
    open_value: Decimal
    currency: str
    lines: int
    shipments: int
    closed_at: datetime | None
    delivered_at: datetime | None
    delivered_rep_id: str | None
    delivered_carrier: str | None
    delivered_mode: Mode | None
    last_delivered_at: datetime | None
    short: bool | None
    cancel_reason: str | None
    changed_lines: tuple[tuple[str, OrderLineSummary | None], ...]
    changed_shipments: tuple[ShipmentSummary, ...]
    changed_expedites: tuple[ExpediteSummary, ...]

    def on_time_at(self, instant: datetime) -> bool | None:
        """Whether it was completed by its promise, at an instant (aware) of the period; None while it may still be."""
        if self.delivered_at is not None:
            return self.delivered_at <= self.promised_by
        return False if self.status == "open" and self.promised_by < instant else None

    def follow_ups_at(self, instant: datetime) -> tuple[FollowUp, ...]:
        """The follow-ups owed to the customer at an instant (aware) of the period."""
        if self.closed_at is not None and instant - self.closed_at >= LAPSES_AFTER:
            return ()
        if self.delay_owed_since is not None and self.promised_by < instant:
            return (*self.follow_ups, FollowUp("delay", self.delay_owed_since))
        return self.follow_ups


def summarize(order: OrderState) -> OrderSummary | None:
    """None before the order is placed."""
    placing = order.placing
    if placing is None:
        return None
    completion, cancellation = order.completion, order.cancellation
    is_open = completion is None and cancellation is None
    slowest = order.shipments[order.live[-1][2]] if order.live else None
    # A shipment in transit when an amendment completed the order may be confirmed later and is then the last one.
    last = order.shipments[order.last_confirmed] if completion and order.last_confirmed else None
    return OrderSummary(
        order.order_id,
        "open" if is_open else "delivered" if completion else "cancelled",
        order.rep_id,
        placing.rep_id,
        placing.account_id,
        placing.segment,
        placing.channel,
        placing.reference,
        placing.occurred_at,
        order.promised_by,
        placing.promised_by,
        _stage(order) if is_open else None,
        slowest.carrier if slowest else None,
        slowest.mode if slowest else None,
        slowest.estimated_delivery if slowest else None,
        order.latest_estimate(),
        slowest is not None and slowest.estimated_delivery is None,
        is_open and order.lines_left > 0,
        "requested" if order.undecided else order.latest_decision,
        order.undecided,
        order.follow_ups,
        owed_by_the_clock(order) if is_open else None,
        order.attempts,
        order.order_value,
        rounded(order.open_amount if is_open else ZERO, placing.currency),
        placing.currency,
        order.lines_shown(),
        len(order.shipments),
        order.closed_at,
        completion.at if completion else None,
        completion.rep_id if completion else None,
        last.carrier if last else None,
        last.mode if last else None,
        order.last_delivered_at,
        order.short,
        _cancel_reason(order),
        lines_of(order, dict.fromkeys(order.touched_lines)) if order.touched_lines else (),
        shipments_of(order, dict.fromkeys(order.touched_shipments)) if order.touched_shipments else (),
        expedites_of(order, dict.fromkeys(order.touched_expedites)) if order.touched_expedites else (),
    )


def _stage(order: OrderState) -> Stage:
    if order.lines_delivered:
        return "partly_delivered"
    if not order.live:
        return "to_book"
    return "in_transit" if order.live_dispatched else "booked"


def _cancel_reason(order: OrderState) -> str | None:
    if order.cancellation is not None:
        return order.cancellation.reason
    return order.completion.cancel_reason if order.completion else None


def lines_of(order: OrderState, line_ids: Iterable[str]) -> tuple[tuple[str, OrderLineSummary | None], ...]:
    """The present lines; None for a line that is gone and had nothing delivered."""
    return tuple([(line_id, _line(order, line_id)) for line_id in line_ids])


def _line(order: OrderState, line_id: str) -> OrderLineSummary | None:
    line = order.lines[line_id]
    ordered, delivered = line.ordered, line.delivered
    if not ordered.quantity and not delivered:
        return None
    return OrderLineSummary(
        line_id,
        ordered.sku,
        ordered.kind,
        ordered.quantity,
        line.booked or ZERO,
        delivered,
        delivered - ordered.quantity if delivered > ordered.quantity else ZERO,
        line.returned or ZERO,
        ordered.unit_price,
        ordered.promised_by or order.promised_by,
        line.full_since if delivered else None,
    )


def shipments_of(order: OrderState, shipment_ids: Iterable[str]) -> tuple[ShipmentSummary, ...]:
    """The present shipments."""
    return tuple([_shipment(order, shipment_id) for shipment_id in shipment_ids])


def _shipment(order: OrderState, shipment_id: str) -> ShipmentSummary:
    shipment = order.shipments[shipment_id]
    return ShipmentSummary(
        shipment_id,
        shipment.mode,
        shipment.carrier,
        shipment.service_level,
        shipment.tracking_number,
        shipment.booked_at,
        shipment.dispatched_at,
        shipment.estimated_delivery,
        shipment.booking.estimated_delivery,
        shipment.delivered_at,
        shipment.cancelled_at,
        shipment.attempts,
        tuple(shipment.parcels),
        shipment.parcels_delivered,
        shipment.cost,
        shipment.signed_by,
        shipment.promised_by,
        shipment.delay_reason,
        shipment.cancel_reason,
    )


def expedites_of(order: OrderState, request_ids: Iterable[str]) -> tuple[ExpediteSummary, ...]:
    """The present expedite requests."""
    return tuple([_expedite(order, request_id) for request_id in request_ids])


def _expedite(order: OrderState, request_id: str) -> ExpediteSummary:
    expedite = order.expedites[request_id]
    granted = expedite.granted
    return ExpediteSummary(
        request_id,
        expedite.requested_at,
        expedite.request.needed_by,
        expedite.request.requested_by,
        "granted" if granted else "declined" if expedite.declined else None,
        expedite.decided_at,
        granted.promised_by if granted else None,
        granted.surcharge if granted else None,
        expedite.informed_at,
    )
