"""Records are stored in the order in which they happened, and each exactly once, whatever becomes of the buffers."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from kafka import KafkaProducer, TopicPartition
from structlog.testing import capture_logs

from consumers.contract.topics import read_topics
from consumers.ingest.pipeline import Ingest
from consumers.ingest.register import Receipt
from consumers.sources.kafka import KafkaReader
from consumers.sources.record_order import RecordOrder
from consumers.sources.source import RawMessage
from domain.verdict import Verdict
from infra.app.container import Waybill
from infra.app.status import read_status
from infra.kafka.connection import kafka_connection
from infra.runtime.consumer import PARTITION_BYTES, group_member
from infra.settings import Settings
from tests.integration.broker import Topics
from tests.integration.messages import Document, booked, dispatched, placed
from tests.integration.reading_topics import create

pytestmark = pytest.mark.kafka

ORDERS = 60
LONG = "x" * (PARTITION_BYTES // 6)
"""So that a poll brings few orders, and many of the short messages that wait for them."""
STEPS: Sequence[tuple[str, Callable[[str], Document]]] = (
    ("orders", lambda order: placed(order, "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", note=LONG)),
    ("shipments", lambda order: booked(order, "2025-03-04T09:00:00Z", "2025-03-10T12:00:00Z")),
    ("deliveries", lambda order: dispatched(order, "2025-03-05T09:00:00Z")),
)
"""What happens to every order, one topic a step."""
ALL = ORDERS * len(STEPS)
PATIENT = 1_000.0
"""Seconds that no test waits: with them, only what the broker says decides."""
PATIENCE_SECONDS = 120
FAR_AHEAD = 2**60
# Without a retention of their own, the broker deletes records of 1970 whenever it looks, every five minutes.
ANY_TIME = {
    "message.timestamp.type": "CreateTime",
    "message.timestamp.after.max.ms": str(2**63 - 1),
    "retention.ms": "-1",
}


Timestamps = Callable[[int, int], int]


class Desk:
    """Topics, a store, and readers of the topics into the store."""

    def __init__(self, topics: Topics, waybill: Waybill, open_readers: ExitStack):
        self.topics, self.waybill, self._open = topics, waybill, open_readers
        self.verdicts: list[Verdict] = []
        """The first verdict of each message, in the order in which they were stored."""

    def reader(self, batch_messages: int = 10_000, patience_seconds: float = PATIENT) -> KafkaReader:
        settings = self.waybill.settings
        order = RecordOrder[TopicPartition, RawMessage](batch_messages, patience_seconds=patience_seconds)
        client = group_member(kafka_connection(settings), settings.topic_prefix + "waybill", 1_000, 1_048_576)
        register, clock = self.waybill.register, self.waybill.clock
        ingest = Ingest(register, clock, self.waybill.reading_rules(), on_stored=self._note)
        reader = KafkaReader(client, read_topics(settings.topic_prefix), ingest, register, clock, order)
        self._open.callback(reader.close)
        return reader

    def send(self, timestamps: Timestamps = lambda *_: 0, *, pause_seconds: float = 0) -> None:
        """Send each step of all orders; `timestamps` says when an order's step was, by both numbers."""
        producer = KafkaProducer(bootstrap_servers=self.topics.url, acks="all")
        for step, (topic, message) in enumerate(STEPS):
            for number in range(ORDERS):
                value = json.dumps(message(f"SO-{number}")).encode()
                at = timestamps(number, step)
                producer.send(self.topics.prefix + topic, value, timestamp_ms=at, partition=number % 3)
            producer.flush()
            time.sleep(pause_seconds)
        producer.close()

    def _note(self, receipts: Sequence[Receipt]) -> None:
        self.verdicts += [receipt.verdict for receipt in receipts]

    @property
    def received(self) -> int:
        return read_status(self.waybill).books.received

    def until_all_is_applied(self, *readers: KafkaReader) -> None:
        until(lambda: self.received == ALL, *readers)
        books = read_status(self.waybill).books
        assert (books.received, books.applied) == (ALL, ALL)
        assert len(self.verdicts) == ALL, "nothing was stored twice"


