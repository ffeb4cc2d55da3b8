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
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, NamedTuple, Protocol

import structlog
from kafka import ConsumerRebalanceListener, OffsetAndMetadata, TopicPartition
from kafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from consumers.ingest.pipeline import Clock, Ingest, Part
from consumers.ingest.register import Feed, PartitionFeed
from consumers.kafka_workarounds import UnreadableBatch, topic_id
from consumers.sources.decompression import CutBytes
from consumers.sources.source import Batch, FeedPosition, RawMessage
from domain.checkpoint import CheckpointMovedError

ASK_MS = 5_000
SECONDS_BETWEEN_COMMITS = 1.0
SECONDS_BEFORE_TRYING_AGAIN = 5.0
"""The pause before an unreadable batch is fetched again, from the store's checkpoint at that time."""
LOG_APPEND_TIME = 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Feeds(Protocol):
    """The store's checkpoints of the partitions."""

    def partition_feed(self, topic: str, partition: int, topic_id: str | None, now: datetime) -> PartitionFeed:
        """The partition's feed. It is opened on first use, and when the topic has a new id."""

    def finish_feed(self, feed_id: int, finished_at: datetime) -> None:
        """End this feed of the partition; the next use opens a new one."""

    def stand_still(self, feed_id: int, offset: int, end_offset: int, reason: str, now: datetime) -> None:
        """Record that the batch between these offsets is unreadable. An existing entry for the same offset stays."""

    def go_on(self, feed_id: int) -> None:
        """Remove the entry, because the batch was read or skipped."""


@dataclass(frozen=True)
class Partition:
    """One partition for the ingest pipeline."""

    topic: str
    partition: int
    identifies_by_offset: bool = True


class PartitionState(NamedTuple):
    """The store's state of a partition that is being read."""

    partition: Partition
    feed: Feed
    topic_id: str | None


class Membership(ConsumerRebalanceListener):  # type: ignore[misc]
    """Receives the group's assignments and revocations, on the library's own thread.

    A new partition is paused at once: nothing is fetched before the seek.
    """

    def __init__(self, consumer: Any):
        self._consumer = consumer
        self._lock = Lock()
        self._given: set[TopicPartition] = set()
        self._changed: set[TopicPartition] = set()
        self.joined = False

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        given = set(assigned)
        for partition in given:
            # Any offset works; without one the library would look for a committed one.
            self._consumer.seek(partition, 0)
            self._consumer.pause(partition)
        with self._lock:
            self.joined = True
            self._given = given
            self._changed |= given

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        with self._lock:
            self.joined = False
            self._given = self._given - set(revoked)
            self._changed |= set(revoked)

    on_partitions_lost = on_partitions_revoked

    def given(self) -> set[TopicPartition]:
        with self._lock:
            return set(self._given)

    def changed(self) -> set[TopicPartition]:
        """The changes since the last call."""
        with self._lock:
            changed, self._changed = self._changed, set()
            return changed


