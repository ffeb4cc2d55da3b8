"""The register: feeds with their books, and the transaction of a batch."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from consumers.ingest.register import Feed, Move, PartitionFeed, RegisterTransaction
from consumers.sources.source import FeedPosition
from domain.verdict import Verdict
from infra.store.backend import Backend
from infra.store.engine import LOCKED
from infra.store.register.tables import clock_holds, feeds, unreadable_batches
from infra.store.register.transaction import Statements, StoredRegisterTransaction
from infra.store.retries import RetryPolicy, retried
from infra.store.stored_rules_version import expect_rules

_COUNTED = tuple(verdict.value for verdict in Verdict)


class StoredRegister:
    """Implements consumers.ingest.register.Register.

    Every method except `transaction` retries during outages of the store, as `retry` says (none: it raises).
    """

    def __init__(self, backend: Backend, retry: RetryPolicy | None = None):
        self.retry = retry or RetryPolicy(0)
        self._backend = backend
        self._engine = backend.engine
        self._statements = Statements(backend)

    @retried
    def feed_to_resume(self, topic: str, partition: int) -> Feed | None:
        unfinished = (
            select(feeds.c.feed_id, feeds.c.next_offset, feeds.c.bytes_read, feeds.c.crc)
            .where(feeds.c.topic == topic, feeds.c.partition == partition, feeds.c.finished_at.is_(None))
            .order_by(feeds.c.feed_id.desc())
            .limit(1)
        )
        with self._engine.connect() as connection:
            row = connection.execute(unfinished).one_or_none()
        return Feed(row[0], FeedPosition(*row[1:])) if row else None

    @retried
    def open_feed(self, topic: str, partition: int, opened_at: datetime) -> Feed:
        with self._locked() as connection:
            expect_rules(connection)  # a feed of this process has no place in a store that is being restored
            opened = connection.execute(
                insert(feeds).values(topic=topic, partition=partition, opened_at=opened_at).returning(feeds.c.feed_id)
            )
            return Feed(opened.scalar_one(), FeedPosition())

    @retried
    def have_moved(self, moves: Sequence[Move]) -> bool:
        with self._engine.connect() as connection:
            stands = connection.execute(
                select(feeds.c.feed_id, feeds.c.next_offset, feeds.c.bytes_read, feeds.c.crc).where(
                    feeds.c.feed_id.in_([move.feed_id for move in moves])
                )
            ).all()
        return {row[0]: FeedPosition(*row[1:]) for row in stands} == {move.feed_id: move.end for move in moves}

    @retried
    def partition_feed(self, topic: str, partition: int, topic_id: str | None, now: datetime) -> PartitionFeed:
        # A consumer that takes over many partitions need not wait for the lock for each: except the first time, their
        # feeds exist.
        with self._engine.connect() as connection:
            found = _unfinished(connection, topic, partition)
            if found is not None and topic_id in (None, found.topic_id):
                return _as_partition_feed(connection, found, topic, partition)
        with self._locked() as connection:
            self._backend.lock(connection)
            expect_rules(connection)
            found, made_anew = _unfinished(connection, topic, partition), False
            if found is not None and topic_id is not None and found.topic_id is not None and found.topic_id != topic_id:
                _finish(connection, found.feed_id, now)
                found, made_anew = None, True
            if found is None:
                opening = insert(feeds).values(topic=topic, partition=partition, topic_id=topic_id, opened_at=now)
                connection.execute(opening)
                found = _unfinished(connection, topic, partition)
            elif found.topic_id is None:
                connection.execute(update(feeds).where(feeds.c.feed_id == found.feed_id).values(topic_id=topic_id))
            return _as_partition_feed(connection, found, topic, partition)._replace(made_anew=made_anew)

    @retried
    def is_first_topic(self, topic: str, partition: int, topic_id: str | None) -> bool:
        with self._engine.connect() as connection:
            known = connection.execute(
                select(feeds.c.topic_id).where(feeds.c.topic == topic, feeds.c.partition == partition)
            ).scalars()
            ids = list(known)
        return len(ids) <= 1 and (topic_id is None or {topic_id, *ids} - {None} == {topic_id})

    @retried
    def finish_feed(self, feed_id: int, finished_at: datetime) -> None:
        with self._locked() as connection:
            _finish(connection, feed_id, finished_at)

    @retried
    def stand_still(self, feed_id: int, offset: int, end_offset: int, reason: str, now: datetime) -> None:
        told = unreadable_batches.c
        with self._locked() as connection:
            self._backend.lock(connection)
            known = connection.execute(select(told.offset).where(told.feed_id == feed_id)).scalar_one_or_none()
            if known == offset:
                return
            connection.execute(delete(unreadable_batches).where(told.feed_id == feed_id))
            connection.execute(
                insert(unreadable_batches).values(
                    feed_id=feed_id, offset=offset, end_offset=end_offset, reason=reason, since=now
                )
            )

    @retried
    def go_on(self, feed_id: int) -> None:
        with self._locked() as connection:
            connection.execute(delete(unreadable_batches).where(unreadable_batches.c.feed_id == feed_id))

    @retried
    def tally(self, feed_id: int) -> Mapping[Verdict, int]:
        with self._engine.connect() as connection:
            counts = connection.execute(
                select(*(feeds.c[name] for name in _COUNTED)).where(feeds.c.feed_id == feed_id)
            ).one()
        return dict(zip(Verdict, counts, strict=True))

    def has_due(self, now: datetime) -> bool:
        due = select(clock_holds.c.held_until).where(clock_holds.c.held_until <= now).limit(1)
        with self._engine.connect() as connection:
            return connection.execute(due).first() is not None

    @contextmanager
    def transaction(self) -> Iterator[RegisterTransaction]:
        with self._locked() as connection:
            self._backend.lock(connection)
            # The store may have been migrated while this process was running.
            expect_rules(connection)
            yield StoredRegisterTransaction(connection, self._backend, self._statements)

    def _locked(self) -> Any:
        return self._engine.execution_options(**{LOCKED: True}).begin()


def _unfinished(connection: Connection, topic: str, partition: int) -> Any:
    """The feed's row; None if there is none."""
    return connection.execute(
        select(feeds.c.feed_id, feeds.c.next_offset, feeds.c.topic_id).where(
            feeds.c.topic == topic, feeds.c.partition == partition, feeds.c.finished_at.is_(None)
        )
    ).one_or_none()


def _as_partition_feed(connection: Connection, found: Any, topic: str, partition: int) -> PartitionFeed:
    named_so = select(func.count()).select_from(feeds).where(feeds.c.topic == topic, feeds.c.partition == partition)
    is_first = connection.execute(named_so).scalar_one() == 1
    return PartitionFeed(Feed(found.feed_id, FeedPosition(found.next_offset)), is_first)


def _finish(connection: Connection, feed_id: int, finished_at: datetime) -> None:
    connection.execute(update(feeds).where(feeds.c.feed_id == feed_id).values(finished_at=finished_at))
