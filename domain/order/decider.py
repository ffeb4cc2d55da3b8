"""The order decider puts together its rules, evolution and summary.

`decide` is in rules.py and shipping_rules.py, `evolve` in evolution.py and shipping.py, `summarize` in summary.py.
"""

from domain.fact import Fact
from domain.order.events import ExpediteRequested, OrderPlaced, ShipmentBooked
from domain.order.evolution import evolve
from domain.order.rules import decide
from domain.order.state import OrderState
from domain.order.summary import summarize


class OrderDecider:
    """The decider for orders."""

    decide = staticmethod(decide)
    evolve = staticmethod(evolve)
    summarize = staticmethod(summarize)

    def initial_state(self, subject_id: str) -> OrderState:
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
