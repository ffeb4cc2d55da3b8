"""Reingest: reads a topic's past again, into the store or as a dry run."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from kafka import KafkaConsumer
from kafka.errors import KafkaError

from consumers.ingest.pipeline import Clock, Ingest, Part
from consumers.ingest.register import Feed, Register
from consumers.kafka_workarounds import CHECKS_OF_OUR_OWN, cause_of, read_batches_safely
from consumers.sinks.sink import NotReachedError
from consumers.sources.kafka import Partition
from consumers.sources.kafka_past import Point, TopicsPast
from consumers.sources.source import READ_AGAIN, Batch, FeedPosition
from domain.verdict import Verdict
from infra.app.container import Waybill
from infra.kafka.connection import kafka_connection
from infra.queries.books import VerdictCounts
from infra.queries.dead_letters import UntakenCounts

ASK_MS = 5_000


class WouldBe(NamedTuple):
    """The outcome of one message in a dry run."""

    topic: str
    partition: int
    offset: int
    verdict: Verdict
    reason: str
    source: str | None
    id: str | None
    subject: str | None


class ReingestReport(NamedTuple):
    """The result of a reingest, with the present verdict of each message."""

    counts: VerdictCounts
    untaken: UntakenCounts


def reingest_topic(waybill: Waybill, topic: str, begin: Point, end: Point | None) -> ReingestReport:
    """Read a topic's past again and project it. Messages taken before are duplicates. Raises NotReachedError."""
    with _reading(waybill, topic, begin, end) as again:
        feeds = again.take()
    waybill.project()
    return ReingestReport(
        VerdictCounts.of(*(waybill.register.tally(feed_id) for feed_id in feeds)),
        waybill.dead_letters.counts_of_feeds(feeds, waybill.clock()),
    )


def would_reingest(waybill: Waybill, topic: str, begin: Point, end: Point | None) -> Sequence[WouldBe]:
    """The outcome of each message in a dry run, by partition and offset. Stores nothing. Raises NotReachedError."""
    with _reading(waybill, topic, begin, end) as again:
        return again.try_out()


@contextmanager
def _reading(waybill: Waybill, topic: str, begin: Point, end: Point | None) -> Iterator["Reingest"]:
    settings = waybill.settings
    try:
        connection, size = kafka_connection(settings), settings.max_message_bytes
        with topics_past(connection, topic, begin, end, settings.batch_messages, size) as past:
            yield Reingest(past, waybill.ingest(rereading=True), waybill.register, waybill.clock)
    except (KafkaError, OSError) as e:
        raise NotReachedError(f"Kafka at {settings.kafka} failed: {cause_of(e)}") from e


@contextmanager
def topics_past(
    connection: Mapping[str, Any], topic: str, begin: Point, end: Point | None, max_records: int, max_bytes: int
) -> Iterator[TopicsPast]:
    """The past of a topic; its offsets are looked up at once. Raises KafkaError or OSError."""
    read_batches_safely(max_bytes)
    consumer = KafkaConsumer(
        **connection,
        **CHECKS_OF_OUR_OWN,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        allow_auto_create_topics=False,
        max_poll_records=max_records,
        bootstrap_timeout_ms=ASK_MS,
    )
    try:
        yield TopicsPast(consumer, topic, begin, end)
    finally:
        consumer.close(autocommit=False, timeout_ms=ASK_MS)


class Reingest:
    """One reading of a topic's past."""

    def __init__(self, past: TopicsPast, ingest: Ingest, register: Register, clock: Clock):
        self._past = past
        self._ingest = ingest
        self._register = register
        self._clock = clock

    def take(self) -> Sequence[int]:
        """Ingest everything; returns the feeds, one a partition. Messages ingested before are duplicates."""
        names = {number: self._named(number) for number in self._past.ranges}
        feeds = {number: self._open(number) for number in self._past.ranges}
        for number, messages, end in self._past.batches():
            feed = feeds[number]
            self._ingest.take(names[number], feed, Batch(messages, feed.position, FeedPosition(end)))
            feeds[number] = Feed(feed.feed_id, FeedPosition(end))
        for feed in feeds.values():
            self._register.finish_feed(feed.feed_id, self._clock())
        return [feed.feed_id for feed in feeds.values()]

    def try_out(self) -> Sequence[WouldBe]:
        """The outcome of each message in a dry run, by partition and offset. Stores nothing."""
        receipts = self._ingest.would_take(
            [
                Part(
                    self._named(number),
                    Feed(-1 - number, FeedPosition()),
                    Batch(messages, FeedPosition(), FeedPosition()),
                )
            ]
            for number, messages, _ in self._past.batches()
        )
        return [
            WouldBe(
                self._past.topic,
                -1 - receipt.feed_id,
                receipt.offset,
                receipt.verdict,
                receipt.reason,
                *(receipt.key or (None, None, None)),
            )
            for receipt in sorted(receipts, key=lambda receipt: (-receipt.feed_id, receipt.offset))
        ]

    def _open(self, number: int) -> Feed:
        topic = READ_AGAIN + self._past.topic
        left = self._register.feed_to_resume(topic, number)
        if left is not None:
            # An interrupted reading: this one finds its messages in the store.
            self._register.finish_feed(left.feed_id, self._clock())
        return self._register.open_feed(topic, number, self._clock())

    def _named(self, number: int) -> Partition:
        """The consumer's name for the feed, so that a malformed message keeps its letter id."""
        is_first = self._register.is_first_topic(self._past.topic, number, self._past.topic_id)
        return Partition(self._past.topic, number, is_first)
