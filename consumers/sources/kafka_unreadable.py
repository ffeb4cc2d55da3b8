"""Partitions that stand still at an unreadable batch, while the others go on."""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import structlog
from kafka import TopicPartition

from consumers.ingest.pipeline import Clock
from consumers.ingest.register import Feed
from consumers.kafka_workarounds import UnreadableBatch

SECONDS_BEFORE_TRYING_AGAIN = 5.0
"""The pause before an unreadable batch is fetched again, from the store's checkpoint at that time."""


class StoppedFeeds(Protocol):
    """The store's entries about feeds that stand still."""

    def stand_still(self, feed_id: int, offset: int, end_offset: int, reason: str, now: datetime) -> None:
        """Record that the batch between these offsets is unreadable. An existing entry for the same offset stays."""

    def go_on(self, feed_id: int) -> None:
        """Remove the entry, because the batch was read or skipped."""


class UnreadableBatches:
    """The first unreadable batch of each partition. It stops the partition when all before it is stored."""

    def __init__(self, feeds: StoppedFeeds, clock: Clock):
        self._feeds = feeds
        self._clock = clock
        self._found: dict[TopicPartition, UnreadableBatch] = {}
        self._stopped: dict[TopicPartition, float] = {}
        self._told: dict[TopicPartition, int] = {}
        self._log = structlog.get_logger(__name__)

    def __contains__(self, partition: object) -> bool:
        """Whether an unreadable batch was found, so that nothing more of the partition is wanted."""
        return partition in self._found

    def found(self, partition: TopicPartition, batch: UnreadableBatch) -> None:
        self._found.setdefault(partition, batch)

    def forget(self, partition: TopicPartition) -> None:
        """The partition is read anew from the store's checkpoint, where the same batch may be found again."""
        self._found.pop(partition, None)
        self._stopped.pop(partition, None)

    def revoked(self, partition: TopicPartition) -> None:
        """Another consumer has the partition."""
        self.forget(partition)
        self._told.pop(partition, None)

    def not_stopped_yet(self) -> Sequence[TopicPartition]:
        return [partition for partition in self._found if partition not in self._stopped]

    def stop(self, partition: TopicPartition, feed: Feed) -> None:
        """The feed has reached the batch: record it in the store and log it as an error, once."""
        batch = self._found[partition]
        self._stopped[partition] = time.monotonic()
        if self._told.get(partition) == batch.next_offset:
            return
        stands_at = feed.position.next_offset
        self._feeds.stand_still(feed.feed_id, stands_at, batch.next_offset, batch.reason, self._clock())
        self._told[partition] = batch.next_offset
        self._log.error(
            "batch_unreadable",
            topic=partition.topic,
            partition=partition.partition,
            next_offset=stands_at,
            end_offset=batch.next_offset,
            reason=batch.reason,
        )

    def to_try_again(self) -> Sequence[TopicPartition]:
        """The partitions that have stood still long enough to be read again."""
        before = time.monotonic() - SECONDS_BEFORE_TRYING_AGAIN
        return [partition for partition, since in self._stopped.items() if since < before]

    def moved(self, partition: TopicPartition, feed: Feed) -> None:
        """The feed has moved here; if it has passed the batch, the entry goes."""
        if feed.position.next_offset >= self._told.get(partition, feed.position.next_offset + 1):
            del self._told[partition]
            self._feeds.go_on(feed.feed_id)
