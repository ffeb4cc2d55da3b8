"""What may happen to an order, judged at a fact's place by what took effect before it.

Each rule looks at the order and the fact and returns None when the fact may take effect, or the objection. The order of
the checks in a rule matters: what is already so (duplicate), then what is not known (held), then what is forbidden.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from domain.fact import Fact
from domain.order.events import (
    CustomerInformed,
    DeliveryAttempted,
    DeliveryConfirmed,
    DeliveryReturned,
    ExpediteDeclined,
    ExpediteGranted,
    ExpediteRequested,
    LineQuantity,
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
from domain.order.state import ZERO, OrderState
from domain.verdict import Objection, already_so, forbidden, waits_for


def decide(order: OrderState, fact: Fact) -> Objection | None:
    """Judge one fact against the order as it stands."""
    if order.placing is None and not isinstance(fact, OrderPlaced):
        return waits_for("order", order.order_id)
    return RULES[type(fact)](order, fact)


def _placed(order: OrderState, fact: OrderPlaced) -> Objection | None:
    if order.placing is None:
        return None
    if fact.says_the_same_as(order.placing):
        return already_so("the order was placed before, with the same content")
    return forbidden("the order was placed before, with other content; use order.amended.v1 to change it")


def _amended(order: OrderState, fact: OrderAmended) -> Objection | None:
    if order.closed:
        return _closed(order)
    amended = {line.line: line.quantity for line in fact.lines}
    for line, delivered in order.delivered.items():
        if amended.get(line, ZERO) < delivered:
            return forbidden(
                f"line {line} would fall to {amended.get(line, ZERO):f}, of which {delivered:f} were delivered"
            )
    return None


def _reassigned(order: OrderState, fact: OrderReassigned) -> Objection | None:
    return None


def _rescheduled(order: OrderState, fact: OrderRescheduled) -> Objection | None:
    return _closed(order) if order.closed else None


def _cancelled(order: OrderState, fact: OrderCancelled) -> Objection | None:
    if order.cancelled:
        return already_so("the order was cancelled before")
    if order.completion is not None:
        return _closed(order)
    if order.delivered:
        return forbidden("part of the order was delivered; close the rest with order.amended.v1")
    return None


def _expedite_requested(order: OrderState, fact: ExpediteRequested) -> Objection | None:
    expedite = order.expedites.get(fact.request_id)
    if expedite is not None:
        if fact.says_the_same_as(expedite.request):
            return already_so(f"request {fact.request_id} was made before, with the same content")
        return forbidden(f"request_id {fact.request_id} was used before on this order, with other content")
    return _closed(order) if order.closed else None


def _expedite_decided(order: OrderState, fact: ExpediteGranted | ExpediteDeclined) -> Objection | None:
    expedite = order.expedites.get(fact.request_id)
    if expedite is None:
        return waits_for(f"request {fact.request_id}")
    if expedite.decision is not None:
        if fact.says_the_same_as(expedite.decision):
            return already_so(f"request {fact.request_id} was decided before, in the same way")
        return forbidden(f"request {fact.request_id} was decided before, in another way")
    return None


def _expedite_granted(order: OrderState, fact: ExpediteGranted) -> Objection | None:
    objection = _expedite_decided(order, fact)
    if objection is not None:
        return objection
    if order.closed:
        return _closed(order)
    if order.promised_by is not None and fact.promised_by > order.promised_by:
        return forbidden(
            f"promised_by {fact.promised_by.isoformat()} is later than the promise it replaces, "
            f"{order.promised_by.isoformat()}; use order.rescheduled.v1 for a later promise"
        )
    return None


def _customer_informed(order: OrderState, fact: CustomerInformed) -> Objection | None:
    if fact.request_id is not None and fact.request_id not in order.expedites:
        return waits_for(f"request {fact.request_id}")
    return None


def _booked(order: OrderState, fact: ShipmentBooked) -> Objection | None:
    shipment = order.shipments.get(fact.shipment_id)
    if shipment is not None:
        if fact.says_the_same_as(shipment.booking):
            return already_so(f"shipment {fact.shipment_id} was booked before, with the same content")
        return forbidden(f"shipment_id {fact.shipment_id} was used before on this order, with other content")
    if order.closed:
        return _closed(order)
    left = order.left_to_book()
    if not left:
        return forbidden("nothing is left to book")
    for line in fact.lines or ():
        if line.line not in order.lines:
            return forbidden(f"line {line.line} does not exist on the order")
        if line.quantity > left.get(line.line, ZERO):
            return _more_than_left(line, left.get(line.line, ZERO), "to book")
    return None


def _of_open_shipment(
    order: OrderState,
    fact: ShipmentRebooked
    | ShipmentDispatched
    | ShipmentDelayed
    | DeliveryAttempted
    | DeliveryConfirmed
    | ShipmentCancelled,
) -> Objection | None:
    shipment = order.shipments.get(fact.shipment_id)
    if shipment is None:
        return waits_for(f"shipment {fact.shipment_id}")
    if shipment.cancelled:
        return forbidden(f"shipment {fact.shipment_id} was cancelled")
    if shipment.delivered_whole:
        return forbidden(f"shipment {fact.shipment_id} was delivered in whole")
    return None


def _dispatched(order: OrderState, fact: ShipmentDispatched) -> Objection | None:
    shipment = order.shipments.get(fact.shipment_id)
    if shipment is not None and shipment.dispatched:
        return already_so(f"shipment {fact.shipment_id} was dispatched before")
    if shipment is not None and shipment.delivered_whole:
        return already_so(f"shipment {fact.shipment_id} was delivered in whole before")
    return _of_open_shipment(order, fact)


def _shipment_cancelled(order: OrderState, fact: ShipmentCancelled) -> Objection | None:
    shipment = order.shipments.get(fact.shipment_id)
    if shipment is not None and shipment.cancelled:
        return already_so(f"shipment {fact.shipment_id} was cancelled before")
    return _of_open_shipment(order, fact)


def _confirmed(order: OrderState, fact: DeliveryConfirmed) -> Objection | None:
    shipment = order.shipments.get(fact.shipment_id)
    if shipment is not None and shipment.delivered_whole and fact.lines is None:
        return already_so(f"shipment {fact.shipment_id} was confirmed before, with nothing left")
    objection = _of_open_shipment(order, fact)
    if objection is not None or shipment is None:
        return objection
    for line in fact.lines or ():
        if line.quantity > shipment.left.get(line.line, ZERO):
            return _more_than_left(line, shipment.left.get(line.line, ZERO), f"on shipment {fact.shipment_id}")
    return None


def _returned(order: OrderState, fact: DeliveryReturned) -> Objection | None:
    if fact.shipment_id not in order.shipments:
        return waits_for(f"shipment {fact.shipment_id}")
    return None


def _reinstated(order: OrderState, fact: OrderReinstated) -> Objection | None:
    return None if order.cancelled else forbidden("the order is not cancelled")


def _closed(order: OrderState) -> Objection:
    return forbidden("the order is cancelled" if order.cancelled else "the order is delivered in full")


def _more_than_left(line: LineQuantity, left: Decimal, where: str) -> Objection:
    return forbidden(f"line {line.line}: {line.quantity:f} is more than the {left:f} left {where}")


Rule = Callable[[OrderState, Any], Objection | None]

RULES: dict[type[Fact], Rule] = {
    OrderPlaced: _placed,
    OrderAmended: _amended,
    OrderReassigned: _reassigned,
    OrderRescheduled: _rescheduled,
    OrderCancelled: _cancelled,
    ExpediteRequested: _expedite_requested,
    ExpediteGranted: _expedite_granted,
    ExpediteDeclined: _expedite_decided,
    CustomerInformed: _customer_informed,
    ShipmentBooked: _booked,
    ShipmentRebooked: _of_open_shipment,
    ShipmentDispatched: _dispatched,
    ShipmentDelayed: _of_open_shipment,
    ShipmentCancelled: _shipment_cancelled,
    DeliveryAttempted: _of_open_shipment,
    DeliveryConfirmed: _confirmed,
    DeliveryReturned: _returned,
    OrderReinstated: _reinstated,
}
