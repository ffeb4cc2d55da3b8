"""Where the partitions of topics end, asked of Kafka for the lag in `waybill status`."""

from collections.abc import Mapping, Sequence
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from consumers.kafka_workarounds import cause_of

ASK_MS = 3_000


def partition_end_offsets(connection: Mapping[str, Any], topics: Sequence[str]) -> Mapping[tuple[str, int], int] | str:
    """The offset after the last message of each partition of these topics, or why Kafka does not say.

    An open transaction's messages lie beyond that end.
    """
    consumer = None
    try:
        consumer = KafkaConsumer(
            **connection,
            isolation_level="read_committed",
            enable_auto_commit=False,
            allow_auto_create_topics=False,
            bootstrap_timeout_ms=ASK_MS,
            request_timeout_ms=ASK_MS,
        )
        there = set(consumer.topics())
        asked = [
            TopicPartition(topic, partition)
            for topic in topics
            if topic in there
            for partition in consumer.partitions_for_topic(topic) or ()
        ]
        return {(end.topic, end.partition): offset for end, offset in _ends(consumer, asked)}
    except (KafkaError, OSError) as e:
        return str(cause_of(e))
    finally:
        if consumer is not None:
            consumer.close(autocommit=False, timeout_ms=ASK_MS)


def _ends(consumer: Any, asked: Sequence[TopicPartition]) -> Any:
    return consumer.end_offsets(asked, timeout_ms=ASK_MS).items() if asked else ()
