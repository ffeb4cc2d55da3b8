"""`evolve` for orders: how each fact changes an order when it takes effect at the instant `at` (UTC).

For shipments and goods see domain/order/shipping.py.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from domain.currency import EXACT, rounded
from domain.fact import Fact
from domain.order.delays import end_delay, let_time_pass, weigh_news
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
    OrderLine,
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
from domain.order.shipping import (
    attempted,
    booked,
    cancel_shipment,
    confirmed,
    delayed,
    dispatched,
    rebooked,
    returned,
    shipment_cancelled,
)
from domain.order.state import ZERO, Cancellation, Completion, Expedite, FollowUp, Line, OrderState


def evolve(order: OrderState, fact: Fact, at: datetime) -> None:
    """Let the fact take effect. It changes `order` in place, which belongs to the calling settling."""
    if at != order.instant:
        if (order.promised_by < at or order.follow_ups) and order.placing is not None:
            let_time_pass(order, at)
        order.instant = at
    if order.touched_lines:
        order.touched_lines = []
    if order.touched_shipments:
        order.touched_shipments = []
    if order.touched_expedites:
        order.touched_expedites = []
    EVOLUTIONS[type(fact)](order, fact, at)
    if (order.live or order.expected_late is not None) and type(fact) not in NO_NEWS:
        weigh_news(order, fact, at)


# -- the order -----------------------------------------------------------------------------------


def _placed(order: OrderState, fact: OrderPlaced, at: datetime) -> None:
    order.placing = fact
    order.rep_id = fact.rep_id
    order.promised_by = fact.promised_by
    goods = charges = ZERO
    for ordered in fact.lines:
        line = order.lines[ordered.line] = Line(ordered)
        order.recount(line)
        if line.owed:
            goods = EXACT.fma(ordered.quantity, ordered.unit_price, goods)
        else:
            charges = EXACT.fma(ordered.quantity, ordered.unit_price, charges)
    order.open_amount = goods
    order.order_value = rounded(EXACT.add(goods, charges) if charges else goods, fact.currency)
    order.touched_lines = list(order.lines)


def _amended(order: OrderState, fact: OrderAmended, at: datetime) -> None:
    _set_lines(order, fact.lines)
    if is_delivered_in_full(order):
        complete(order, at, short=True)


def _set_lines(order: OrderState, lines: Iterable[OrderLine]) -> None:
    """Replace the lines. A line that is left out is gone; a line without a sku keeps its sku."""
    gone = dict(order.lines)
    for ordered in lines:
        line = gone.pop(ordered.line, None)
        if line is None:
            order.lines[ordered.line] = Line(ordered)
        elif ordered.sku is None and line.ordered.sku is not None:
            line.ordered = msgspec.structs.replace(ordered, sku=line.ordered.sku)
        else:
            line.ordered = ordered
    for line in gone.values():
        _set_quantity(line, ZERO)
    _count_lines(order)


def _set_quantity(line: Line, quantity: Decimal) -> None:
    if line.ordered.quantity != quantity:
        line.ordered = msgspec.structs.replace(line.ordered, quantity=quantity)


def _count_lines(order: OrderState) -> None:
    """Update what is owed and the order's value after its lines changed."""
    open_amount = worth = ZERO
    for line in order.lines.values():
        order.recount(line)
        ordered = line.ordered
        worth = EXACT.fma(ordered.quantity, ordered.unit_price, worth)
        if line.owed:
            open_amount = EXACT.fma(ordered.quantity - line.delivered, ordered.unit_price, open_amount)
    order.open_amount = open_amount
    assert order.placing is not None
    order.order_value = rounded(worth, order.placing.currency)
    order.touched_lines += order.lines


def _reassigned(order: OrderState, fact: OrderReassigned, at: datetime) -> None:
    order.rep_id = fact.rep_id


def _rescheduled(order: OrderState, fact: OrderRescheduled, at: datetime) -> None:
    _promise(order, fact.promised_by)


def _promise(order: OrderState, promised_by: datetime) -> None:
    """Set a new promise. What the customer knows about delays was about an earlier promise."""
    order.promised_by = promised_by
    order.told_of_delay = False
    order.touched_lines += order.lines


def _cancelled(order: OrderState, fact: OrderCancelled, at: datetime) -> None:
    """Cancel the order if nothing was delivered. Else close its rest: the delivered quantities are all of it."""
    for shipment in list(order.live_shipments()):
        cancel_shipment(order, shipment, at, fact.reason)
    if not order.lines_delivered:
        order.cancellation = Cancellation(at, fact.reason)
        end_delay(order)
        return
    for line in order.lines.values():
        if line.owed:
            _set_quantity(line, line.delivered)
    _count_lines(order)
    complete(order, at, short=True, cancel_reason=fact.reason)


