"""Malformed messages by what they claim: was a message of this source and id malformed, and if so, why?"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, select

from domain.verdict import Verdict
from infra.queries.dead_letters import topic_of_feed
from infra.serialization import text_and_base64
from infra.store.register.set_aside import is_superseded, malformed_set_aside_at
from infra.store.register.tables import feeds, malformed_messages, messages

LONGEST_HEAD = 500
"""How many characters of the bytes are shown; `waybill dead-letters show` has all of them."""
CLAIMS_READ = 1_000

SEND_AGAIN = "correct it and send it again; the same id may be used"
IS_SUPERSEDED = "nothing: a message of this source and id was applied"
CAME_RIGHT = "nothing here: the message came right under this id, and is {verdict}"
IS_SET_ASIDE = "nothing: an operator set it aside"


class Superseding(NamedTuple):
    """The message that was applied under the source and id that a malformed one claims."""

    source: str
    id: str
    subject: str
    recorded_at: datetime


class MalformedReport(NamedTuple):
    """A malformed message; `subject` and `type` are what it claims, None where that cannot be read.

    `reason` names the fields at fault and what they must be, `remedy` what to do. It came from `topic`, `partition`
    and `offset` (of a file: the line from 0). `body` is the beginning of its bytes. `repeats` counts how often the same
    bytes came again. `set_aside_at` is since when nobody has to look at it.
    """

    source: str
    id: str
    subject: str | None
    type: str | None
    verdict: str
    reason: str
    remedy: str
    letter_id: str
    topic: str
    partition: int
    offset: int
    received_at: datetime
    repeats: int
    superseded_by: Superseding | None
    set_aside_at: datetime | None
    body: str


class MalformedClaims:
    """Reads the malformed messages that claim a source and an id."""

    def __init__(self, engine: Engine):
        self._engine = engine

    def find(self, source: str, message_id: str) -> list[MalformedReport]:
        """The malformed messages that claim this source and id, the oldest first."""
        malformed = malformed_messages.c
        question = (
            select(
                *(malformed[name] for name in ("letter_id", "reason", "body", "received_at", "repeats", "offset")),
                malformed.claimed_subject.label("subject"),
                malformed.claimed_type.label("type"),
                topic_of_feed(),
                feeds.c.partition,
                is_superseded().label("superseded"),
                malformed_set_aside_at().label("set_aside_at"),
            )
            .join_from(malformed_messages, feeds, malformed.feed_id == feeds.c.feed_id)
            .where(malformed.claimed_source == source, malformed.claimed_id == message_id)
            .order_by(malformed.received_at, malformed.letter_id)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(question).all()
            return [self._report(connection, row, source, message_id) for row in rows]

    def ids_claimed(self, source: str) -> Sequence[str]:
        """Ids that malformed messages of this source claim; at most 1,000."""
        claimed = malformed_messages.c
        question = select(claimed.claimed_id).where(claimed.claimed_source == source, claimed.claimed_id.is_not(None))
        with self._engine.connect() as connection:
            return list(connection.execute(question.limit(CLAIMS_READ)).scalars())

    def _report(self, connection: Connection, row: Any, source: str, message_id: str) -> MalformedReport:
        superseding = self._superseding(connection, row, source, message_id) if row.superseded else None
        remedy = IS_SUPERSEDED if superseding else IS_SET_ASIDE if row.set_aside_at else SEND_AGAIN
        if remedy == SEND_AGAIN and (verdict := self._verdict_of(connection, row, source, message_id)) is not None:
            remedy = CAME_RIGHT.format(verdict=verdict)
        text = text_and_base64(row.body)[0]
        return MalformedReport(
            source=source,
            id=message_id,
            subject=row.subject,
            type=row.type,
            verdict=Verdict.MALFORMED.value,
            reason=row.reason,
            remedy=remedy,
            letter_id=row.letter_id,
            topic=row.topic,
            partition=row.partition,
            offset=row.offset,
            received_at=row.received_at,
            repeats=row.repeats,
            superseded_by=superseding,
            set_aside_at=row.set_aside_at,
            body=text if len(text) <= LONGEST_HEAD else text[:LONGEST_HEAD] + "…",
        )

    def _superseding(self, connection: Connection, row: Any, source: str, message_id: str) -> Superseding | None:
        known = messages.c
        question = select(known.source, known.message_id, known.subject, known.recorded_at).where(
            known.source == source, known.message_id == message_id, known.verdict == Verdict.APPLIED.value
        )
        if row.subject is not None:
            question = question.where(known.subject == row.subject)
        found = connection.execute(question.order_by(known.recorded_at).limit(1)).one_or_none()
        return None if found is None else Superseding._make(found)

    def _verdict_of(self, connection: Connection, row: Any, source: str, message_id: str) -> str | None:
        """The verdict of the message that a malformed one claims to be; None if no such message is known."""
        known = messages.c
        question = select(known.verdict).where(
            known.source == source, known.message_id == message_id, known.subject == row.subject
        )
        return connection.execute(question).scalar_one_or_none()
