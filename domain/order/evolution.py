"""What each fact makes of an order, once the rules let it take effect at the instant `at` (UTC)."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from domain.fact import Fact
from domain.order.events import (
    CustomerInformed,
    DeliveryAttempted,
    DeliveryConfirmed,
    DeliveryReturned,
    ExpediteDeclined,
    ExpediteGranted,
    ExpediteRequested,
    OrderAmended,
    OrderCancelled,
    OrderPlaced,
    OrderReassigned,
    OrderReinstated,
    OrderRescheduled,
    ShipmentBooked,
    ShipmentCancelled,
    ShipmentDelayed,
    ShipmentDispatched,
    ShipmentRebooked,
)
from domain.order.state import ZERO, Completion, Expedite, FollowUp, OrderState, Shipment


def evolve(order: OrderState, fact: Fact, at: datetime) -> None:
    """Let the fact take effect. `order` is changed in place; it belongs to the settling that calls this."""
    EVOLUTIONS[type(fact)](order, fact, at)


def _placed(order: OrderState, fact: OrderPlaced, at: datetime) -> None:
    order.placing = fact
    order.rep_id = fact.rep_id
    order.promised_by = fact.promised_by
    order.lines = {line.line: line for line in fact.lines}


def _amended(order: OrderState, fact: OrderAmended, at: datetime) -> None:
    order.lines = {line.line: line for line in fact.lines}
    _complete_when_delivered_in_full(order, at)


def _reassigned(order: OrderState, fact: OrderReassigned, at: datetime) -> None:
    order.rep_id = fact.rep_id


def _rescheduled(order: OrderState, fact: OrderRescheduled, at: datetime) -> None:
    order.promised_by = fact.promised_by


def _cancelled(order: OrderState, fact: OrderCancelled, at: datetime) -> None:
    for shipment in order.live_shipments():
        shipment.cancel()
    order.live = {}
    order.cancelled = True


def _expedite_requested(order: OrderState, fact: ExpediteRequested, at: datetime) -> None:
    order.expedites[fact.request_id] = Expedite(request=fact)
    order.undecided += 1


def _expedite_granted(order: OrderState, fact: ExpediteGranted, at: datetime) -> None:
    order.expedites[fact.request_id].granted = fact
    order.promised_by = fact.promised_by
    order.undecided -= 1
    order.latest_decision = "granted"


def _expedite_declined(order: OrderState, fact: ExpediteDeclined, at: datetime) -> None:
    expedite = order.expedites[fact.request_id]
    expedite.declined = fact
    order.undecided -= 1
    order.latest_decision = "declined"
    if not expedite.customer_informed:
        order.follow_ups += (FollowUp("expedite", at, fact.request_id),)


def _customer_informed(order: OrderState, fact: CustomerInformed, at: datetime) -> None:
    if fact.about == "expedite" and fact.request_id is not None:
        order.expedites[fact.request_id].customer_informed = True
    order.follow_ups = tuple(
        owed
        for owed in order.follow_ups
        if not (
            owed.about == fact.about
            and (owed.about == "delay" or fact.request_id is None or fact.request_id == owed.request_id)
        )
    )


def _booked(order: OrderState, fact: ShipmentBooked, at: datetime) -> None:
    if fact.lines is None:
        carried = order.left_to_book()
    else:
        carried = {line.line: line.quantity for line in fact.lines}
    order.shipments[fact.shipment_id] = Shipment(
        booking=fact,
        mode=fact.mode,
        carrier=fact.carrier,
        estimated_delivery=fact.estimated_delivery,
        left=carried,
    )
    order.live[fact.shipment_id] = None


def _rebooked(order: OrderState, fact: ShipmentRebooked, at: datetime) -> None:
    shipment = order.shipments[fact.shipment_id]
    if fact.estimated_delivery is not msgspec.UNSET:
        shipment.estimated_delivery = fact.estimated_delivery
    if fact.carrier is not msgspec.UNSET:
        shipment.carrier = fact.carrier
    if fact.mode is not msgspec.UNSET:
        shipment.mode = fact.mode


def _dispatched(order: OrderState, fact: ShipmentDispatched, at: datetime) -> None:
    order.shipments[fact.shipment_id].dispatched = True


def _delayed(order: OrderState, fact: ShipmentDelayed, at: datetime) -> None:
    order.shipments[fact.shipment_id].estimated_delivery = fact.estimated_delivery
    estimate = fact.estimated_delivery
    past_the_promise = order.promised_by is not None and estimate is not None and estimate > order.promised_by
    if past_the_promise and not any(owed.about == "delay" for owed in order.follow_ups):
        order.follow_ups += (FollowUp("delay", at),)


def _shipment_cancelled(order: OrderState, fact: ShipmentCancelled, at: datetime) -> None:
    order.shipments[fact.shipment_id].cancel()
    del order.live[fact.shipment_id]


def _attempted(order: OrderState, fact: DeliveryAttempted, at: datetime) -> None:
    order.attempts += 1


def _confirmed(order: OrderState, fact: DeliveryConfirmed, at: datetime) -> None:
    shipment = order.shipments[fact.shipment_id]
    if fact.lines is None:
        handed_over = dict(shipment.left)
    else:
        handed_over = {line.line: line.quantity for line in fact.lines}
    for line, quantity in handed_over.items():
        order.delivered[line] = order.delivered.get(line, ZERO) + quantity
        _take_from(shipment.left, line, quantity)
    if not shipment.left:
        del order.live[fact.shipment_id]
    order.last_confirmed = fact.shipment_id
    _complete_when_delivered_in_full(order, at)


def _returned(order: OrderState, fact: DeliveryReturned, at: datetime) -> None:
    pass


def _reinstated(order: OrderState, fact: OrderReinstated, at: datetime) -> None:
    order.cancelled = False
    order.promised_by = fact.promised_by or order.promised_by


def _take_from(left: dict[str, Decimal], line: str, quantity: Decimal) -> None:
    left[line] -= quantity
    if not left[line]:
        del left[line]


def _complete_when_delivered_in_full(order: OrderState, at: datetime) -> None:
    if not order.closed and order.delivered_in_full():
        order.completion = Completion(at, order.rep_id)


Evolution = Callable[[OrderState, Any, datetime], None]

EVOLUTIONS: dict[type[Fact], Evolution] = {
    OrderPlaced: _placed,
    OrderAmended: _amended,
    OrderReassigned: _reassigned,
    OrderRescheduled: _rescheduled,
    OrderCancelled: _cancelled,
    ExpediteRequested: _expedite_requested,
    ExpediteGranted: _expedite_granted,
    ExpediteDeclined: _expedite_declined,
    CustomerInformed: _customer_informed,
    ShipmentBooked: _booked,
    ShipmentRebooked: _rebooked,
    ShipmentDispatched: _dispatched,
    ShipmentDelayed: _delayed,
    ShipmentCancelled: _shipment_cancelled,
    DeliveryAttempted: _attempted,
    DeliveryConfirmed: _confirmed,
    DeliveryReturned: _returned,
    OrderReinstated: _reinstated,
}
