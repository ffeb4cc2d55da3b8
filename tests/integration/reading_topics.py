"""What stands in topics, read from their beginning to their end as it is now."""

from collections.abc import Iterable
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic


def create(url: str, topics: Iterable[str], partitions: int = 3) -> None:
    admin = KafkaAdminClient(bootstrap_servers=url)
    try:
        admin.create_topics([NewTopic(topic, num_partitions=partitions, replication_factor=1) for topic in topics])
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
