"""Topics check: compares the store's checkpoints with what the topics still have, before anything is read."""

from collections.abc import Sequence

from sqlalchemy import select

from consumers.contract.topics import read_topics
from consumers.sinks.sink import NotReachedError
from infra.app.container import Waybill
from infra.app.retention import PartitionCheck, PartitionInKafka, PartitionInStore, check_partitions
from infra.kafka.connection import kafka_connection
from infra.kafka.offsets import partition_bounds
from infra.store.register.tables import feeds


def check_topics(waybill: Waybill) -> Sequence[PartitionCheck]:
    """One result for each partition of the five topics. Raises NotReachedError."""
    topics = sorted(read_topics(waybill.settings.topic_prefix))
    bounds = partition_bounds(kafka_connection(waybill.settings), topics)
    if isinstance(bounds, str):
        raise NotReachedError(f"Kafka at {waybill.settings.kafka} was not reached: {bounds}")
    c = feeds.c
    reading = select(c.topic, c.partition, c.next_offset, c.topic_id).where(
        c.finished_at.is_(None), c.topic.in_(topics)
    )
    with waybill.engine.connect() as connection:
        known = {
            (topic, partition): PartitionInStore(next_offset, topic_id)
            for topic, partition, next_offset, topic_id in connection.execute(reading)
        }
    return check_partitions(known, {place: PartitionInKafka(*found) for place, found in bounds.items()})
