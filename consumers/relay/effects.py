"""The records of waybill.events: a fact when it takes effect, and when it ceases to.

A fact can take effect more than once: held, applied, voided, and applied again when the void is voided. Its revisions
count these changes: odd ones took effect, even ones ceased to. So followers need no order and tolerate duplicates: a
fact is in effect if its greatest revision is odd.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from consumers.contract.writing import instant_text, to_cloud_event
from consumers.ingest.register import MessageKey
from consumers.relay.envelope import REVERTED, FactRevertedData, RelayedAttributes, structured
from consumers.relay.identity import event_id, fact_id
from consumers.sinks.sink import Record
from domain.events import VerdictChanged
from domain.fact import Fact, StreamEvent
from domain.streams import split_stream_name
from domain.verdict import Verdict

EventRef = tuple[str, int]
"""A stream and a version in it."""


class Turn(NamedTuple):
    """A fact took effect, or ceased to (even revisions), by the event at this place; `change` if a VerdictChanged."""

    fact: Fact
    key: MessageKey
    event: EventRef
    revision: int
    change: VerdictChanged | None


@dataclass(frozen=True)
class Surroundings:
    """Additional information about some events.

    `not_at_once` has the places of facts that were not applied on receipt. `changes` has all changes of verdict, in
    order and up to the last of the events, of each message of these events; `facts` has their facts.
    """

    not_at_once: Collection[EventRef]
    changes: Mapping[MessageKey, Sequence[VerdictChanged]]
    facts: Mapping[MessageKey, Fact]


def key_of(event: StreamEvent) -> MessageKey:
    """The key of a fact's message, or of the message whose verdict changed."""
    return MessageKey(event.source, event.message_id, split_stream_name(event.originator_id)[1])


def makes_a_turn(event: VerdictChanged) -> bool:
    """Whether the change makes a fact take effect, or cease to."""
    return (event.verdict is Verdict.APPLIED) is not (event.verdict_before is Verdict.APPLIED)


def turns(events: Iterable[StreamEvent], surroundings: Surroundings) -> Iterator[Turn]:
    """The changes of effect by some stored events, in order."""
    revisions = dict(_revisions(surroundings.changes.values()))
    for event in events:
        place = (event.originator_id, event.originator_version)
        if isinstance(event, Fact):
            if place not in surroundings.not_at_once:
                yield Turn(event, key_of(event), place, 1, None)
        elif isinstance(event, VerdictChanged) and makes_a_turn(event):
            key = key_of(event)
            yield Turn(surroundings.facts[key], key, place, revisions[place], event)


def _revisions(histories: Iterable[Sequence[VerdictChanged]]) -> Iterator[tuple[EventRef, int]]:
    for changes in histories:
        revision = 1 if changes[0].verdict_before is Verdict.APPLIED else 0
        for change in changes:
            if makes_a_turn(change):
                revision += 1
                yield (change.originator_id, change.originator_version), revision


def record_of(turn: Turn, topic: str, source: str) -> Record:
    """Its record: a CloudEvent of `source`, with the stream as its key."""
    stream, version = turn.event
    fact = fact_id(turn.key)
    told = _reverted(turn, fact) if turn.change is not None and not turn.revision % 2 else _took_effect(turn)
    data = told.pop("data")
    own = {"id": event_id(fact, turn.revision), "source": source}
    relayed = RelayedAttributes(fact, turn.revision, stream, version, turn.key.source, turn.key.message_id)
    return structured(topic, stream, {**told, **own, **msgspec.structs.asdict(relayed)}, data)


def _took_effect(turn: Turn) -> dict[str, Any]:
    """The message that states the fact, as a sender could write it."""
    return to_cloud_event(turn.fact, turn.key.subject)


def _reverted(turn: Turn, fact: str) -> dict[str, Any]:
    change = turn.change
    assert change is not None
    told = {"type": REVERTED, "time": instant_text(change.recorded_at), "subject": turn.key.subject}
    if turn.fact.correlation_id is not None:
        told["correlationid"] = turn.fact.correlation_id
    data = FactRevertedData(
        reverts=event_id(fact, turn.revision - 1),
        type=turn.fact.TYPE,
        occurred_at=turn.fact.occurred_at,
        verdict=change.verdict,
        reason=change.reason,
        because_of_source=change.because_of_source,
        because_of_id=change.because_of_id,
    )
    return {**told, "data": data}
