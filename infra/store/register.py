"""The register: feeds and their books, and the transaction in which a batch is read and written."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, insert, select, update

from consumers.ingest.register import Feed, Move, PartitionFeed, RegisterTransaction
from consumers.sources.source import FeedPosition
from domain.verdict import Verdict
from infra.store.backend import Backend
from infra.store.dead import is_dead
from infra.store.engine import LOCKED
from infra.store.register_tables import feeds, letters, messages
from infra.store.register_transaction import Statements, StoredRegisterTransaction

_COUNTED = tuple(verdict.value for verdict in Verdict)


class StoredRegister:
    """Implements consumers.ingest.register.Register."""

    def __init__(self, backend: Backend):
        self._backend = backend
        self._engine = backend.engine
        self._statements = Statements(backend)

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

    def open_feed(self, topic: str, partition: int, opened_at: datetime) -> Feed:
        with self._locked() as connection:
            opened = connection.execute(
                insert(feeds).values(topic=topic, partition=partition, opened_at=opened_at).returning(feeds.c.feed_id)
            )
            return Feed(opened.scalar_one(), FeedPosition())

    def have_moved(self, moves: Sequence[Move]) -> bool:
        with self._engine.connect() as connection:
            stands = connection.execute(
                select(feeds.c.feed_id, feeds.c.next_offset, feeds.c.bytes_read, feeds.c.crc).where(
                    feeds.c.feed_id.in_([move.feed_id for move in moves])
                )
            ).all()
        return {row[0]: FeedPosition(*row[1:]) for row in stands} == {move.feed_id: move.end for move in moves}

    def partition_feed(self, topic: str, partition: int, now: datetime) -> PartitionFeed:
        # Who takes many partitions over need not queue for the lock with each: all but the first time they are there.
        with self._engine.connect() as connection:
            found = self._unfinished(connection, topic, partition)
        if found is not None:
            return found
        with self._locked() as connection:
            self._backend.lock(connection)
            found = self._unfinished(connection, topic, partition)
            if found is not None:
                return found
            opened = connection.execute(
                insert(feeds).values(topic=topic, partition=partition, opened_at=now).returning(feeds.c.feed_id)
            )
            return PartitionFeed(
                Feed(opened.scalar_one(), FeedPosition()), self._feeds_of(connection, topic, partition) == 1
            )

    def _unfinished(self, connection: Connection, topic: str, partition: int) -> PartitionFeed | None:
        row = connection.execute(
            select(feeds.c.feed_id, feeds.c.next_offset).where(
                feeds.c.topic == topic, feeds.c.partition == partition, feeds.c.finished_at.is_(None)
            )
        ).one_or_none()
        if row is None:
            return None
        feed = Feed(row.feed_id, FeedPosition(row.next_offset))
        return PartitionFeed(feed, self._feeds_of(connection, topic, partition) == 1)

    def feeds_of(self, topic: str, partition: int) -> int:
        with self._engine.connect() as connection:
            return self._feeds_of(connection, topic, partition)

    def _feeds_of(self, connection: Connection, topic: str, partition: int) -> int:
        named_so = select(func.count()).select_from(feeds).where(feeds.c.topic == topic, feeds.c.partition == partition)
        return int(connection.execute(named_so).scalar_one())

    def finish_feed(self, feed_id: int, finished_at: datetime) -> None:
        with self._locked() as connection:
            connection.execute(update(feeds).where(feeds.c.feed_id == feed_id).values(finished_at=finished_at))

    def tally(self, feed_id: int) -> Mapping[Verdict, int]:
        with self._engine.connect() as connection:
            counts = connection.execute(
                select(*(feeds.c[name] for name in _COUNTED)).where(feeds.c.feed_id == feed_id)
            ).one()
        return dict(zip(Verdict, counts, strict=True))

    def dead_in_feed(self, feed_id: int, received_before: datetime) -> int:
        malformed = select(func.count()).select_from(letters).where(_of_feed(letters, feed_id))
        dead = select(func.count()).select_from(messages).where(is_dead(received_before), _of_feed(messages, feed_id))
        with self._engine.connect() as connection:
            return sum(int(connection.execute(question).scalar_one()) for question in (malformed, dead))

    @contextmanager
    def transaction(self) -> Iterator[RegisterTransaction]:
        with self._locked() as connection:
            self._backend.lock(connection)
            yield StoredRegisterTransaction(connection, self._backend, self._statements)

    def _locked(self) -> Any:
        return self._engine.execution_options(**{LOCKED: True}).begin()


def _of_feed(table: Table, feed_id: int) -> ColumnElement[bool]:
    """What the feed brought first, or was the last to bring again."""
    return (table.c.feed_id == feed_id) | (table.c.last_feed_id == feed_id)
