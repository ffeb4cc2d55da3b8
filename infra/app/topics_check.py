"""Topics check: compares the store's checkpoints with what the topics still have, before anything is read."""

from collections.abc import Sequence

from consumers.contract.topics import read_topics
from consumers.sinks.sink import NotReachedError
from infra.app.container import Waybill
from infra.app.retention import PartitionCheck, PartitionInKafka, PartitionInStore, check_partitions
from infra.app.status import begun_partitions
from infra.kafka.connection import kafka_connection
from infra.kafka.offsets import partition_bounds


def check_topics(waybill: Waybill) -> Sequence[PartitionCheck] | None:
    """One result for each partition of the five topics. Raises NotReachedError.

    None if nobody needs them: the store has never read one, and no setting names a broker.
    """
    topics = sorted(read_topics(waybill.settings.topic_prefix))
    begun = begun_partitions(waybill)
    if not waybill.settings.names_kafka and not any(place[0] in topics for place in begun):
        return None
    bounds = partition_bounds(kafka_connection(waybill.settings), topics)
    if isinstance(bounds, str):
        raise NotReachedError(f"Kafka at {waybill.settings.kafka} was not reached: {bounds}")
    known = {
        place: PartitionInStore(found.next_offset, found.topic_id)
        for place, found in begun.items()
        if place[0] in topics
    }
    return check_partitions(known, {place: PartitionInKafka(*found) for place, found in bounds.items()})
