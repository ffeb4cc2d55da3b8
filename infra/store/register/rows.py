"""The rows that a batch adds to the register's tables: a field is a column; columns that are no field have defaults."""

from datetime import datetime
from typing import NamedTuple, Self

from consumers.ingest.register import NewLetter, NewMessage, Notice
from domain.streams import is_waiting_room
from domain.verdict import Verdict
from infra.store.register.headers import write_headers
from infra.store.register.letter_ids import letter_id_kept

# Looked up, since a member's own `value` is computed in Python whenever it is asked for.
_WRITTEN = {verdict: verdict.value for verdict in Verdict}


class MessageRow(NamedTuple):
    source: str
    message_id: str
    subject: str
    type: str
    feed_id: int
    last_feed_id: int
    offset: int
    stream: str
    version: int
    verdict: str
    reason: str
    voided: bool
    took_effect_at: datetime | None
    recorded_at: datetime
    received_at: datetime
    waits_in_room: bool
    letter_id: str | None

    @classmethod
    def of(cls, new: NewMessage, received_at: datetime) -> Self:
        arrival, stream, version, outcome = new
        return cls(
            *arrival.key,
            type=arrival.fact.TYPE,
            feed_id=arrival.feed_id,
            last_feed_id=arrival.feed_id,
            offset=arrival.raw.offset,
            stream=stream,
            version=version,
            verdict=_WRITTEN[outcome.verdict],
            reason=outcome.reason,
            voided=outcome.voided,
            took_effect_at=outcome.took_effect_at,
            recorded_at=arrival.fact.recorded_at,
            received_at=received_at,
            waits_in_room=is_waiting_room(stream),
            letter_id=letter_id_kept(outcome, *arrival.key),
        )


class RawMessageRow(NamedTuple):
    source: str
    message_id: str
    subject: str
    body: bytes
    headers: str

    @classmethod
    def of(cls, new: NewMessage) -> Self:
        key, _, _, raw = new.arrival
        return cls(*key, body=raw.body, headers=write_headers(raw.headers))


class LetterRow(NamedTuple):
    letter_id: str
    feed_id: int
    last_feed_id: int
    offset: int
    reason: str
    body: bytes
    headers: str
    received_at: datetime

    @classmethod
    def of(cls, new: NewLetter, received_at: datetime) -> Self:
        return cls(
            letter_id=new.letter_id,
            feed_id=new.feed_id,
            last_feed_id=new.feed_id,
            offset=new.raw.offset,
            reason=new.reason,
            body=new.raw.body,
            headers=write_headers(new.raw.headers),
            received_at=received_at,
        )


class NoticeRow(NamedTuple):
    source: str | None
    message_id: str | None
    subject: str | None
    type: str | None
    letter_id: str | None
    feed_id: int
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
            feed_id=notice.feed_id,
            offset=notice.offset,
            stream=notice.stream,
            version=notice.version,
            before=None if notice.before is None else _WRITTEN[notice.before],
            verdict=_WRITTEN[notice.outcome.verdict],
            reason=notice.outcome.reason,
            took_effect_at=notice.outcome.took_effect_at,
            told_at=told_at,
        )
