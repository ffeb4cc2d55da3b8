"""The broker of the tests is a real one: what is published is read again."""

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from tests.integration.broker import Topics

pytestmark = pytest.mark.kafka


def test_what_is_published_is_read_again(topics: Topics) -> None:
    topic = f"{topics.prefix}letters"
    admin = KafkaAdminClient(bootstrap_servers=topics.url)
    admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    admin.close()

    producer = KafkaProducer(bootstrap_servers=topics.url, acks="all")
    producer.send(topic, key=b"a", value=b"1")
    producer.flush()
    producer.close()

    consumer = KafkaConsumer(
        topic, bootstrap_servers=topics.url, auto_offset_reset="earliest", consumer_timeout_ms=20_000
    )
    record = next(consumer)
    consumer.close()
    assert (record.key, record.value, record.offset) == (b"a", b"1", 0)
