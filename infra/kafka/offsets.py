"""The end offsets of partitions, and the age of unread records, for `waybill status`."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import KafkaError
from kafka.protocol.consumer.offsets import IsolationLevel

from consumers.kafka_workarounds import CHECKS_OF_OUR_OWN, cause_of, read_batches_safely
from consumers.sources.kafka_records import from_milliseconds

ASK_MS = 3_000
LOOK_MS = 200
SECONDS_TO_LOOK = 2.0
"""The longest wait for unread records."""

Place = tuple[str, int]


class PartitionEnd(NamedTuple):
    """`end` is the offset after the last record that can be read, `high_watermark` the one after the last record.

    They differ while a transaction is open.
    """

    end: int
    high_watermark: int


class PartitionBounds(NamedTuple):
    """The first offset that is still there, the one after the last record, and Kafka's id of the topic, if known."""

    first: int
    end: int
    topic_id: str | None


def partition_bounds(connection: Mapping[str, Any], topics: Sequence[str]) -> Mapping[Place, PartitionBounds] | str:
    """The bounds of each partition of the existing topics, or why Kafka did not answer."""
    admin = None
    try:
        admin = KafkaAdminClient(**connection, bootstrap_timeout_ms=ASK_MS, request_timeout_ms=ASK_MS)
        there = set(admin.list_topics())
        described = admin.describe_topics([topic for topic in topics if topic in there]) if there else []
        ids = {topic["name"]: topic.get("topic_id") for topic in described}
        places = [
            TopicPartition(topic["name"], partition["partition_index"])
            for topic in described
            for partition in topic["partitions"]
        ]
        if not places:
            return {}
        first = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.EARLIEST), timeout_ms=ASK_MS)
        end = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST), timeout_ms=ASK_MS)
        return {
            (place.topic, place.partition): PartitionBounds(
                first[place].offset, end[place].offset, known_id(ids[place.topic])
            )
            for place in places
        }
    except (KafkaError, OSError) as e:
        return str(cause_of(e))
    finally:
        if admin is not None:
            admin.close()


def known_id(topic_id: Any) -> str | None:
    """The id as the consumer stores it; None if the broker gives topics no ids."""
    try:
        known = UUID(str(topic_id))
    except ValueError:
        return None
    return str(known) if known.int else None


def partition_ends(connection: Mapping[str, Any], topics: Sequence[str]) -> Mapping[Place, PartitionEnd] | str:
    """The ends of each partition of the existing topics, or why Kafka did not answer."""
    admin = None
    try:
        admin = KafkaAdminClient(**connection, bootstrap_timeout_ms=ASK_MS, request_timeout_ms=ASK_MS)
        there = set(admin.list_topics())
        described = admin.describe_topics([topic for topic in topics if topic in there]) if there else []
        asked = {
            TopicPartition(topic["name"], partition["partition_index"]): OffsetSpec.LATEST
            for topic in described
            for partition in topic["partitions"]
        }
        if not asked:
            return {}
        readable = admin.list_partition_offsets(asked, IsolationLevel.READ_COMMITTED, ASK_MS)
        all_of_it = admin.list_partition_offsets(asked, IsolationLevel.READ_UNCOMMITTED, ASK_MS)
        return {
            (place.topic, place.partition): PartitionEnd(readable[place].offset, all_of_it[place].offset)
            for place in asked
        }
    except (KafkaError, OSError) as e:
        return str(cause_of(e))
    finally:
        if admin is not None:
            admin.close()


def first_unread(
    connection: Mapping[str, Any], next_offsets: Mapping[Place, int], max_bytes: int
) -> Mapping[Place, datetime]:
    """The timestamp of the first record from each of these offsets on, committed or not, if known.

    With LogAppendTime it is the broker's clock, else the producer's. `max_bytes` is the largest message.
    """
    found: dict[Place, datetime] = {}
    consumer = None
    try:
        consumer = _looking(connection, max_bytes)
        consumer.assign([TopicPartition(*place) for place in next_offsets])
        for place, offset in next_offsets.items():
            consumer.seek(TopicPartition(*place), offset)
        deadline = time.monotonic() + SECONDS_TO_LOOK
        while len(found) < len(next_offsets) and time.monotonic() < deadline:
            for partition, records in consumer.poll(LOOK_MS).items():
                consumer.pause(partition)
                found.setdefault((partition.topic, partition.partition), from_milliseconds(records[0].timestamp))
    except (KafkaError, OSError):
        # The results so far are returned.
        return found
    finally:
        if consumer is not None:
            consumer.close(autocommit=False, timeout_ms=ASK_MS)
    return found


def _looking(connection: Mapping[str, Any], max_bytes: int) -> Any:
    read_batches_safely(max_bytes)
    return KafkaConsumer(
        **connection,
        **CHECKS_OF_OUR_OWN,
        isolation_level="read_uncommitted",
        enable_auto_commit=False,
        auto_offset_reset="none",
        allow_auto_create_topics=False,
        max_poll_records=1,
        bootstrap_timeout_ms=ASK_MS,
        request_timeout_ms=ASK_MS,
    )
