"""`evolve` for shipments and goods: how facts change an order when they take effect at `at` (UTC)."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

import msgspec

from domain.order.events import (
    DeliveryAttempted,
    DeliveryConfirmed,
    DeliveryReturned,
    LineQuantity,
    ShipmentBooked,
    ShipmentCancelled,
    ShipmentDelayed,
    ShipmentDispatched,
    ShipmentRebooked,
)
from domain.order.shipment import Confirmation, Quantities, Shipment
from domain.order.state import ZERO, OrderState

UNSET = msgspec.UNSET


def booked(order: OrderState, fact: ShipmentBooked, at: datetime) -> None:
    carried = order.left_to_book() if fact.lines is None else quantities(fact.lines)
    shipment = Shipment(
        fact,
        at,
        fact.mode,
        fact.carrier,
        carried,
        dict(carried),
        fact.service_level,
        fact.estimated_delivery,
        fact.cost,
        fact.tracking_number,
    )
    if fact.parcels is not None:
        shipment.parcels = dict.fromkeys(fact.parcels)
    order.shipments[fact.shipment_id] = shipment
    order.go_live(shipment)
    order.touched_shipments.append(fact.shipment_id)


def rebooked(order: OrderState, fact: ShipmentRebooked, at: datetime) -> None:
    shipment = order.shipments[fact.shipment_id]
    order.remove_from_live(shipment)
    if fact.carrier is not UNSET:
        shipment.carrier = fact.carrier
    if fact.mode is not UNSET:
        shipment.mode = fact.mode
    if fact.service_level is not UNSET:
        shipment.service_level = fact.service_level
    if fact.estimated_delivery is not UNSET:
        shipment.estimated_delivery = fact.estimated_delivery
    if fact.cost is not UNSET:
        shipment.cost = fact.cost
    if fact.tracking_number is not UNSET:
        shipment.tracking_number = fact.tracking_number
    if fact.parcels is not UNSET:
        shipment.parcels = {parcel: shipment.parcels.get(parcel) for parcel in fact.parcels or ()}
        shipment.parcels_confirmed = sum(confirmed is not None for confirmed in shipment.parcels.values())
    if fact.lines is not UNSET:
        order.carry(shipment.left.items(), -1)
        shipment.carried = quantities(fact.lines)
        undelivered = {line: carried - shipment.delivered.get(line, ZERO) for line, carried in shipment.carried.items()}
        shipment.left = {line: quantity for line, quantity in undelivered.items() if quantity > 0}
        order.carry(shipment.left.items(), 1)
    if shipment.left:
        order.add_to_live(shipment)
    order.touched_shipments.append(fact.shipment_id)


def dispatched(order: OrderState, fact: ShipmentDispatched, at: datetime) -> None:
    order.shipments[fact.shipment_id].dispatched_at = at
    order.live_dispatched += 1
    order.touched_shipments.append(fact.shipment_id)


def delayed(order: OrderState, fact: ShipmentDelayed, at: datetime) -> None:
    shipment = order.shipments[fact.shipment_id]
    order.move(shipment, fact.estimated_delivery)
    shipment.delay_reason = fact.reason
    order.touched_shipments.append(fact.shipment_id)


def shipment_cancelled(order: OrderState, fact: ShipmentCancelled, at: datetime) -> None:
    cancel_shipment(order, order.shipments[fact.shipment_id], at, fact.reason)


def cancel_shipment(order: OrderState, shipment: Shipment, at: datetime, reason: str) -> None:
    """End a live shipment; its undelivered part is left to book again."""
    order.end(shipment)
    shipment.cancelled_at = at
    shipment.cancel_reason = reason
    order.touched_shipments.append(shipment.shipment_id)


def attempted(order: OrderState, fact: DeliveryAttempted, at: datetime) -> None:
    order.attempts += 1
    order.shipments[fact.shipment_id].attempts += 1
    order.touched_shipments.append(fact.shipment_id)


def confirmed(order: OrderState, fact: DeliveryConfirmed, at: datetime) -> None:
    shipment = order.shipments[fact.shipment_id]
    if shipment.cancelled_at is not None:
        # It was found, or it was shipped despite the cancellation.
        shipment.cancelled_at = shipment.cancel_reason = None
        order.go_live(shipment)
    handed_over = _handed_over(shipment, fact)
    for line, quantity in handed_over.items():
        _hand_over(order, shipment, line, quantity, at)
    if handed_over:
        order.last_delivered_at = shipment.confirmed_at = at
        shipment.promised_by = order.promised_by
        before = shipment.confirmed
        at_that_time = before.deliveries if before is not None and before.time == fact.occurred_at else ()
        shipment.confirmed = Confirmation(fact.occurred_at, (*at_that_time, handed_over))
    if fact.parcel is not None:
        shipment.parcels[fact.parcel] = Confirmation(fact.occurred_at, (handed_over,))
        shipment.parcels_confirmed += 1
    if fact.signed_by is not None:
        shipment.signed_by = fact.signed_by
    if not shipment.left:
        order.remove_from_live(shipment)
    order.last_confirmed = fact.shipment_id
    order.touched_shipments.append(fact.shipment_id)


def _handed_over(shipment: Shipment, fact: DeliveryConfirmed) -> Quantities:
    """The quantities that the confirmation delivers, by line."""
    if fact.parcel is None:
        return dict(shipment.left) if fact.lines is None else quantities(fact.lines)
    named = quantities(fact.lines or ())
    if shipment.parcels_confirmed < len(shipment.parcels) - 1:
        return named
    # The last parcel delivers the rest, plus any surplus that the message names.
    return {**shipment.left, **{line: max(n, shipment.left.get(line, ZERO)) for line, n in named.items()}}


def _hand_over(order: OrderState, shipment: Shipment, line: str, quantity: Decimal, at: datetime) -> None:
    left = shipment.left.pop(line, ZERO)
    if quantity < left:
        shipment.left[line] = left - quantity
        left = quantity
    shipment.delivered[line] = shipment.delivered[line] + quantity if line in shipment.delivered else quantity
    order.deliver(line, quantity, left, at)


def returned(order: OrderState, fact: DeliveryReturned, at: datetime) -> None:
    shipment = order.shipments[fact.shipment_id]
    came_back = shipment.returnable() if fact.lines is None else quantities(fact.lines)
    for line_id, quantity in came_back.items():
        shipment.returned[line_id] = shipment.returned.get(line_id, ZERO) + quantity
        line = order.lines[line_id]
        line.returned += quantity
        if fact.replace:
            order.take_back(line_id, quantity)
        else:
            order.touched_lines.append(line_id)
    order.touched_shipments.append(fact.shipment_id)


def quantities(lines: Iterable[LineQuantity]) -> Quantities:
    return {line.line: line.quantity for line in lines}
