"""The outbox of waybill.verdicts and of copies of messages that are dead at once: the notices in order."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, select

from consumers.contract.claims import Claimed, claimed_by
from consumers.ingest.register import MessageKey
from consumers.relay import dead_letter_copies, verdicts
from consumers.relay.dead_letter_copies import DeadLetter
from consumers.relay.effects import EventRef
from consumers.relay.verdicts import Told
from consumers.sinks.sink import Record
from domain.fact import Fact
from domain.verdict import Outcome, Verdict
from infra.outbox.message_content import FactsOfMessages, content_of, key_of, topic_of
from infra.outbox.outbox import Outgoing
from infra.store.backend import Backend
from infra.store.engine import connected
from infra.store.register.dead import waited_too_long
from infra.store.register.headers import read_headers
from infra.store.register.letter_ids import NOT_APPLIED, letter_id_of
from infra.store.register.tables import feeds, malformed_messages, messages, notices, raw_messages

# Each entry may have the bytes of a message.
NOTICES_AT_ONCE = 200


class VerdictsOutbox:
    """Implements infra.outbox.outbox.Outbox; a position is the number of a notice.

    It copies messages that came on one of the topics `dead_of`; for files there is no topic to copy to. A message
    received before `expired_before()` that became held just now has already expired.
    """

    name = "relay.verdicts"

    def __init__(
        self,
        backend: Backend,
        topic: str,
        source: str,
        dead_of: Sequence[str],
        expired_before: Callable[[], datetime],
        connection: Connection | None = None,
    ):
        self._engine = backend.engine
        self._connection = connection
        self._topic = topic
        self._source = source
        self._dead_of = frozenset(dead_of)
        self._expired_before = expired_before
        self._facts = FactsOfMessages(backend, connection)
        about = and_(*(notices.c[name] == messages.c[name] for name in MessageKey._fields))
        kept = and_(*(notices.c[name] == raw_messages.c[name] for name in MessageKey._fields))
        self._after = (
            select(
                notices,
                feeds.c.topic,
                feeds.c.partition,
                messages.c.offset.label("first_offset"),
                messages.c.received_at,
                func.coalesce(malformed_messages.c.body, raw_messages.c.body).label("body"),
                func.coalesce(malformed_messages.c.headers, raw_messages.c.headers).label("headers"),
            )
            .join_from(notices, feeds, notices.c.feed_id == feeds.c.feed_id)
            .outerjoin(messages, about)
            .outerjoin(malformed_messages, notices.c.letter_id == malformed_messages.c.letter_id)
            .outerjoin(raw_messages, kept)
            .order_by(notices.c.notice_id)
            .limit(NOTICES_AT_ONCE)
        )

    def after(self, position: int) -> Outgoing:
        with connected(self._engine, self._connection) as connection:
            rows = connection.execute(self._after.where(notices.c.notice_id > position)).all()
        if not rows:
            return Outgoing((), position)
        return Outgoing([record for _, record in self._records(rows)], rows[-1].notice_id)

    def records_about(self, message: MessageKey | str) -> list[tuple[int, Record]]:
        """The records about one message (a malformed one: by its letter id), each with its position."""
        if isinstance(message, str):
            about = notices.c.letter_id == message
        else:
            about = and_(*(notices.c[name] == value for name, value in message._asdict().items()))
        with connected(self._engine, self._connection) as connection:
            return self._records(connection.execute(self._after.where(about).limit(None)).all())

    def first_verdicts(self, events: Collection[EventRef]) -> Mapping[EventRef, Outcome]:
        """The verdicts on receipt of the facts at these places, where it was another than applied."""
        found: dict[EventRef, Outcome] = {}
        with connected(self._engine, self._connection) as connection:
            for stream, version in events:
                given = select(notices.c.verdict, notices.c.reason).where(
                    notices.c.stream == stream, notices.c.version == version, notices.c.before.is_(None)
                )
                for verdict, reason in connection.execute(given):
                    found[stream, version] = Outcome(Verdict(verdict), reason)
        return found

    def _records(self, rows: Sequence[Row[Any]]) -> list[tuple[int, Record]]:
        told = [(row, _told(row)) for row in rows if not _was_withdrawn(row)]
        limit = self._expired_before()
        dead = [(row, one) for row, one in told if self._is_dead(one, row.received_at, limit)]
        facts = self._facts({one.key for row, one in dead if one.key is not None and row.body is None})
        copies = {row.notice_id: copy for row, one in dead if (copy := _copy(row, one, facts)) is not None}
        records: list[tuple[int, Record]] = []
        for row, one in told:
            if one.is_news:
                records.append((row.notice_id, verdicts.record_of(one, self._topic, self._source)))
            if row.notice_id in copies:
                records.append((row.notice_id, dead_letter_copies.record_of(copies[row.notice_id])))
        return records

    def lag(self, position: int) -> int:
        with connected(self._engine, self._connection) as connection:
            after = select(func.count()).select_from(notices).where(notices.c.notice_id > position)
            return int(connection.execute(after).scalar_one())

    def newest(self, connection: Connection, now: datetime) -> int:
        return int(connection.execute(select(func.coalesce(func.max(notices.c.notice_id), 0))).scalar_one())

    def _is_dead(self, told: Told, received_at: datetime | None, limit: datetime) -> bool:
        """Whether this verdict makes its message dead. A message that became held just now may have come long ago."""
        if told.before is told.verdict or told.topic not in self._dead_of:
            return False
        if told.verdict is Verdict.HELD:
            return received_at is not None and waited_too_long(received_at, limit)
        return told.verdict in (Verdict.MALFORMED, Verdict.REFUSED)


def _was_withdrawn(row: Row[Any]) -> bool:
    """Whether the notice is about the changed verdict of a derived message that is registered no more."""
    return row.offset is None and row.first_offset is None


def _told(row: Row[Any]) -> Told:
    key = None if row.source is None else key_of(row)
    verdict, letter_id = Verdict(row.verdict), row.letter_id
    if key is not None:
        named = Claimed(*key, type=row.type)
        letter_id = letter_id_of(*key) if verdict in NOT_APPLIED else letter_id
    else:
        named = Claimed() if row.body is None else claimed_by(row.body, read_headers(row.headers))
    return Told(
        key,
        named,
        letter_id,
        topic_of(row.topic),
        row.partition,
        row.first_offset if row.offset is None else row.offset,
        row.stream,
        row.version,
        None if row.before is None else Verdict(row.before),
        verdict,
        row.reason,
        row.took_effect_at,
        row.told_at,
    )


def _copy(row: Row[Any], told: Told, facts: Mapping[MessageKey, Fact]) -> DeadLetter | None:
    """The letter to copy; None for a malformed message that is no longer dead."""
    if row.body is None and told.key is None:
        return None
    subject = None if told.key is None else told.key.subject
    where = (told.topic, told.partition, told.offset)
    assert told.letter_id is not None, "what is dead is a letter"
    return DeadLetter(*where, told.verdict, told.reason, told.letter_id, subject, *content_of(row, facts))
