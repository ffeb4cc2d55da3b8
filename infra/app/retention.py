"""Retention: what topics no longer have of what a store has not read, as after restoring an old backup. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

Place = tuple[str, int]
"""A topic and a partition."""

READABLE, GONE, CREATED_AGAIN, NO_PARTITION = "readable", "gone", "created again", "no partition"


class PartitionInStore(NamedTuple):
    """The store's checkpoint of a partition, and Kafka's id of the topic then (None: unknown)."""

    next_offset: int
    topic_id: str | None = None


class PartitionInKafka(NamedTuple):
    """The first offset that a partition still has, the one after its last record, and the topic's id."""

    first: int
    end: int
    topic_id: str | None = None


class PartitionCheck(NamedTuple):
    """Whether everything that the store has not read of a partition is still there.

    `to_read` counts the offsets that it would read, and `missing` those that it can never read. `state` is `readable`,
    `gone` (deleted before it was read), `created again` (another topic of this name, which is read from its
    beginning; what the old one had beyond the checkpoint cannot be known) or `no partition`.
    """

    topic: str
    partition: int
    next_offset: int
    first_offset: int | None
    end_offset: int | None
    to_read: int
    missing: int
    state: str

    @property
    def starts_at(self) -> int:
        """The offset from which it would be read."""
        first = self.first_offset or 0
        return first if self.state == CREATED_AGAIN else max(first, self.next_offset)

    @property
    def is_readable(self) -> bool:
        return self.state == READABLE


def check_partitions(
    store: Mapping[Place, PartitionInStore], kafka: Mapping[Place, PartitionInKafka]
) -> list[PartitionCheck]:
    """One result for each partition that the store has read or that Kafka has, in their order."""
    return [
        _checked(place, store.get(place, PartitionInStore(0)), kafka.get(place))
        for place in sorted(store.keys() | kafka.keys())
    ]


def _checked(place: Place, known: PartitionInStore, found: PartitionInKafka | None) -> PartitionCheck:
    if found is None:
        return PartitionCheck(*place, known.next_offset, None, None, 0, 0, NO_PARTITION)
    first, end, topic_id = found
    renamed = known.topic_id is not None and topic_id is not None and known.topic_id != topic_id
    if renamed or known.next_offset > end:
        return PartitionCheck(*place, known.next_offset, first, end, end - first, first, CREATED_AGAIN)
    missing = max(0, first - known.next_offset)
    to_read = end - max(first, known.next_offset)
    return PartitionCheck(*place, known.next_offset, first, end, to_read, missing, GONE if missing else READABLE)
