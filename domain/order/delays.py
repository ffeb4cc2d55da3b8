"""Follow-ups about delays: what the customer is to be told when an order will not be there in time.

Two kinds of bad news leave one, unless one is owed already: a fact after which the order is expected late (or later
still), and the passing of the promise while nobody has told the customer. The second is of the clock, which settling
does not have. So it has its turn between instants: before the facts of a later instant are taken, what it left by then
is written down (`let_time_pass`). Up to then, `owed_by_the_clock` says from when one is owed, for questions as of T.
"""

from datetime import datetime, timedelta

from domain.fact import Fact
from domain.order.events import ShipmentDelayed
from domain.order.state import FollowUp, OrderState

LAPSES_AFTER = timedelta(days=30)
"""Of an order that was closed this long ago, nothing is owed any more."""


def owed_by_the_clock(order: OrderState) -> datetime | None:
    """Since when a delay is to be told of at any T after the promise, if nothing else happens; None: not at all."""
    if order.told_of_delay or order.closed or (order.follow_ups and owes_delay(order)):
        return None
    if order.reopened_at is not None and order.reopened_at > order.promised_by:
        return order.reopened_at
    return order.promised_by


def owes_delay(order: OrderState) -> bool:
    return any(owed.about == "delay" for owed in order.follow_ups)


def let_time_pass(order: OrderState, until: datetime) -> None:
    """Write down what the clock left between the latest instant and this one, before the facts of this one."""
    if order.promised_by < until and not order.told_of_delay and (since := owed_by_the_clock(order)) is not None:
        order.follow_ups += (FollowUp("delay", since),)
    elif order.follow_ups and (closed_at := order.closed_at) is not None and until - closed_at >= LAPSES_AFTER:
        order.follow_ups = ()


def weigh_news(order: OrderState, fact: Fact, at: datetime) -> None:
    """See whether the fact, which took effect at `at`, was bad news, or ended the lateness in time."""
    before = order.expected_late
    if order.closed:
        order.expected_late = None
        return
    expected = order.latest_estimate()
    if expected is not None and expected <= order.promised_by:
        expected = None
    order.expected_late = expected
    if order.follow_ups and owes_delay(order):
        # In time means: something is on its way, all of it with an estimate, and none of them after the promise.
        if at <= order.promised_by and order.live and expected is None and not order.live[-1][0]:
            end_delay(order)
    elif (expected is not None and (before is None or expected > before)) or _has_no_estimate_any_more(fact):
        order.follow_ups += (FollowUp("delay", at),)


def _has_no_estimate_any_more(fact: Fact) -> bool:
    return isinstance(fact, ShipmentDelayed) and fact.estimated_delivery is None


def end_delay(order: OrderState) -> None:
    """The customer was told of the delay, or there is nothing to tell any more."""
    if owes_delay(order):
        order.follow_ups = tuple(owed for owed in order.follow_ups if owed.about != "delay")
