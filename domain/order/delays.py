"""Follow-ups about delays: when a customer must be informed that an order will be late.

Two things create one, unless one is already owed: a fact after which the order is expected late (or even later), and
the passing of the promise while the customer is not informed. The second needs a clock, which settling does not have.
So before the facts of a later instant are taken, `let_time_pass` records what the clock created by then. Until then,
`owed_by_the_clock` says from when one is owed, for queries as of T.
"""

from datetime import datetime, timedelta

from domain.fact import Fact
from domain.order.events import ShipmentDelayed
from domain.order.state import FollowUp, OrderState

LAPSES_AFTER = timedelta(days=30)
"""An order that was closed this long ago owes nothing."""


def owed_by_the_clock(order: OrderState) -> datetime | None:
    """Since when a follow-up about a delay is owed at a T after the promise, if nothing else happens; None: none is."""
    if order.told_of_delay or order.closed or (order.follow_ups and owes_delay(order)):
        return None
    if order.reopened_at is not None and order.reopened_at > order.promised_by:
        return order.reopened_at
    return order.promised_by


def owes_delay(order: OrderState) -> bool:
    return any(owed.about == "delay" for owed in order.follow_ups)


def let_time_pass(order: OrderState, until: datetime) -> None:
    """Record the follow-up that the clock created since the latest instant, before the facts of this one."""
    if order.promised_by < until and not order.told_of_delay and (since := owed_by_the_clock(order)) is not None:
        order.follow_ups += (FollowUp("delay", since),)
    elif order.follow_ups and (closed_at := order.closed_at) is not None and until - closed_at >= LAPSES_AFTER:
        order.follow_ups = ()


def weigh_news(order: OrderState, fact: Fact, at: datetime) -> None:
    """Create or end a follow-up after a fact that took effect at `at`."""
    before = order.expected_late
    if order.closed:
        order.expected_late = None
        return
    expected = order.latest_estimate()
    if expected is not None and expected <= order.promised_by:
        expected = None
    order.expected_late = expected
    if order.follow_ups and owes_delay(order):
        # In time: there are live shipments, all have estimates, and none is after the promise.
        if at <= order.promised_by and order.live and expected is None and not order.live[-1][0]:
            end_delay(order)
    elif (expected is not None and (before is None or expected > before)) or _has_no_estimate_any_more(fact):
        order.follow_ups += (FollowUp("delay", at),)


def _has_no_estimate_any_more(fact: Fact) -> bool:
    return isinstance(fact, ShipmentDelayed) and fact.estimated_delivery is None


def end_delay(order: OrderState) -> None:
    """Settle the follow-up: the customer was informed, or nothing is owed any more."""
    if owes_delay(order):
        order.follow_ups = tuple(owed for owed in order.follow_ups if owed.about != "delay")
