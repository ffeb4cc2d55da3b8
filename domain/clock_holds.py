"""Clock holds: facts ahead of the clock are stored like any other, but settling ignores them until the clock is near.

A message whose time is more than WAYBILL_CLOCK_SKEW ahead of the service's clock is held. Its fact has `held_until`,
and a ClockHoldEnded event in the same stream ends the hold. So the settling of a stream follows from its events only,
whatever the clock says when they are read again.

A void is never held: it is about the record, not about its own time.

Holds that are due are ended by consumers/ingest: in `pipeline.py` (`wake`), and with every batch in
`batch_processing.py`.
"""

from collections.abc import Iterable, Set
from datetime import datetime, timedelta
from typing import Any, ClassVar

import msgspec

from domain.events import MessageVoided
from domain.fact import Fact, FactKey, StreamEvent, register_event
from domain.verdict import Outcome, Verdict


@register_event
class ClockHoldEnded(StreamEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The clock is near the time of an earlier message (`source`, `message_id`) of this stream: it counts now."""

    TOPIC: ClassVar[str] = "clock.hold_ended"

    def apply(self, aggregate: Any) -> None:
        aggregate.facts = [_released(fact) if fact.key == self.key else fact for fact in aggregate.facts]


def release(facts: Iterable[Fact], keys: Set[FactKey]) -> list[Fact]:
    """The facts, with the clock hold of these ended."""
    return [_released(fact) if fact.held_until is not None and fact.key in keys else fact for fact in facts]


def held_by_clock(fact: Fact, now: datetime, skew: timedelta) -> Fact:
    """The fact to store when the service's clock is `now` and clocks may differ by `skew`."""
    if fact.occurred_at - now <= skew or type(fact) is MessageVoided:
        return fact
    return msgspec.structs.replace(fact, held_until=fact.occurred_at - skew)


def as_held_at(facts: Iterable[Fact], clock: datetime, skew: timedelta) -> list[Fact]:
    """The facts with the holds of a clock at `clock`, whatever was held when they came."""
    return [held_by_clock(_released(fact), clock, skew) for fact in facts]


def outcome_of_held(fact: Fact) -> Outcome:
    """The outcome of a fact that the clock holds."""
    assert fact.held_until is not None
    until = fact.held_until.replace(tzinfo=None).isoformat()
    return Outcome(Verdict.HELD, f"its time is ahead of the clock; it is taken when the clock has come to {until}Z")


def _released(fact: Fact) -> Fact:
    return fact if fact.held_until is None else msgspec.structs.replace(fact, held_until=None)
