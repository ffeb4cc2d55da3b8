"""`decide` for orders: the rules, judged at a fact's place by what took effect before it.

Each rule takes the order and the fact. It returns None if the fact may take effect, or else the objection. The order of
the checks in a rule matters: first what is already so (duplicate), then what is unknown (held), then what is forbidden
(refused). The rules for shipments and goods are in domain/order/shipping_rules.py. A fact with the source, type, time
and data of an applied one is a duplicate for all kinds of subject; see domain/settling.py.
"""

from collections.abc import Callable
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
from domain.order.shipping_rules import (
    booked,
    closed,
    confirmed,
    dispatched,
    of_open_shipment,
    rebooked,
    returned,
    shipment_cancelled,
)
from domain.order.state import ZERO, Line, OrderState
from domain.verdict import Objection, already_so, forbidden, waits_for


def decide(order: OrderState, fact: Fact) -> Objection | None:
    """Judge one fact against the present state of the order."""
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
        return closed(order)
    if not order.lines_delivered:
        return None
    amended = {line.line: line for line in fact.lines}
    for line_id, line in order.lines.items():
        if not line.delivered:
            continue
        now = amended.get(line_id)
        quantity = now.quantity if now else ZERO
        if quantity < min(line.delivered, line.ordered.quantity):
            return forbidden(f"line {line_id} would fall to {quantity:f}, of which {line.delivered:f} were delivered")
        if now is not None and now.kind != line.ordered.kind:
            return forbidden(f"line {line_id} would become {now.kind}, but something was delivered of it")
        if now is not None and _has_other_sku(line, now.sku):
            return forbidden(
                f"line {line_id} would name sku {now.sku}, but {line.delivered:f} of {line.ordered.sku} were delivered"
            )
    return None


def _has_other_sku(line: Line, sku: str | None) -> bool:
    """Without a sku it stays unchanged, and a line without a sku may get one."""
    return sku is not None and line.ordered.sku is not None and sku != line.ordered.sku


def _reassigned(order: OrderState, fact: OrderReassigned) -> Objection | None:
    return None


def _rescheduled(order: OrderState, fact: OrderRescheduled) -> Objection | None:
    return closed(order) if order.closed else None


def _cancelled(order: OrderState, fact: OrderCancelled) -> Objection | None:
    if order.cancellation is not None:
        return already_so("the order was cancelled before")
    if order.completion is None:
        return None
    if order.completion.cancel_reason is not None:
        return already_so("the order's rest was cancelled before")
    return closed(order)


def _reinstated(order: OrderState, fact: OrderReinstated) -> Objection | None:
    if order.cancellation is not None:
        return None
    if order.reinstated_for is None:
        return forbidden("the order is not cancelled")
    if fact.promised_by in (None, order.reinstated_for, order.promised_by):
        return already_so("the order was reinstated before")
    return forbidden(
        f"the order was reinstated before, with the promise {order.reinstated_for.isoformat()}; "
        "use order.rescheduled.v1 for another one"
    )


def _expedite_requested(order: OrderState, fact: ExpediteRequested) -> Objection | None:
    expedite = order.expedites.get(fact.request_id)
    if expedite is not None:
        if fact.says_the_same_as(expedite.request):
            return already_so(f"request {fact.request_id} was made before, with the same content")
        return forbidden(f"request_id {fact.request_id} was used before on this order, with other content")
    return closed(order) if order.closed else None


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
        return closed(order)
    if fact.promised_by > order.promised_by:
        return forbidden(
            f"promised_by {fact.promised_by.isoformat()} is later than the promise it replaces, "
            f"{order.promised_by.isoformat()}; use order.rescheduled.v1 for a later promise"
        )
    return None


def _customer_informed(order: OrderState, fact: CustomerInformed) -> Objection | None:
    if fact.request_id is not None and fact.request_id not in order.expedites:
        return waits_for(f"request {fact.request_id}")
    return None


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
    ShipmentBooked: booked,
    ShipmentRebooked: rebooked,
    ShipmentDispatched: dispatched,
    ShipmentDelayed: of_open_shipment,
    ShipmentCancelled: shipment_cancelled,
    DeliveryAttempted: of_open_shipment,
    DeliveryConfirmed: confirmed,
    DeliveryReturned: returned,
    OrderReinstated: _reinstated,
}
