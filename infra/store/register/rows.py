"""The typed rows that a batch writes to the register's tables. `infra.store.register.tables` derives the columns."""

import json
from datetime import datetime
from typing import NamedTuple, Self

from consumers.contract.claims import claimed_by
from consumers.ingest.register import ChangedMessage, IgnoredFields, MalformedMessage, NewMessage, Notice
from domain.streams import is_waiting_room
from domain.verdict import Verdict
from infra.store.register.headers import write_headers
from infra.store.register.letter_ids import letter_id_kept
from infra.store.register.typed_columns import Serial

# Looked up, because a member's `value` is computed in Python on every access.
_WRITTEN = {verdict: verdict.value for verdict in Verdict}


class MessageRow(NamedTuple):
    """A well-formed message, with its latest outcome, whose fields are those of domain.verdict.Outcome."""

    source: str
    message_id: str
    subject: str
    type: str
    feed_id: Serial
    last_feed_id: Serial
    offset: int
    stream: str
    version: int
    verdict: str
    reason: str
    took_effect_at: datetime | None
    voided: bool
    waits_in_room: bool
    letter_id: str | None
    recorded_at: datetime
    received_at: datetime
    occurred_at: datetime | None

    @classmethod
    def of(cls, new: NewMessage, received_at: datetime) -> Self:
        arrival, stream, outcome = new.arrival, new.stream, new.outcome
        key, fact = arrival.key, arrival.fact
        feed = Serial(arrival.feed_id)
        return cls(
            *key,
            fact.TYPE,
            feed,
            feed,
            arrival.raw.offset,
            stream,
            new.version,
            _WRITTEN[outcome.verdict],
            outcome.reason,
            outcome.took_effect_at,
            outcome.voided,
            is_waiting_room(stream),
            letter_id_kept(outcome, *key),
            fact.recorded_at,
            received_at,
            fact.occurred_at,
        )


class ChangedMessageRow(NamedTuple):
    """The changes of a message's row when its outcome changes."""

    stream: str
    version: int
    verdict: str
    reason: str
    took_effect_at: datetime | None
    voided: bool
    waits_in_room: bool
    letter_id: str | None

    @classmethod
    def of(cls, changed: ChangedMessage) -> Self:
        key, stream, version, outcome = changed
        return cls(
            stream,
            version,
            _WRITTEN[outcome.verdict],
            outcome.reason,
            outcome.took_effect_at,
            outcome.voided,
            is_waiting_room(stream),
            letter_id_kept(outcome, *key),
        )


class RawMessageRow(NamedTuple):
    """The bytes of a message that was not applied at once."""

    source: str
    message_id: str
    subject: str
    body: bytes
    headers: str

    @classmethod
    def of(cls, new: NewMessage) -> Self:
        key, raw = new.arrival.key, new.arrival.raw
        return cls(*key, body=raw.body, headers=write_headers(raw.headers))


class MalformedMessageRow(NamedTuple):
    """A whole malformed message, with its readable claims."""

    letter_id: str
    feed_id: Serial
    last_feed_id: Serial
    offset: int
    reason: str
    body: bytes
    headers: str
    received_at: datetime
    claimed_source: str | None
    claimed_id: str | None
    claimed_subject: str | None
    claimed_type: str | None
    claimed_time: datetime | None

    @classmethod
    def of(cls, malformed: MalformedMessage, received_at: datetime) -> Self:
        letter_id, reason, feed_id, raw = malformed
        feed = Serial(feed_id)
        claimed = claimed_by(raw.body, raw.headers)
        headers = write_headers(raw.headers)
        # As of a well-formed one: it became known when the broker stored it.
        seen_at = raw.broker_time or received_at
        return cls(letter_id, feed, feed, raw.offset, reason, raw.body, headers, seen_at, *claimed)


class ClockHoldRow(NamedTuple):
    """A message held because its time is ahead of the clock, and the instant at which the hold ends."""

    source: str
    message_id: str
    subject: str
    held_until: datetime


class IgnoredFieldsRow(NamedTuple):
    """The ignored fields of a message; `names` is a JSON array of paths."""

    source: str
    message_id: str
    subject: str
    type: str
    feed_id: Serial
    names: str

    @classmethod
    def of(cls, ignored: IgnoredFields) -> Self:
        source, message_id, subject, message_type, feed_id, names = ignored
        return cls(source, message_id, subject, message_type, Serial(feed_id), json.dumps(names))


class SnapshotRow(NamedTuple):
    """The snapshot of a long stream, valid while `version` is that of its newest event; null if it has none."""

    stream: str
    version: int
    snapshot: bytes | None


class NoticeRow(NamedTuple):
    """An entry of the outbox for waybill.verdicts about a message."""

    source: str | None
    message_id: str | None
    subject: str | None
    type: str | None
    letter_id: str | None
    feed_id: Serial
    offset: int | None
    stream: str | None
    version: int | None
    before: str | None
    verdict: str
    reason: str
    took_effect_at: datetime | None
    told_at: datetime

    @classmethod
    def of(cls, notice: Notice, told_at: datetime) -> Self:
        source, message_id, subject = notice.key or (None, None, None)
        return cls(
            source=source,
            message_id=message_id,
            subject=subject,
            type=notice.type,
            letter_id=notice.letter_id,
            feed_id=Serial(notice.feed_id),
            offset=notice.offset,
            stream=notice.stream,
            version=notice.version,
            before=None if notice.before is None else _WRITTEN[notice.before],
            verdict=_WRITTEN[notice.outcome.verdict],
            reason=notice.outcome.reason,
            took_effect_at=notice.outcome.took_effect_at,
            told_at=told_at,
        )
