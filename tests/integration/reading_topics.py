"""What stands in topics, read from their beginning to their end as it is now."""

from collections.abc import Iterable, Mapping
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient


def create(url: str, topics: Iterable[str], configs: Mapping[str, str] | None = None) -> None:
    """Create these with three partitions each."""
    wanted = {"num_partitions": 3, "replication_factor": 1, "configs": dict(configs or {})}
    admin = KafkaAdminClient(bootstrap_servers=url)
    try:
        admin.create_topics(dict.fromkeys(topics, wanted))
    finally:
        admin.close()


def all_records(url: str, *topics: str) -> list[Any]:
    """Every record, by partition and in the order of each."""
    consumer = KafkaConsumer(bootstrap_servers=url, enable_auto_commit=False, fetch_max_wait_ms=20)
    try:
        records: list[Any] = []
        for topic in topics:
            partitions = [TopicPartition(topic, n) for n in sorted(consumer.partitions_for_topic(topic) or ())]
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            ends = consumer.end_offsets(partitions)
            read: dict[TopicPartition, list[Any]] = {partition: [] for partition in partitions}
            while any(consumer.position(partition) < ends[partition] for partition in partitions):
                for partition, more in consumer.poll(1_000).items():
                    read[partition] += [record for record in more if record.offset < ends[partition]]
            records += [record for partition in partitions for record in read[partition]]
        return records
    finally:
        consumer.close()
