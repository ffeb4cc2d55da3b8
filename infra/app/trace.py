"""Trace: one message from the bytes that came in to the records that the relay sent."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row

from consumers.ingest.register import MessageKey
from consumers.relay.dead_letter_copies import letter_id_in, restated
from consumers.relay.effects import EventRef, place_of
from consumers.sinks.sink import Record
from domain.clock_holds import ClockHoldEnded
from domain.derived import WITHDRAWN, MessageWithdrawn, facts_among
from domain.events import MessageVoided, VerdictChanged
from domain.fact import Fact, FactKey, StreamEvent
from domain.order.kind import ORDER
from domain.streams import has_subject, settle_stream, split_stream_name
from domain.verdict import Outcome, Verdict
from infra.app.container import Waybill
from infra.app.row_effects import RowEffects, TableEffect
from infra.app.view_effects import ViewEffect, ViewEffects
from infra.outbox.message_content import topic_of
from infra.queries.corrections import is_correction_of
from infra.queries.events import EventFilter, Events
from infra.queries.selected_messages import SelectedMessages
from infra.queries.traced import ignored_names, left_out_size, received_letters, received_messages
from infra.serialization import text_and_base64
from infra.store.checkpoints import Checkpoints
from infra.store.engine import read_in_snapshot
from infra.store.events.history import PositionedEvent
from infra.store.register.headers import read_headers
from projections.order_timeline import event_name, what_each_changed
from projections.projection import Settled, settled_stream

SAMPLES = 10
EVENTS_NAMED = 200
"""How many later events that name the message are listed."""


class Received(NamedTuple):
    """How the message came in. `as_received` is false if only its event was kept, and `body` restates that.

    What is not UTF-8 stands in `body` as \\x escapes; `body_base64` has the bytes then. `headers` have text values.
    """

    topic: str
    partition: int
    offset: int
    received_at: datetime
    body: str
    body_base64: str | None
    headers: Mapping[str, str]
    as_received: bool
    repeats: int
    repeats_with_other_content: int
    ignored: Sequence[str]


class TracedEvent(NamedTuple):
    """A stored event of the message: its verdict at that moment and why. `because` is the message that changed it."""

    position: int
    stream: str
    version: int
    event: str
    recorded_at: datetime
    verdict: str | None
    reason: str
    because: str | None


class Consequence(NamedTuple):
    """A later event that names the message: it follows from it, voids it, or has another verdict because of it."""

    position: int
    stream: str
    event: str
    recorded_at: datetime
    source: str
    id: str
    how: str


class TracedRecord(NamedTuple):
    """A record for other systems; `sent` says in words whether the relay sent it."""

    outbox: str
    topic: str
    key: str | None
    id: str | None
    type: str
    sent: str


class Trace(NamedTuple):
    """One message about one subject. Of a malformed one, source, id, subject and type are what it claims.

    `rows` differ in the projections' tables because of it, `views` in what people see of an order now.
    """

    source: str | None
    id: str | None
    subject: str | None
    type: str | None
    verdict: str
    reason: str
    took_effect_at: datetime | None
    what_changed: str
    received: Received
    events: Sequence[TracedEvent]
    followed: Sequence[Consequence]
    rows: Sequence[TableEffect]
    views: Sequence[ViewEffect]
    records: Sequence[TracedRecord]


def trace(waybill: Waybill, source: str, message_id: str, subject: str | None = None) -> list[Trace]:
    """All messages of this source and id (one, unless an id was used for several subjects), then the malformed ones
    that claim it, all as of one moment. Nothing is stored.
    """

    def read(connection: Connection) -> list[Trace]:
        rows = received_messages(connection, source, message_id)
        tracer = _Tracer(waybill, connection, [row.subject for row in rows])
        return [
            *(tracer.message(row) for row in rows if subject in (None, row.subject)),
            *(
                tracer.letter(row)
                for row in received_letters(connection, source, message_id)
                if subject in (None, row.claimed_subject)
            ),
        ]

    return read_in_snapshot(waybill.engine, read)


class _Tracer:
    """Reads on one connection. `subjects` are those of all messages with the traced source and id."""

    def __init__(self, waybill: Waybill, connection: Connection, subjects: Sequence[str]):
        self._waybill = waybill
        self._connection = connection
        self._subjects = subjects
        self._history = waybill.history.within(connection)
        self._events = Events(waybill.backend, connection)
        self._selected = SelectedMessages(waybill.backend, connection)
        self._sent_up_to = Checkpoints(waybill.backend, connection=connection).begun()
        self._effects, self._verdicts, self._expiries = waybill.outboxes(connection)

    def message(self, row: Row[Any]) -> Trace:
        key = MessageKey(row.source, row.message_id, row.subject)
        own = [
            event
            for event in self._events.after(0, EventFilter(source=key.source, message_id=key.message_id))
            if split_stream_name(event.event.originator_id)[1] == key.subject
        ]
        facts = facts_among(stored.event for stored in self._history.stream(row.stream))
        settled = _settled_without(row.stream, facts, (key.source, key.message_id))
        changed = what_each_changed(settle_stream(row.stream, facts)).get((key.source, key.message_id), (0, ""))[1]
        return Trace(
            *key,
            type=row.type,
            verdict=row.verdict,
            reason=row.reason,
            took_effect_at=row.took_effect_at,
            what_changed=changed,
            received=self._received(row, next(e.event for e in reversed(own) if isinstance(e.event, Fact))),
            events=self._traced(own),
            followed=self._followed(key, own),
            rows=_rows_changed(settled),
            views=self._views_changed(settled),
            records=[
                *self._records(self._effects.name, self._effects.records_of(own)),
                *self._records(self._verdicts.name, self._verdicts.records_about(key)),
                *self._records(self._expiries.name, self._expiries.records_about(key)),
            ],
        )

    def letter(self, row: Row[Any]) -> Trace:
        """A malformed message: it has no event, and changed nothing."""
        received = _as_text(row.body, row.headers, row, repeats=row.repeats)
        return Trace(
            source=row.claimed_source,
            id=row.claimed_id,
            subject=row.claimed_subject,
            type=row.claimed_type,
            verdict=Verdict.MALFORMED.value,
            reason=row.reason,
            took_effect_at=None,
            what_changed="",
            received=received,
            events=(),
            followed=(),
            rows=(),
            views=(),
            records=self._records(self._verdicts.name, self._verdicts.records_about(row.letter_id)),
        )

    def _received(self, row: Row[Any], fact: StreamEvent) -> Received:
        assert isinstance(fact, Fact)
        as_received = row.body is not None
        body = row.body if as_received else restated(fact, row.subject)[0]
        headers = row.headers if as_received else "[]"
        names = ignored_names(self._connection, MessageKey(row.source, row.message_id, row.subject))
        return _as_text(body, headers, row, repeats=row.repeats, differing=row.differing)._replace(
            as_received=as_received, ignored=names
        )

    def _traced(self, own: Sequence[PositionedEvent]) -> list[TracedEvent]:
        first = self._verdicts.first_verdicts([place_of(stored.event) for stored in own])
        return [_traced(stored, first) for stored in own]

    def _followed(self, key: MessageKey, own: Sequence[PositionedEvent]) -> list[Consequence]:
        """The later events that name the message, its own aside; at most some."""
        later = self._events.after(own[0].position, EventFilter(mentions=key.message_id))
        found = ((stored, how) for stored in later if (how := self._how(stored.event, key)))
        return [
            Consequence(
                position=stored.position,
                stream=stored.event.originator_id,
                event=event_name(stored.event),
                recorded_at=stored.event.recorded_at,
                source=stored.event.source,
                id=stored.event.message_id,
                how=how,
            )
            for stored, how in islice(found, EVENTS_NAMED)
        ]

    def _how(self, event: StreamEvent, key: MessageKey) -> str:
        """How an event has to do with a message that it names; empty if it has not."""
        named = (key.source, key.message_id)
        if event.key == named:
            return ""
        if isinstance(event, MessageVoided):
            return "voids it" if event.names == named else ""
        if isinstance(event, VerdictChanged):
            is_cause = (event.because_of_source, event.because_of_id) == named
            return f"{event.verdict_before.value} → {event.verdict.value} because of it" if is_cause else ""
        if isinstance(event, Fact) and event.causation_id == key.message_id:
            return "corrects it" if self._is_correction(event, key) else "follows from it"
        return ""

    def _is_correction(self, fact: Fact, wrong: MessageKey) -> bool:
        own = MessageKey(*fact.key, split_stream_name(fact.originator_id)[1])
        found = self._selected.of_keys([own]).get(own)
        return found is not None and is_correction_of(found, wrong, self._subjects)

    def _views_changed(self, settled: tuple[Settled, Settled] | None) -> list[ViewEffect]:
        if settled is None or settled[0].kind is not ORDER:
            return []
        with ViewEffects(self._waybill.settings.time_zone, self._waybill.clock(), SAMPLES) as effects:
            effects.take([settled])
            return effects.views()

    def _records(self, outbox: str, records: Sequence[tuple[int, Record]]) -> list[TracedRecord]:
        return [self._record(outbox, position, record) for position, record in records]

    def _record(self, outbox: str, position: int, record: Record) -> TracedRecord:
        letter_id = letter_id_in(record)
        document = {} if letter_id is not None else msgspec.json.decode(record.value)
        record_id = letter_id or document.get("id")
        return TracedRecord(
            outbox=outbox,
            topic=record.topic,
            key=None if record.key is None else record.key.decode(),
            id=record_id,
            type="a copy of the message" if letter_id is not None else document["type"],
            sent=self._is_sent(outbox, position, record.topic, record_id),
        )

    def _is_sent(self, outbox: str, position: int, topic: str, record_id: str | None) -> str:
        reached = self._sent_up_to.get(outbox)
        if reached is None:
            return "not sent: the relay has never run"
        if position > reached:
            return "not sent yet"
        size = left_out_size(self._connection, topic, record_id)
        if size is not None:
            return f"left out: {size} bytes are too large for the topic"
        return "sent" if self._waybill.settings.relay_from != "now" else "sent, unless the relay began after it"


def _traced(stored: PositionedEvent, first: Mapping[EventRef, Outcome]) -> TracedEvent:
    event = stored.event
    verdict: str | None = None
    reason, because = "", None
    if isinstance(event, Fact):
        given = first.get(place_of(event), Outcome(Verdict.APPLIED))
        verdict, reason = given.verdict.value, given.reason
    elif isinstance(event, VerdictChanged):
        verdict, reason = event.verdict.value, event.reason
        if event.because_of_id is not None:
            because = f"message {event.because_of_id} of {event.because_of_source}"
    elif isinstance(event, MessageWithdrawn):
        verdict, reason = "withdrawn", WITHDRAWN
    elif isinstance(event, ClockHoldEnded):
        reason = "the clock has come near its time"
    return TracedEvent(
        position=stored.position,
        stream=event.originator_id,
        version=event.originator_version,
        event=event_name(event),
        recorded_at=event.recorded_at,
        verdict=verdict,
        reason=reason,
        because=because,
    )


def _settled_without(stream: str, facts: list[Fact], key: FactKey) -> tuple[Settled, Settled] | None:
    """The subject without the message, and with it; None for a stream without a subject."""
    if not has_subject(stream):
        return None
    without, whole = settled_stream(stream, [fact for fact in facts if fact.key != key]), settled_stream(stream, facts)
    assert without is not None and whole is not None, "a stream with a subject has its kind"
    return without, whole


def _rows_changed(settled: tuple[Settled, Settled] | None) -> list[TableEffect]:
    effects = RowEffects(samples=SAMPLES)
    if settled is not None:
        effects.take(*settled)
    return [each for each in effects.tables() if each.differs]


def _as_text(body: bytes, headers: str, row: Row[Any], *, repeats: int, differing: int = 0) -> Received:
    text, body_base64 = text_and_base64(body)
    return Received(
        topic=topic_of(row.topic),
        partition=row.partition,
        offset=row.offset,
        received_at=row.received_at,
        body=text,
        body_base64=body_base64,
        headers={name: text_and_base64(value)[0] for name, value in read_headers(headers)},
        as_received=True,
        repeats=repeats,
        repeats_with_other_content=differing,
        ignored=(),
    )
