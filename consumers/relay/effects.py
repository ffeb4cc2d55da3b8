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
from consumers.relay.envelope import REVERTED, FactRevertedData, RelayedAttributes, structured, trace_headers
from consumers.relay.identity import event_id, fact_id
from consumers.sinks.sink import Record
from domain.derived import WITHDRAWN, MessageWithdrawn, is_derived
from domain.events import VerdictChanged
from domain.fact import Fact, StreamEvent
from domain.streams import split_stream_name
from domain.verdict import Verdict

EventRef = tuple[str, int]
"""A stream and a version in it."""


class Turn(NamedTuple):
    """A fact took effect, or ceased to (even revisions), by the event at this place.

    `change` is that event if it is not the fact itself.
    """

    fact: Fact
    key: MessageKey
    event: EventRef
    revision: int
    change: VerdictChanged | MessageWithdrawn | None


@dataclass(frozen=True)
class Surroundings:
    """Additional information about some events.

    `not_at_once` has the places of facts that were not applied on receipt. `changes` has the history, in order and up
    to the last of the events, of each message of these events whose verdict changed: its changes of verdict. Of a
    derived message it also has the facts and withdrawals, since it may stand again. `facts` has the facts of the
    others.
    """

    not_at_once: Collection[EventRef]
    changes: Mapping[MessageKey, Sequence[StreamEvent]]
    facts: Mapping[MessageKey, Fact]


def key_of(event: StreamEvent) -> MessageKey:
    """The key of a fact's message, or of the message whose verdict changed."""
    return MessageKey(event.source, event.message_id, split_stream_name(event.originator_id)[1])


def makes_a_turn(event: VerdictChanged) -> bool:
    """Whether the change makes a fact take effect, or cease to."""
    return (event.verdict is Verdict.APPLIED) is not (event.verdict_before is Verdict.APPLIED)


def turns(events: Iterable[StreamEvent], surroundings: Surroundings) -> Iterator[Turn]:
    """The changes of effect by some stored events, in order."""
    told = {
        turn.event: turn
        for key, history in surroundings.changes.items()
        for turn in _turns_of(key, history, surroundings)
    }
    for event in events:
        place = place_of(event)
        if place in told:
            yield told[place]
        elif isinstance(event, Fact) and not is_derived(event) and place not in surroundings.not_at_once:
            yield Turn(event, key_of(event), place, 1, None)


def place_of(event: StreamEvent) -> EventRef:
    return event.originator_id, event.originator_version


def _turns_of(key: MessageKey, history: Sequence[StreamEvent], surroundings: Surroundings) -> Iterator[Turn]:
    """Every change of effect of one message."""
    first = history[0]
    # Of other than derived messages, the history has only the changes of verdict.
    in_effect = isinstance(first, VerdictChanged) and first.verdict_before is Verdict.APPLIED
    revision = int(in_effect)
    fact = surroundings.facts.get(key)
    for event in history:
        change: VerdictChanged | MessageWithdrawn | None = None
        now = in_effect
        if isinstance(event, Fact):
            fact, now = event, place_of(event) not in surroundings.not_at_once
        elif isinstance(event, VerdictChanged):
            change, now = event, event.verdict is Verdict.APPLIED
        elif isinstance(event, MessageWithdrawn):
            change, now = event, False
        if now is not in_effect:
            assert fact is not None, "a message has its fact before it has anything else"
            in_effect, revision = now, revision + 1
            yield Turn(fact, key, place_of(event), revision, change)


def record_of(turn: Turn, topic: str, source: str) -> Record:
    """Its record: a CloudEvent of `source`, with the stream as its key."""
    stream, version = turn.event
    fact = fact_id(turn.key)
    told = _reverted(turn, fact) if turn.change is not None and not turn.revision % 2 else _took_effect(turn)
    data = told.pop("data")
    own = {"id": event_id(fact, turn.revision), "source": source}
    relayed = RelayedAttributes(fact, turn.revision, stream, version, turn.key.source, turn.key.message_id)
    record = structured(topic, stream, {**told, **own, **msgspec.structs.asdict(relayed)}, data)
    traced = turn.fact.traceparent
    # Other systems' tracing looks for the header; the attribute is CloudEvents' own.
    return record if traced is None else record._replace(headers=(*record.headers, *trace_headers(traced)))


def _took_effect(turn: Turn) -> dict[str, Any]:
    """The message that states the fact, as a sender could write it."""
    return to_cloud_event(turn.fact, turn.key.subject)


def _reverted(turn: Turn, fact: str) -> dict[str, Any]:
    change = turn.change
    assert change is not None
    told = {"type": REVERTED, "time": instant_text(change.recorded_at), "subject": turn.key.subject}
    if turn.fact.correlation_id is not None:
        told["correlationid"] = turn.fact.correlation_id
    if turn.fact.traceparent is not None:
        told["traceparent"] = turn.fact.traceparent
    verdict: Verdict | None = None
    because: tuple[str | None, str | None] = (None, None)
    reason = WITHDRAWN
    if isinstance(change, VerdictChanged):
        verdict, reason, because = change.verdict, change.reason, (change.because_of_source, change.because_of_id)
    data = FactRevertedData(
        reverts=event_id(fact, turn.revision - 1),
        type=turn.fact.TYPE,
        occurred_at=turn.fact.occurred_at,
        verdict=verdict,
        reason=reason,
        because_of_source=because[0],
        because_of_id=because[1],
    )
    return {**told, "data": data}
