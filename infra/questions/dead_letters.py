"""Dead letters and held messages: what was not taken, why, and what was received, whole."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Select, Text, and_, literal, null, or_, select

from domain.verdict import Verdict
from infra.store.register_tables import feeds, letters, messages, raw_messages

COLUMNS = (
    "letter_id",
    "verdict",
    "reason",
    "subject",
    "type",
    "source",
    "id",
    "topic",
    "partition",
    "offset",
    "seen_at",
    "discarded_at",
)


def letter_id_of(source: str, message_id: str, subject: str) -> str:
    """The letter id of a well-formed message: the first 16 hexadecimal digits of a SHA-256 of what it is known by."""
    return hashlib.sha256("\0".join((source, message_id, subject)).encode()).hexdigest()[:16]


class DeadLetters:
    """Reads the malformed, the refused and those held too long, and what is held."""

    def __init__(self, engine: Engine, hold: timedelta):
        self._engine = engine
        self._hold = hold

    def dead(
        self, now: datetime, as_of: datetime | None = None, known_at: datetime | None = None, *, discarded: bool = False
    ) -> list[dict[str, Any]]:
        """Dead letters seen by both clocks, the oldest first; with `discarded`, those set aside too.

        A voided message counts as discarded from the moment at which it was seen.
        """
        clocks = [clock for clock in (as_of, known_at) if clock is not None]
        limit = min(clocks, default=now)
        expired = and_(messages.c.verdict == Verdict.HELD.value, messages.c.received_at < self._expiry(limit))
        refused = messages.c.verdict == Verdict.REFUSED.value
        with self._engine.connect() as connection:
            rows = [
                *_letter_rows(connection, _malformed()),
                *_letter_rows(connection, _well_formed().where(or_(refused, expired))),
            ]
        seen = [row for row in rows if row["seen_at"] <= limit]
        return sorted(
            (_as_of(row, limit) for row in seen if discarded or not _is_discarded(row, limit)),
            key=lambda row: (row["seen_at"], row["letter_id"]),
        )

    def held(self, now: datetime) -> list[dict[str, Any]]:
        """Messages that wait for what they name, the longest waiting first; those that waited too long are dead."""
        waiting = and_(messages.c.verdict == Verdict.HELD.value, messages.c.received_at >= self._expiry(now))
        with self._engine.connect() as connection:
            rows = _letter_rows(connection, _well_formed().where(waiting))
            return sorted(rows, key=lambda row: (row["seen_at"], row["letter_id"]))

    def _expiry(self, at: datetime) -> datetime:
        """What was received before then and is still held has waited too long."""
        try:
            return at - self._hold
        except OverflowError:
            return datetime.min.replace(tzinfo=at.tzinfo)

    def body_of(self, letter: Mapping[str, Any]) -> tuple[bytes, str] | None:
        """The bytes of a letter as they were received, and its headers as JSON; None when only the event was kept."""
        with self._engine.connect() as connection:
            if letter["verdict"] == Verdict.MALFORMED.value:
                found = select(letters.c.body, letters.c.headers).where(letters.c.letter_id == letter["letter_id"])
            else:
                found = select(raw_messages.c.body, raw_messages.c.headers).where(
                    raw_messages.c.source == letter["source"],
                    raw_messages.c.message_id == letter["id"],
                    raw_messages.c.subject == letter["subject"],
                )
            row = connection.execute(found).one_or_none()
        return (row[0], row[1]) if row else None


def _malformed() -> Select[Any]:
    return select(
        letters.c.letter_id.label("letter_id"),
        literal(Verdict.MALFORMED.value, Text).label("verdict"),
        letters.c.reason,
        null().label("subject"),
        null().label("type"),
        null().label("source"),
        null().label("id"),
        feeds.c.topic,
        feeds.c.partition,
        letters.c.offset,
        letters.c.received_at.label("seen_at"),
        letters.c.discarded_at,
        literal(False).label("voided"),
    ).join_from(letters, feeds, letters.c.feed_id == feeds.c.feed_id)


def _well_formed() -> Select[Any]:
    return select(
        null().label("letter_id"),
        messages.c.verdict,
        messages.c.reason,
        messages.c.subject,
        messages.c.type,
        messages.c.source,
        messages.c.message_id.label("id"),
        feeds.c.topic,
        feeds.c.partition,
        messages.c.offset,
        messages.c.recorded_at.label("seen_at"),
        messages.c.discarded_at,
        messages.c.voided,
    ).join_from(messages, feeds, messages.c.feed_id == feeds.c.feed_id)


def _letter_rows(connection: Connection, question: Select[Any]) -> Iterator[dict[str, Any]]:
    for row in connection.execute(question).mappings():
        letter = dict(row)
        if letter["letter_id"] is None:
            letter["letter_id"] = letter_id_of(letter["source"], letter["id"], letter["subject"])
        if letter.pop("voided"):
            letter["discarded_at"] = letter["discarded_at"] or letter["seen_at"]
        yield letter


def _is_discarded(letter: Mapping[str, Any], limit: datetime) -> bool:
    return letter["discarded_at"] is not None and letter["discarded_at"] <= limit


def _as_of(letter: dict[str, Any], limit: datetime) -> dict[str, Any]:
    return letter if _is_discarded(letter, limit) else {**letter, "discarded_at": None}
