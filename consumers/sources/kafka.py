"""Kafka as a source: the partitions that a group assigns to this consumer, read from the store's checkpoints.

Only the store has the checkpoint of a partition, because it moves with the messages' effects in one transaction. So
when a partition is assigned to this consumer, it first seeks to the store's checkpoint. A consumer that has lost a
partition without noticing fails when it moves the checkpoint; it drops what it read and asks the store again. The
offsets committed to Kafka are only for lag tools.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import structlog
from kafka import OffsetAndMetadata, TopicPartition
from kafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from consumers.ingest.pipeline import Clock, Ingest, Part
from consumers.ingest.register import Feed, PartitionFeed
from consumers.kafka_workarounds import polled, topic_id
from consumers.sources.kafka_membership import Membership, if_it_is_ours
from consumers.sources.kafka_records import timed, up_to_what_is_unreadable
from consumers.sources.kafka_unreadable import StoppedFeeds, UnreadableBatches
from consumers.sources.record_order import RecordOrder
from consumers.sources.source import Batch, FeedPosition, RawMessage
from domain.checkpoint import CheckpointMovedError

ASK_MS = 5_000
AT_ONCE_MS = 1
MORE_MS = 250
"""The longest poll while buffered records wait for others."""
SECONDS_BETWEEN_COMMITS = 1.0


class Feeds(StoppedFeeds, Protocol):
    """The store's checkpoints of the partitions."""

    def partition_feed(self, topic: str, partition: int, topic_id: str | None, now: datetime) -> PartitionFeed:
        """The partition's feed. It is opened on first use, and when the topic has a new id."""

    def finish_feed(self, feed_id: int, finished_at: datetime) -> None:
        """End this feed of the partition; the next use opens a new one."""


@dataclass(frozen=True)
class Partition:
    """One partition for the ingest pipeline."""

    topic: str
    partition: int
    identifies_by_offset: bool = True


class PartitionState(NamedTuple):
    """A partition that is being read: the store's state, and the next offset to buffer."""

    partition: Partition
    feed: Feed
    topic_id: str | None
    next_offset: int