def until(reached: Callable[[], bool], *readers: KafkaReader) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached():
        assert time.monotonic() < deadline
        for reader in readers:
            reader.step(500)


@pytest.fixture
def desk(topics: Topics, tmp_path: Path) -> Iterator[Desk]:
    settings = Settings(store=f"sqlite:///{tmp_path}/waybill.db", kafka=topics.url, topic_prefix=topics.prefix)
    with Waybill(settings) as waybill, ExitStack() as open_readers:
        yield Desk(topics, waybill, open_readers)


def make(desk: Desk, configs: Mapping[str, str] | None = None) -> None:
    create(desk.topics.url, read_topics(desk.topics.prefix), configs)


BROKER_TIME = {"message.timestamp.type": "LogAppendTime"}


@pytest.mark.parametrize(
    ("configs", "timestamps"),
    [
        pytest.param(BROKER_TIME, lambda number, step: 0, id="by the broker's clock"),
        pytest.param(ANY_TIME, lambda number, step: 1_000 * number + 300 * step, id="by the producers' clocks"),
    ],
)
def test_in_a_backlog_a_message_is_stored_after_what_it_waits_for(
    desk: Desk, configs: Mapping[str, str], timestamps: Timestamps
) -> None:
    make(desk, configs)
    desk.send(timestamps, pause_seconds=0.02 if configs is BROKER_TIME else 0)

    desk.until_all_is_applied(desk.reader(batch_messages=50))

    assert set(desk.verdicts) == {Verdict.APPLIED}, "nothing was held first"


@pytest.mark.parametrize(
    "timestamps",
    [
        pytest.param(lambda number, step: 0, id="all zero"),
        pytest.param(lambda number, step: FAR_AHEAD if step == 0 else 1_000 * number, id="orders far ahead"),
        pytest.param(lambda number, step: 1 if step == 2 else 10**12 + number, id="deliveries long ago"),
        pytest.param(lambda number, step: FAR_AHEAD if number == 3 else 1_000 * number, id="one of them far ahead"),
    ],
)
def test_producers_without_a_clock_delay_nobody(desk: Desk, timestamps: Timestamps) -> None:
    make(desk, ANY_TIME)
    desk.send(timestamps)

    desk.until_all_is_applied(desk.reader(batch_messages=10))


def test_a_rebalance_drops_what_was_buffered_and_another_consumer_stores_it(desk: Desk) -> None:
    """given a consumer that has all messages in its buffers, when another one gets a part of its partitions"""
    make(desk)
    with capture_logs() as said:
        with open_transaction(desk):
            desk.send()
            one = desk.reader()
            until(lambda: one.buffered == ALL, one)
            another = desk.reader()
            all_partitions = 3 * len(read_topics(""))
            until(lambda: 0 < one.owned < one.owned + another.owned == all_partitions, one, another)
            assert desk.verdicts == []
        desk.until_all_is_applied(one, another)

    assert "batch_dropped" not in [line["event"] for line in said], "nothing of a revoked partition was stored"


def test_one_that_pauses_drops_what_it_buffered_and_reads_it_again(desk: Desk) -> None:
    make(desk)
    with open_transaction(desk):
        desk.send()
        reader = desk.reader()
        until(lambda: reader.buffered == ALL, reader)

        reader.stay()

        assert reader.buffered == 0
    desk.until_all_is_applied(reader)


def test_a_partition_behind_an_open_transaction_does_not_keep_the_others_waiting(desk: Desk) -> None:
    make(desk)
    with open_transaction(desk):
        desk.send()

        desk.until_all_is_applied(desk.reader(patience_seconds=0.1))


@contextmanager
def open_transaction(desk: Desk) -> Iterator[None]:
    """One partition has a record that cannot be read yet, so that a patient reader waits for it."""
    topic = desk.topics.prefix + "people"
    producer = KafkaProducer(bootstrap_servers=desk.topics.url, transactional_id=topic, retry_backoff_ms=5)
    try:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(topic, b"not committed", partition=0).get(PATIENCE_SECONDS)
        yield
        producer.abort_transaction()
    finally:
        producer.close()
