"""Given a partition that is paused while polled records of it are left, and another that is read to its end meanwhile,
when the first is resumed, then the rest of it is given."""

import time
from collections.abc import Iterator

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from consumers.kafka_workarounds import polled
from tests.integration.broker import Topics
from tests.integration.reading_topics import create

pytestmark = pytest.mark.kafka

RECORDS = 50
PATIENCE_SECONDS = 10


@pytest.fixture
def consumer(topics: Topics) -> Iterator[KafkaConsumer]:
    consumer = KafkaConsumer(
        bootstrap_servers=topics.url, auto_offset_reset="earliest", enable_auto_commit=False, max_poll_records=10
    )
    yield consumer
    consumer.close()


def test_the_rest_of_a_resumed_partition_is_given(topics: Topics, consumer: KafkaConsumer) -> None:
    first, second = (TopicPartition(topics.prefix + name, 0) for name in ("orders", "shipments"))
    create(topics.url, [first.topic, second.topic])
    with KafkaProducer(bootstrap_servers=topics.url, acks="all") as producer:
        for number in range(RECORDS):
            for partition in (first, second):
                producer.send(partition.topic, str(number).encode(), partition=0)
    consumer.assign([first, second])
    consumer.pause(second)
    begun = read(consumer, 1)
    assert begun.keys() == {first}
    assert begun[first] < RECORDS

    consumer.pause(first)
    consumer.resume(second)
    assert read(consumer, RECORDS) == {second: RECORDS}
    consumer.resume(first)

    assert read(consumer, RECORDS - begun[first]) == {first: RECORDS - begun[first]}


def read(consumer: KafkaConsumer, records: int) -> dict[TopicPartition, int]:
    """How many records were polled of each partition, until there are so many."""
    counts: dict[TopicPartition, int] = {}
    end = time.monotonic() + PATIENCE_SECONDS
    while sum(counts.values()) < records and time.monotonic() < end:
        for partition, found in polled(consumer, 200).items():
            counts[partition] = counts.get(partition, 0) + len(found)
    return counts
