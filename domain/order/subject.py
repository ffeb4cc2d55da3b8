"""The order as a subject of settling: its rules, its evolution and its standing, put together."""

from datetime import datetime

from domain.fact import Fact
from domain.order.events import ExpediteRequested, OrderPlaced, ShipmentBooked
from domain.order.evolution import evolve
from domain.order.rules import objection_to
from domain.order.standing import OrderStanding, standing_of
from domain.order.state import OrderState
from domain.verdict import Objection


class OrderSubject:
    """How facts about an order are settled."""

    def blank(self, subject_id: str) -> OrderState:
        return OrderState(order_id=subject_id)

    def objection_to(self, state: OrderState, fact: Fact) -> Objection | None:
        return objection_to(state, fact)

    def evolve(self, state: OrderState, fact: Fact, at: datetime) -> None:
        evolve(state, fact, at)

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

    def standing(self, state: OrderState) -> OrderStanding | None:
        return standing_of(state)
