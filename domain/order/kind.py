"""Orders as a kind of subject."""

from domain.aggregate import SubjectAggregate
from domain.kind import Kind
from domain.order.decider import OrderDecider
from domain.order.rules import RULES
from domain.order.state import OrderState


class Order(SubjectAggregate):
    """The facts about one order."""


ORDER = Kind(prefix="order", decider=OrderDecider(), state=OrderState, facts=tuple(RULES), aggregate=Order.open)
