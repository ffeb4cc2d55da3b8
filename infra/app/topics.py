"""Topics: creates Waybill's missing topics."""

from collections.abc import Sequence
from typing import NamedTuple

from kafka.errors import KafkaError

from consumers.contract.topics import Timestamps, read_topics
from consumers.kafka_workarounds import cause_of
from consumers.sinks.sink import NotReachedError
from infra.kafka.connection import kafka_connection
from infra.kafka.topics import TopicMade, make_topics
from infra.settings import Settings

AS_THE_BROKER_HAS_IT = -1


class TopicsReport(NamedTuple):
    """The result for each topic, and whether the five topics that are read have different partition counts."""

    topics: Sequence[TopicMade]
    differ: bool

    @property
    def is_complete(self) -> bool:
        return not self.differ and all(topic.state != "failed" for topic in self.topics)


def create_topics(
    settings: Settings,
    partitions: int,
    replication_factor: int | None,
    timestamps: Timestamps = Timestamps.BROKER,
) -> TopicsReport:
    """Create missing topics and leave existing ones unchanged. Raises NotReachedError."""
    try:
        made = make_topics(
            kafka_connection(settings),
            settings.topic_prefix,
            partitions,
            AS_THE_BROKER_HAS_IT if replication_factor is None else replication_factor,
            settings.max_message_bytes,
            timestamps,
        )
    except (KafkaError, OSError) as e:
        raise NotReachedError(f"Kafka at {settings.kafka} was not reached: {cause_of(e)}") from e
    counts = {topic.partitions for topic in made if topic.topic in read_topics(settings.topic_prefix)} - {None}
    return TopicsReport(made, differ=len(counts) > 1)
