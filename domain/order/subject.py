"""The order as a subject of settling: its rules, its evolution and its standing, put together."""

from domain.fact import Fact
from domain.order.events import ExpediteRequested, OrderPlaced, ShipmentBooked
from domain.order.evolution import evolve
from domain.order.rules import objection_to
from domain.order.standing import standing_of
from domain.order.state import OrderState


class OrderSubject:
    """How facts about an order are settled."""

    objection_to = staticmethod(objection_to)
    evolve = staticmethod(evolve)
    standing = staticmethod(standing_of)

    def blank(self, subject_id: str) -> OrderState:
        return OrderState(order_id=subject_id)

    def introduces(self, fact: Fact) -> str | None:
        match fact:
            case OrderPlaced():
                return "order"
            case ExpediteRequested():
                return f"request {fact.request_id}"
            case ShipmentBooked():
                return f"shipment {fact.shipment_id}"
            case _:
                return None
