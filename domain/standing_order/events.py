"""What can happen to a standing order: an agreement by which the same goods are ordered again and again."""

from datetime import date
from typing import ClassVar

import msgspec

from domain.fact import Fact, register_event
from domain.order.events import OrderLine, Segment

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Every(msgspec.Struct, frozen=True, omit_defaults=True):
    """How often an order is due; exactly one field is not None.

    `days`: every so many days, at least 1. `weekday`: each week on this day, 1 (Monday) to 7 (Sunday). `month_day`:
    each month on this day, 1 to 31; in a shorter month, on its last day.
    """

    days: int | None = None
    weekday: int | None = None
    month_day: int | None = None

    def __str__(self) -> str:
        if self.weekday is not None:
            return f"every {WEEKDAYS[self.weekday - 1]}"
        return f"every {self.days} days" if self.days is not None else f"day {self.month_day} of every month"


@register_event
class StandingOrderEstablished(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """The terms from now on; establishing again replaces them all, and starts a stopped standing order again.

    `first_on` and `until` (inclusive; None: without end) are days of the account's calendar. An order is placed
    `lead_days` before it is due.
    """

    TOPIC: ClassVar[str] = "standing_order.established"
    TYPE: ClassVar[str] = "standing_order.established.v1"

    account_id: str
    rep_id: str
    segment: Segment
    currency: str
    lines: tuple[OrderLine, ...]
    every: Every
    first_on: date
    lead_days: int
    until: date | None = None


@register_event
class StandingOrderStopped(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """Nothing is placed from now on."""

    TOPIC: ClassVar[str] = "standing_order.stopped"
    TYPE: ClassVar[str] = "standing_order.stopped.v1"

    reason: str


@register_event
class StandingOrderMissed(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """Waybill's own message: the order due on this day was found missed, too late to be placed. It is never placed."""

    TOPIC: ClassVar[str] = "standing_order.missed"
    TYPE: ClassVar[str] = "standing_order.missed.v1"

    due_on: date
