"""The outbox of copies of messages held for longer than WAYBILL_HOLD_HOURS."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, select

from consumers.ingest.register import MessageKey
from consumers.relay import dead_letter_copies
from consumers.relay.dead_letter_copies import DeadLetter
from consumers.sinks.sink import Record
from domain.fact import Fact
from domain.verdict import Verdict
from infra.outbox.message_content import FactsOfMessages, content_of, key_of, topic_of
from infra.outbox.outbox import Outgoing
from infra.store.backend import Backend
from infra.store.engine import connected
from infra.store.register.dead import has_expired
from infra.store.register.letter_ids import letter_id_of
from infra.store.register.tables import feeds, messages, raw_messages
from projections.views.columns import EPOCH

# Each entry has the bytes of a message.
LETTERS_AT_ONCE = 200
MICROSECOND = timedelta(microseconds=1)


def instant_of(position: int) -> datetime:
    """Every expired message received by this instant was processed."""
    return EPOCH + position * MICROSECOND


def limit_of(position: int) -> datetime:
    """The same as a limit of `infra.store.register.dead`: messages received before this instant were processed."""
    return instant_of(position) + MICROSECOND


def position_of(instant: datetime) -> int:
    return (instant - EPOCH) // MICROSECOND


class ExpiriesOutbox:
    """Implements infra.outbox.outbox.Outbox; a position is an instant of receipt, in microseconds since 1970.

    It copies messages that came on one of the topics `dead_of`.
    """

    name = "relay.expired"

    def __init__(
        self,
        backend: Backend,
        dead_of: Sequence[str],
        clock: Callable[[], datetime],
        hold: timedelta,
        connection: Connection | None = None,
    ):
        self._engine = backend.engine
        self._connection = connection
        self._dead_of = frozenset(dead_of)
        self._clock = clock
        self._hold = hold
        self._facts = FactsOfMessages(backend, connection)

    def after(self, position: int) -> Outgoing:
        with connected(self._engine, self._connection) as connection:
            waiting = self._expired_after(position)
            received = connection.execute(
                select(messages.c.received_at).where(waiting).order_by(messages.c.received_at).limit(LETTERS_AT_ONCE)
            ).scalars()
            # Many messages may be received at one instant; all of them belong to one step.
            last = max(received, default=None)
            if last is None:
                return Outgoing((), position)
            rows = connection.execute(_with_bytes().where(waiting, messages.c.received_at <= last)).all()
        dead = [row for row in rows if topic_of(row.topic) in self._dead_of]
        facts = self._facts({key_of(row) for row in dead if row.body is None})
        return Outgoing([dead_letter_copies.record_of(self._letter(row, facts)) for row in dead], position_of(last))

    def records_about(self, message: MessageKey) -> list[tuple[int, Record]]:
        """The copy of one message, if it is held too long, with its position."""
        about = and_(*(messages.c[name] == value for name, value in message._asdict().items()))
        with connected(self._engine, self._connection) as connection:
            rows = connection.execute(_with_bytes().where(about, has_expired(self._clock() - self._hold))).all()
        dead = [row for row in rows if topic_of(row.topic) in self._dead_of]
        facts = self._facts({key_of(row) for row in dead if row.body is None})
        copies = (dead_letter_copies.record_of(self._letter(row, facts)) for row in dead)
        return [(position_of(row.received_at), copy) for row, copy in zip(dead, copies, strict=True)]

    def lag(self, position: int) -> int:
        with connected(self._engine, self._connection) as connection:
            counted = select(func.count()).select_from(messages).where(self._expired_after(position))
            return int(connection.execute(counted).scalar_one())

    def newest(self, connection: Connection, now: datetime) -> int:
        # A message received exactly at the limit has not expired yet, so it is processed later.
        return position_of(now - self._hold - MICROSECOND)

    def _expired_after(self, position: int) -> ColumnElement[bool]:
        return and_(has_expired(self._clock() - self._hold), messages.c.received_at > instant_of(position))

    def _letter(self, row: Row[Any], facts: Mapping[MessageKey, Fact]) -> DeadLetter:
        reason = f"{row.reason}; held for more than {self._hold // timedelta(hours=1)} hours"
        where = (topic_of(row.topic), row.partition, row.offset)
        letter_id = letter_id_of(*key_of(row))
        return DeadLetter(*where, Verdict.HELD, reason, letter_id, row.subject, *content_of(row, facts))


def _with_bytes() -> Any:
    kept = and_(*(messages.c[name] == raw_messages.c[name] for name in MessageKey._fields))
    return (
        select(messages, feeds.c.topic, feeds.c.partition, raw_messages.c.body, raw_messages.c.headers)
        .join_from(messages, feeds, messages.c.feed_id == feeds.c.feed_id)
        .outerjoin(raw_messages, kept)
        .order_by(messages.c.received_at, messages.c.feed_id, messages.c.offset)
    )
