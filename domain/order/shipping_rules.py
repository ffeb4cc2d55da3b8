"""`decide` for shipments and goods.

Plans can be refused, but facts about goods cannot. So bookings may carry only what is left of the order, while a
delivery that differs from the plan is taken and the difference is shown.
"""

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
from domain.order.shipment import Confirmation, Shipment
from domain.order.state import ZERO, OrderState
from domain.verdict import Objection, already_so, forbidden, waits_for


def closed(order: OrderState) -> Objection:
    return forbidden("the order is cancelled" if order.cancellation is not None else "the order is complete")


# -- bookings ------------------------------------------------------------------------------------


def booked(order: OrderState, fact: ShipmentBooked) -> Objection | None:
    shipment = order.shipments.get(fact.shipment_id)
    if shipment is not None:
        if fact.says_the_same_as(shipment.booking):
            return already_so(f"shipment {fact.shipment_id} was booked before, with the same content")
        return forbidden(f"shipment_id {fact.shipment_id} was used before on this order, with other content")
    if order.closed:
        return closed(order)
    if not order.lines_left:
        return forbidden("nothing is left to book")
    for line in fact.lines or ():
        objection = _is_bookable(order, line, ZERO)
        if objection is not None:
            return objection
    return None


def _is_bookable(order: OrderState, wanted: LineQuantity, carried: Decimal) -> Objection | None:
    """Whether a shipment that carries this much of the line may carry the wanted quantity."""
    line = order.lines.get(wanted.line)
    if wanted.quantity <= carried:
        return None
    if line is None or line.is_gone:
        return forbidden(f"line {wanted.line} does not exist on the order")
    if not line.is_goods:
        return forbidden(f"line {wanted.line} is a charge, which is never shipped")
    if wanted.quantity > carried + line.left_to_book:
        return forbidden(
            f"line {wanted.line}: {wanted.quantity:f} is more than the {carried + line.left_to_book:f} left to book"
        )
    return None


def rebooked(order: OrderState, fact: ShipmentRebooked) -> Objection | None:
    objection = of_open_shipment(order, fact)
    if objection is not None or fact.lines is msgspec.UNSET:
        return objection
    shipment = order.shipments[fact.shipment_id]
    wanted = {line.line: line.quantity for line in fact.lines}
    for line_id, delivered in shipment.delivered.items():
        quantity = wanted.get(line_id, ZERO)
        if quantity < min(delivered, shipment.carried.get(line_id, ZERO)):
            return forbidden(
                f"line {line_id} of shipment {fact.shipment_id} would fall to {quantity:f}, "
                f"of which {delivered:f} were delivered"
            )
    for line in fact.lines:
        objection = _is_bookable(order, line, shipment.carried.get(line.line, ZERO))
        if objection is not None:
            return objection
    return None


# -- on the way ----------------------------------------------------------------------------------


def of_open_shipment(
    order: OrderState,
    fact: ShipmentRebooked | ShipmentDispatched | ShipmentDelayed | DeliveryAttempted | ShipmentCancelled,
) -> Objection | None:
    shipment = order.shipments.get(fact.shipment_id)
    if shipment is None:
        return waits_for(f"shipment {fact.shipment_id}")
    if shipment.cancelled:
        return forbidden(f"shipment {fact.shipment_id} was cancelled")
    if shipment.delivered_whole:
        return forbidden(f"shipment {fact.shipment_id} was delivered in whole")
    return None


def dispatched(order: OrderState, fact: ShipmentDispatched) -> Objection | None:
    shipment = order.shipments.get(fact.shipment_id)
    if shipment is not None and shipment.dispatched_at is not None:
        return already_so(f"shipment {fact.shipment_id} was dispatched before")
    if shipment is not None and shipment.delivered_whole:
        return already_so(f"shipment {fact.shipment_id} was delivered in whole before")
    return of_open_shipment(order, fact)


def shipment_cancelled(order: OrderState, fact: ShipmentCancelled) -> Objection | None:
    shipment = order.shipments.get(fact.shipment_id)
    if shipment is not None and shipment.cancelled:
        return already_so(f"shipment {fact.shipment_id} was cancelled before")
    return of_open_shipment(order, fact)


# -- deliveries ----------------------------------------------------------------------------------


def confirmed(order: OrderState, fact: DeliveryConfirmed) -> Objection | None:
    shipment = order.shipments.get(fact.shipment_id)
    if shipment is None:
        return waits_for(f"shipment {fact.shipment_id}")
    if fact.parcel is not None and fact.parcel not in shipment.parcels:
        return forbidden(f"parcel {fact.parcel} is not on shipment {fact.shipment_id}")
    earlier = _confirmed_before(shipment, fact)
    if earlier is not None:
        return _confirmed_again(fact, earlier)
    if shipment.cancelled and order.closed:
        closing = "cancelled" if order.cancellation is not None else "complete"
        return forbidden(f"shipment {fact.shipment_id} was cancelled, and the order is {closing}")
    for line in fact.lines or ():
        if line.line not in shipment.carried:
            return forbidden(f"line {line.line} is not on shipment {fact.shipment_id}")
    return None


def _confirmed_before(shipment: Shipment, fact: DeliveryConfirmed) -> Confirmation | None:
    if fact.parcel is not None:
        return shipment.confirmation_of(fact.parcel)
    return shipment.confirmed if shipment.delivered_whole else None


def _confirmed_again(fact: DeliveryConfirmed, earlier: Confirmation) -> Objection:
    what = f"shipment {fact.shipment_id}" if fact.parcel is None else f"parcel {fact.parcel} of {fact.shipment_id}"
    when = earlier.time.isoformat()
    if fact.occurred_at == earlier.time and (fact.lines is None or earlier.delivered(fact.lines)):
        return already_so(f"{what} was confirmed before, at {when}")
    return forbidden(
        f"{what} was confirmed before, at {when}, with nothing left; if that confirmation was wrong, void it"
    )


def returned(order: OrderState, fact: DeliveryReturned) -> Objection | None:
    shipment = order.shipments.get(fact.shipment_id)
    if shipment is None:
        return waits_for(f"shipment {fact.shipment_id}")
    returnable = shipment.returnable()
    if not returnable:
        return forbidden(f"nothing that shipment {fact.shipment_id} delivered is left to be returned")
    for line in fact.lines or ():
        left = returnable.get(line.line, ZERO)
        if line.quantity > left:
            return forbidden(
                f"line {line.line}: {line.quantity:f} is more than the {left:f} that shipment {fact.shipment_id} "
                "delivered and that were not returned"
            )
    return None
