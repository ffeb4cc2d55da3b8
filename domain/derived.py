"""Derived messages: what Waybill's own reactors state, and how a derived message is withdrawn.

A reactor is a pure function from facts to derived messages. They are stored like all other messages, under a source
that no other system may use. When the reason of a derived message is gone (for example, the booking was voided), the
message is withdrawn: a MessageWithdrawn event in the same stream ends it, and it counts for nothing, not even in the
books. When the reason returns, the same message is stored as a new event, and counts again.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

from domain.clock_holds import ClockHoldEnded, release
from domain.fact import Fact, FactKey, StreamEvent, register_event
from domain.pruning import PrunedStreamError, StreamPruned

RESERVED_SOURCES = "urn:waybill:reactor:"
"""How the sources of derived messages begin; a message from outside must not use one."""

PARCELS = f"{RESERVED_SOURCES}parcels"
STANDING_ORDERS = f"{RESERVED_SOURCES}standing-orders"

WITHDRAWN = "withdrawn: its reason is gone"


@register_event
class MessageWithdrawn(StreamEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The reason of an earlier derived message (`source`, `message_id`) of this stream is gone.

    If the message stands again later, it is a new event after this one.
    """

    TOPIC: ClassVar[str] = "message.withdrawn"

    def apply(self, aggregate: Any) -> None:
        aggregate.facts = [fact for fact in aggregate.facts if fact.key != self.key]


def is_derived(event: StreamEvent) -> bool:
    """Whether one of Waybill's own reactors stated the message of this event."""
    return event.source.startswith(RESERVED_SOURCES)


def facts_among(events: Iterable[StreamEvent]) -> list[Fact]:
    """The facts of a stream's events that stand, in order; those that the clock still holds keep `held_until`.

    Raises PrunedStreamError if these are the events of a pruned stream: whoever settled them would be wrong.
    """
    facts: list[Fact] = []
    ended: set[FactKey] = set()
    withdrawn: dict[FactKey, int] = {}
    first_version: int | None = None
    for event in events:
        if first_version is None:
            first_version = event.originator_version
        if isinstance(event, Fact):
            facts.append(event)
        elif isinstance(event, ClockHoldEnded):
            ended.add(event.key)
        elif isinstance(event, MessageWithdrawn):
            withdrawn[event.key] = len(facts)
        elif isinstance(event, StreamPruned) and first_version != 1:
            raise PrunedStreamError(event)
    if withdrawn:
        facts = [fact for place, fact in enumerate(facts) if place >= withdrawn.get(fact.key, 0)]
    return release(facts, ended) if ended else facts


def facts_after(pruned: StreamPruned, events: Iterable[StreamEvent]) -> list[Fact]:
    """The facts of a pruned stream that stand and came after the pruning: they wait for what was pruned."""
    return facts_among(event for event in events if event.originator_version > pruned.originator_version)
