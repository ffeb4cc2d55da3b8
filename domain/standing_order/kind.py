"""Standing orders as a kind of subject."""

from domain.aggregate import SubjectAggregate
from domain.kind import Kind
from domain.standing_order.decider import StandingOrderDecider, StandingOrderState
from domain.standing_order.events import StandingOrderEstablished, StandingOrderMissed, StandingOrderStopped


class StandingOrder(SubjectAggregate):
    """The facts about one standing order."""


STANDING_ORDER = Kind(
    prefix="standing-order",
    decider=StandingOrderDecider(),
    state=StandingOrderState,
    facts=(StandingOrderEstablished, StandingOrderStopped, StandingOrderMissed),
    aggregate=StandingOrder.open,
)