class KafkaReader:
    """Reads topics into the ingest pipeline, one transaction a poll.

    `consumer` is a KafkaConsumer with a group, manual commits, `auto_offset_reset` "none" and the range assignor.
    """

    def __init__(self, consumer: Any, topics: Sequence[str], ingest: Ingest, feeds: Feeds, clock: Clock):
        self._consumer = consumer
        self._ingest = ingest
        self._feeds = feeds
        self._clock = clock
        self._partitions: dict[TopicPartition, PartitionState] = {}
        self._to_commit: dict[TopicPartition, OffsetAndMetadata] = {}
        self._committed_at = time.monotonic()
        self._stopped: dict[TopicPartition, float] = {}
        self._told: dict[TopicPartition, int] = {}
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

    def step(self, wait_ms: int) -> int:
        """Poll once, for at most this many milliseconds, and store the messages; returns how many.

        Raises KafkaError or OSError when Kafka fails, and the errors of the store; then nothing was stored, and the
        next step continues from the store's checkpoint.
        """
        polled = self._poll(wait_ms)
        self._let_go()
        self._leave_topics_of_old()
        polled, unreadable = _up_to_what_is_unreadable(polled)
        stored = self._store(self._parts(polled))
        self._stop_at(unreadable)
        self._try_again()
        if not polled:
            self._pass_over_markers()
        self._seek()
        self._commit_now_and_then()
        return stored

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
            return dict(self._consumer.poll(wait_ms))
        except OffsetOutOfRangeError as e:
            self._go_on_where_something_is(e.args[0])
        except NoOffsetForPartitionError:
            # A partition that was assigned just now; the seek follows.
            pass
        return {}

    def _let_go(self) -> None:
        for partition in self._membership.changed():
            self._partitions.pop(partition, None)
            self._stopped.pop(partition, None)
            self._told.pop(partition, None)
            self._to_commit.pop(partition, None)

    def _leave_topics_of_old(self) -> None:
        """Seek again if a topic was deleted and created again: its offsets differ from the store's."""
        for partition, state in list(self._partitions.items()):
            known = topic_id(self._consumer, partition.topic)
            if known is not None and state.topic_id is not None and known != state.topic_id:
                self._hold_back([partition])

    def _parts(self, polled: Mapping[TopicPartition, Sequence[Any]]) -> list[Part]:
        parts = []
        for partition, records in polled.items():
            state = self._partitions.get(partition)
            if state is None:
                continue
            start = state.feed.position
            if records[0].offset < start.next_offset:
                # The group assigned it again during the seek.
                self._hold_back([partition])
                continue
            messages = [raw_message(record) for record in records]
            parts.append(
                Part(state.partition, state.feed, Batch(messages, start, FeedPosition(messages[-1].offset + 1)))
            )
        return parts

    def _stop_at(self, unreadable: Mapping[TopicPartition, UnreadableBatch]) -> None:
        """Pause these partitions and log it as an error; the others go on."""
        for partition, batch in unreadable.items():
            state = self._partitions.get(partition)
            if state is None:
                continue
            self._stopped[partition] = time.monotonic()
            _if_it_is_ours(self._consumer.pause, partition)
            if self._told.get(partition) == batch.next_offset:
                continue
            stands_at = state.feed.position.next_offset
            self._feeds.stand_still(state.feed.feed_id, stands_at, batch.next_offset, batch.reason, self._clock())
            self._told[partition] = batch.next_offset
            self._log.error(
                "batch_unreadable",
                topic=partition.topic,
                partition=partition.partition,
                next_offset=state.feed.position.next_offset,
                end_offset=batch.next_offset,
                reason=batch.reason,
            )

    def _try_again(self) -> None:
        before = time.monotonic() - SECONDS_BEFORE_TRYING_AGAIN
        self._hold_back([partition for partition, since in self._stopped.items() if since < before])

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
        self._partitions[partition] = state._replace(feed=Feed(state.feed.feed_id, end))
        self._to_commit[partition] = OffsetAndMetadata(end.next_offset, "", -1)
        if end.next_offset >= self._told.get(partition, end.next_offset + 1):
            del self._told[partition]
            self._feeds.go_on(state.feed.feed_id)

    def _hold_back(self, partitions: Iterable[TopicPartition]) -> None:
        """Fetch nothing from these before the next seek."""
        for partition in list(partitions):
            self._partitions.pop(partition, None)
            self._stopped.pop(partition, None)
            if partition in self._membership.given():
                _if_it_is_ours(self._consumer.pause, partition)

    def _seek(self) -> None:
        for partition in self._membership.given() - self._partitions.keys():
            known = topic_id(self._consumer, partition.topic)
            feed, is_first, made_anew = self._feeds.partition_feed(
                partition.topic, partition.partition, known, self._clock()
            )
            if made_anew:
                self._log.error("topic_recreated", topic=partition.topic, partition=partition.partition)
            if _if_it_is_ours(self._consumer.seek, partition, feed.position.next_offset):
                _if_it_is_ours(self._consumer.resume, partition)
                named = Partition(partition.topic, partition.partition, is_first)
                self._partitions[partition] = PartitionState(named, feed, known)
                self._log.info(
                    "partition_taken_over",
                    topic=partition.topic,
                    partition=partition.partition,
                    next_offset=feed.position.next_offset,
                )

    def _pass_over_markers(self) -> None:
        """The end marker of a transaction uses an offset but is no message: skip it if nothing follows."""
        parts = []
        for partition, state in self._partitions.items():
            if partition in self._stopped:
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


def _up_to_what_is_unreadable(
    polled: Mapping[TopicPartition, Sequence[Any]],
) -> tuple[Mapping[TopicPartition, Sequence[Any]], Mapping[TopicPartition, UnreadableBatch]]:
    """The records before the first unreadable batch, and that batch."""
    readable: dict[TopicPartition, Sequence[Any]] = {}
    unreadable: dict[TopicPartition, UnreadableBatch] = {}
    for partition, records in polled.items():
        at = next((n for n, record in enumerate(records) if type(record.value) is UnreadableBatch), None)
        if at is not None:
            unreadable[partition] = records[at].value
            records = records[:at]
        if records:
            readable[partition] = records
    return readable, unreadable


def raw_message(record: Any) -> RawMessage:
    """A raw record of kafka-python; a header without a value gets an empty one."""
    headers = tuple((name, value or b"") for name, value in record.headers) if record.headers else ()
    value = record.value or b""
    whole = value.whole if type(value) is CutBytes else None
    broker_time = from_milliseconds(record.timestamp) if record.timestamp_type == LOG_APPEND_TIME else None
    unreadable = None
    for name, content in headers:
        if type(content) is CutBytes:
            unreadable = f"header {name[:100]}: must have fewer bytes, but has {content.whole.size}"
    return RawMessage(record.offset, bytes(value) if whole else value, headers, whole, broker_time, unreadable)


def from_milliseconds(timestamp: int) -> datetime:
    """A record's timestamp as an instant in UTC. One outside the calendar becomes the first or last instant."""
    try:
        return EPOCH + timedelta(milliseconds=timestamp)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if timestamp > 0 else datetime.min.replace(tzinfo=UTC)


def _if_it_is_ours(act: Any, *arguments: Any) -> bool:
    """Call something for a partition, unless it was revoked just now."""
    try:
        act(*arguments)
    except (ValueError, KeyError, IllegalStateError):
        return False
    return True