def _reinstated(order: OrderState, fact: OrderReinstated, at: datetime) -> None:
    order.cancellation = None
    _promise(order, fact.promised_by or order.promised_by)
    order.reinstated_for = order.promised_by


def is_delivered_in_full(order: OrderState) -> bool:
    return order.lines_delivered > 0 and not order.lines_owed


def complete(order: OrderState, at: datetime, *, short: bool = False, cancel_reason: str | None = None) -> None:
    """From now on nothing is owed."""
    order.completion = Completion(at, order.rep_id, short, cancel_reason)
    order.short = short
    if at <= order.promised_by:
        end_delay(order)


# -- getting it there faster ---------------------------------------------------------------------


def _expedite_requested(order: OrderState, fact: ExpediteRequested, at: datetime) -> None:
    order.expedites[fact.request_id] = Expedite(fact, at)
    order.undecided += 1
    order.touched_expedites.append(fact.request_id)


def _expedite_granted(order: OrderState, fact: ExpediteGranted, at: datetime) -> None:
    expedite = order.expedites[fact.request_id]
    expedite.granted = fact
    expedite.decided_at = at
    order.undecided -= 1
    order.latest_decision = "granted"
    order.touched_expedites.append(fact.request_id)
    _promise(order, fact.promised_by)


def _expedite_declined(order: OrderState, fact: ExpediteDeclined, at: datetime) -> None:
    expedite = order.expedites[fact.request_id]
    expedite.declined = fact
    expedite.decided_at = at
    order.undecided -= 1
    order.latest_decision = "declined"
    order.touched_expedites.append(fact.request_id)
    if expedite.informed_at is None:
        order.follow_ups += (FollowUp("expedite", at, fact.request_id),)


def _customer_informed(order: OrderState, fact: CustomerInformed, at: datetime) -> None:
    if fact.about == "delay":
        order.told_of_delay = True
        end_delay(order)
    elif fact.about == "expedite":
        _told_of_expedites(order, fact.request_id, at)


def _told_of_expedites(order: OrderState, request_id: str | None, at: datetime) -> None:
    """It is about the named request, decided or not; without one, about all decided requests."""
    for told in list(order.expedites) if request_id is None else [request_id]:
        expedite = order.expedites[told]
        if expedite.informed_at is None and (request_id is not None or expedite.decision is not None):
            expedite.informed_at = at
            order.touched_expedites.append(told)
    if order.follow_ups:
        order.follow_ups = tuple(
            owed
            for owed in order.follow_ups
            if owed.about != "expedite" or (request_id is not None and owed.request_id != request_id)
        )


# -- goods ---------------------------------------------------------------------------------------


def _confirmed(order: OrderState, fact: DeliveryConfirmed, at: datetime) -> None:
    confirmed(order, fact, at)
    if not order.closed and is_delivered_in_full(order):
        complete(order, at)


def _returned(order: OrderState, fact: DeliveryReturned, at: datetime) -> None:
    returned(order, fact, at)
    if order.completion is not None and order.lines_owed:
        order.completion = None
        order.reopened_at = at


NO_NEWS = frozenset(
    (
        OrderReassigned,
        ExpediteRequested,
        ExpediteDeclined,
        CustomerInformed,
        ShipmentDispatched,
        DeliveryAttempted,
    )
)
"""Facts that change neither the expected arrival nor the promise."""

Evolution = Callable[[OrderState, Any, datetime], None]

EVOLUTIONS: dict[type[Fact], Evolution] = {
    OrderPlaced: _placed,
    OrderAmended: _amended,
    OrderReassigned: _reassigned,
    OrderRescheduled: _rescheduled,
    OrderCancelled: _cancelled,
    OrderReinstated: _reinstated,
    ExpediteRequested: _expedite_requested,
    ExpediteGranted: _expedite_granted,
    ExpediteDeclined: _expedite_declined,
    CustomerInformed: _customer_informed,
    ShipmentBooked: booked,
    ShipmentRebooked: rebooked,
    ShipmentDispatched: dispatched,
    ShipmentDelayed: delayed,
    ShipmentCancelled: shipment_cancelled,
    DeliveryAttempted: attempted,
    DeliveryConfirmed: _confirmed,
    DeliveryReturned: _returned,
}