class KafkaReader:
    """Reads topics into the ingest pipeline, in the order of the records' timestamps; one transaction a batch.

    What was polled is buffered, and only what is stored moves a checkpoint: a buffer that is dropped is read again from
    the store's checkpoint. `consumer` is a KafkaConsumer with a group, manual commits, `auto_offset_reset` "none" and
    the range assignor. `order` holds the buffers and decides which records are stored next.
    """

    def __init__(
        self,
        consumer: Any,
        topics: Sequence[str],
        ingest: Ingest,
        feeds: Feeds,
        clock: Clock,
        order: RecordOrder[TopicPartition, RawMessage] | None = None,
    ):
        self._consumer = consumer
        self._topics = topics
        self._ingest = ingest
        self._feeds = feeds
        self._clock = clock
        self._order = order or RecordOrder()
        self._partitions: dict[TopicPartition, PartitionState] = {}
        self._full: set[TopicPartition] = set()
        self._unreadable = UnreadableBatches(feeds, clock)
        self._to_commit: dict[TopicPartition, OffsetAndMetadata] = {}
        self._committed_at = time.monotonic()
        self._log = structlog.get_logger(__name__)
        # With short polls the consumer may never join the group, unless the topics were looked up before.
        for topic in topics:
            consumer.partitions_for_topic(topic)
        self._membership = Membership(consumer)
        consumer.subscribe(topics, listener=self._membership)

    @property
    def joined(self) -> bool:
        """Whether the group has assigned our partitions (possibly none)."""
        return self._membership.joined

    @property
    def owned(self) -> int:
        """How many partitions are being read."""
        return len(self._partitions)

    @property
    def buffered(self) -> int:
        """How many polled messages are not stored yet."""
        return sum(self._order.buffered(partition) for partition in self._partitions)

    def step(self, wait_ms: int) -> int:
        """Poll once, for at most this many milliseconds, and store a batch if there is one; returns its messages.

        Raises KafkaError or OSError when Kafka fails, and the errors of the store; then nothing was stored, and the
        next step continues from the store's checkpoint.
        """
        polled = self._poll(self._patience(wait_ms))
        self._let_go()
        self._leave_topics_of_old()
        self._buffer(polled)
        stored = self._store(self._parts(self._order.take(time.monotonic())))
        self._stop_at_unreadable()
        if not polled:
            self._pass_over_markers()
        self._seek()
        self._poll_what_fits()
        self._commit_now_and_then()
        return stored

    def _patience(self, wait_ms: int) -> int:
        """How long to poll: a buffered batch is stored now, and buffered records wait for others only briefly."""
        if self._order.has_batch():
            return min(wait_ms, AT_ONCE_MS)
        return min(wait_ms, MORE_MS) if self._order.weight else wait_ms

    def stay(self, wait_ms: int = 0) -> None:
        """Stay a member of the group while nothing can or may be stored; the next step seeks the store's checkpoints.

        It waits for at most this many milliseconds. Raises KafkaError or OSError.
        """
        self._hold_back(self._partitions)
        # A partition that was assigned just now has no offset yet.
        with suppress(NoOffsetForPartitionError):
            self._consumer.poll(wait_ms)

    def follow_the_store(self) -> None:
        """Seek again where the store's checkpoint is not ours: after a failover it may lack the last transactions.

        The next batch of such a partition would fail and show it, but a quiet partition has no next batch.
        """
        moved = [
            partition
            for partition, state in self._partitions.items()
            if self._feeds.partition_feed(partition.topic, partition.partition, None, self._clock()).feed != state.feed
        ]
        self._hold_back(moved)

    def end_offsets(self) -> Mapping[TopicPartition, int]:
        """The end offsets of our partitions. Raises KafkaError or OSError if the broker does not answer."""
        return dict(self._consumer.end_offsets(list(self._partitions), timeout_ms=ASK_MS)) if self._partitions else {}

    def lag(self, ends: Mapping[TopicPartition, int]) -> int:
        """The number of offsets between the store's checkpoints and these ends."""
        ours = ((self._partitions[partition], end) for partition, end in ends.items() if partition in self._partitions)
        return sum(max(0, end - state.feed.position.next_offset) for state, end in ours)

    def close(self) -> None:
        """Commit to Kafka and leave the group, so that other consumers take over at once."""
        try:
            if self._to_commit:
                self._consumer.commit(self._to_commit, timeout_ms=ASK_MS)
        except (KafkaError, OSError) as e:
            self._log.info("offsets_not_committed", reason=str(e))
        self._consumer.close(autocommit=False, timeout_ms=ASK_MS)

    def _poll(self, wait_ms: int) -> Mapping[TopicPartition, Sequence[Any]]:
        try:
            return polled(self._consumer, wait_ms)
        except OffsetOutOfRangeError as e:
            self._go_on_where_something_is(e.args[0])
        except NoOffsetForPartitionError:
            # A partition that was assigned just now; the seek follows.
            pass
        return {}

    def _let_go(self) -> None:
        for partition in self._membership.changed():
            self._forget(partition)
            self._unreadable.revoked(partition)
            self._to_commit.pop(partition, None)

    def _forget(self, partition: TopicPartition) -> None:
        """Drop what is known and buffered of a partition."""
        self._partitions.pop(partition, None)
        self._full.discard(partition)
        self._order.drop(partition)
        self._unreadable.forget(partition)

    def _leave_topics_of_old(self) -> None:
        """Seek again if a topic was deleted and created again: its offsets differ from the store's."""
        for partition, state in list(self._partitions.items()):
            known = topic_id(self._consumer, partition.topic)
            if known is not None and state.topic_id is not None and known != state.topic_id:
                self._hold_back([partition])

    def _buffer(self, polled: Mapping[TopicPartition, Sequence[Any]]) -> None:
        readable, unreadable = up_to_what_is_unreadable(polled)
        for partition, records in readable.items():
            state = self._partitions.get(partition)
            if state is None or partition in self._unreadable:
                continue
            if records[0].offset < state.next_offset:
                # The group assigned it again during the seek.
                self._hold_back([partition])
                continue
            self._order.add(partition, [timed(record) for record in records])
            self._partitions[partition] = state._replace(next_offset=records[-1].offset + 1)
        for partition, batch in unreadable.items():
            if partition in self._partitions:
                self._unreadable.found(partition, batch)
        for partition in self._partitions:
            self._order.expect(partition, partition not in self._unreadable and not self._is_level(partition))

    def _is_level(self, partition: TopicPartition) -> bool:
        """Whether all of the partition was polled, as far as the client knows."""
        try:
            end = self._consumer.highwater(partition)
            if end is None or self._partitions[partition].next_offset >= end:
                return end is not None
            # The end markers of transactions use offsets, too.
            position = self._consumer.position(partition, timeout_ms=ASK_MS)
        except (IllegalStateError, KeyError):
            # It was revoked just now.
            return True
        return position is not None and position >= end

    def _poll_what_fits(self) -> None:
        """Pause the partitions of which enough is buffered, and those with an unreadable batch; resume the others."""
        for partition in self._partitions:
            fits = partition not in self._unreadable and self._order.has_room(partition)
            if fits and partition in self._full:
                self._full.discard(partition)
                if_it_is_ours(self._consumer.resume, partition)
            elif not fits and partition not in self._full:
                self._full.add(partition)
                if_it_is_ours(self._consumer.pause, partition)

    def _parts(self, taken: Mapping[TopicPartition, Sequence[RawMessage]]) -> list[Part]:
        parts = []
        for partition, messages in taken.items():
            state = self._partitions[partition]
            end = FeedPosition(messages[-1].offset + 1)
            parts.append(Part(state.partition, state.feed, Batch(messages, state.feed.position, end)))
        return parts

    def _stop_at_unreadable(self) -> None:
        """Stop the partitions whose next record is unreadable; read those again that have stood still for a while."""
        for partition in self._unreadable.not_stopped_yet():
            if not self._order.buffered(partition):
                self._unreadable.stop(partition, self._partitions[partition].feed)
        self._hold_back(self._unreadable.to_try_again())

    def _store(self, parts: Sequence[Part]) -> int:
        if not parts:
            return 0
        partitions = [TopicPartition(part.source.topic, part.source.partition) for part in parts]
        try:
            self._ingest.take_together(parts)
        except CheckpointMovedError as e:
            self._log.warning(
                "batch_dropped", reason=str(e), partitions=[f"{p.topic}/{p.partition}" for p in partitions]
            )
            self._hold_back(partitions)
            return 0
        except Exception:
            # The polled records are not in the store and will be read again.
            self._hold_back(partitions)
            raise
        for partition, part in zip(partitions, parts, strict=True):
            self._moved(partition, part.batch.end)
        return sum(len(part.batch.messages) for part in parts)

    def _moved(self, partition: TopicPartition, end: FeedPosition) -> None:
        state = self._partitions[partition]
        feed = Feed(state.feed.feed_id, end)
        next_offset = max(state.next_offset, end.next_offset)
        self._partitions[partition] = state._replace(feed=feed, next_offset=next_offset)
        self._to_commit[partition] = OffsetAndMetadata(end.next_offset, "", -1)
        self._unreadable.moved(partition, feed)

    def _hold_back(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop what is buffered of these, and fetch nothing from them before the next seek."""
        for partition in list(partitions):
            self._forget(partition)
            if partition in self._membership.given():
                if_it_is_ours(self._consumer.pause, partition)

    def _seek(self) -> None:
        # In the order of the topics: of records with the same time, orders come first.
        for partition in sorted(self._membership.given() - self._partitions.keys(), key=self._place):
            known = topic_id(self._consumer, partition.topic)
            feed, is_first, made_anew = self._feeds.partition_feed(
                partition.topic, partition.partition, known, self._clock()
            )
            if made_anew:
                self._log.error("topic_recreated", topic=partition.topic, partition=partition.partition)
            if if_it_is_ours(self._consumer.seek, partition, feed.position.next_offset):
                if_it_is_ours(self._consumer.resume, partition)
                named = Partition(partition.topic, partition.partition, is_first)
                self._partitions[partition] = PartitionState(named, feed, known, feed.position.next_offset)
                self._order.open(partition)
                self._log.info(
                    "partition_taken_over",
                    topic=partition.topic,
                    partition=partition.partition,
                    next_offset=feed.position.next_offset,
                )

    def _place(self, partition: TopicPartition) -> tuple[int, int]:
        return self._topics.index(partition.topic), partition.partition

    def _pass_over_markers(self) -> None:
        """The end marker of a transaction uses an offset but is no message: skip it if nothing follows."""
        parts = []
        for partition, state in self._partitions.items():
            if partition in self._unreadable or self._order.buffered(partition):
                continue
            try:
                position = self._consumer.position(partition, timeout_ms=ASK_MS)
            except IllegalStateError:
                continue
            if position is not None and position > state.feed.position.next_offset:
                parts.append(Part(state.partition, state.feed, Batch((), state.feed.position, FeedPosition(position))))
        self._store(parts)

    def _go_on_where_something_is(self, out_of_range: Mapping[TopicPartition, int]) -> None:
        """The store's checkpoint is not in the log: the records are gone, or the topic was created again."""
        self._let_go()
        # What was polled before comes first.
        self._store(self._parts(self._order.take_all(out_of_range)))
        ours = [partition for partition in out_of_range if partition in self._partitions]
        first = self._consumer.beginning_offsets(ours, timeout_ms=ASK_MS)
        end = self._consumer.end_offsets(ours, timeout_ms=ASK_MS)
        for partition in ours:
            state = self._partitions[partition]
            position = state.feed.position
            told = self._log.bind(
                topic=partition.topic,
                partition=partition.partition,
                next_offset=position.next_offset,
                first_offset=first[partition],
                end_offset=end[partition],
            )
            if position.next_offset < first[partition]:
                told.error("messages_gone", gone=first[partition] - position.next_offset)
                self._store([Part(state.partition, state.feed, Batch((), position, FeedPosition(first[partition])))])
            elif position.next_offset > end[partition]:
                told.error("topic_recreated")
                self._feeds.finish_feed(state.feed.feed_id, self._clock())
            self._hold_back([partition])

    def _commit_now_and_then(self) -> None:
        if not self._to_commit or time.monotonic() - self._committed_at < SECONDS_BETWEEN_COMMITS:
            return
        offsets, self._to_commit = self._to_commit, {}
        self._committed_at = time.monotonic()
        self._consumer.commit_async(offsets, callback=self._tell_of_commit)

    def _tell_of_commit(self, _: Any, response: Any) -> None:
        if isinstance(response, Exception):
            self._log.info("offsets_not_committed", reason=str(response))
