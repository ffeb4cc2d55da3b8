"""Which partitions the consumer group assigns to this consumer."""

from collections.abc import Iterable
from threading import Lock
from typing import Any

from kafka import ConsumerRebalanceListener, TopicPartition
from kafka.errors import IllegalStateError


class Membership(ConsumerRebalanceListener):  # type: ignore[misc]
    """Receives the group's assignments and revocations, on the library's own thread.

    A new partition is paused at once: nothing is fetched before the seek.
    """

    def __init__(self, consumer: Any):
        self._consumer = consumer
        self._lock = Lock()
        self._given: set[TopicPartition] = set()
        self._changed: set[TopicPartition] = set()
        self.joined = False

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        given = set(assigned)
        for partition in given:
            # Any offset works; without one the library would look for a committed one.
            self._consumer.seek(partition, 0)
            self._consumer.pause(partition)
        with self._lock:
            self.joined = True
            self._given = given
            self._changed |= given

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        with self._lock:
            self.joined = False
            self._given = self._given - set(revoked)
            self._changed |= set(revoked)

    on_partitions_lost = on_partitions_revoked

    def given(self) -> set[TopicPartition]:
        with self._lock:
            return set(self._given)

    def changed(self) -> set[TopicPartition]:
        """The changes since the last call."""
        with self._lock:
            changed, self._changed = self._changed, set()
            return changed


def if_it_is_ours(act: Any, *arguments: Any) -> bool:
    """Call something for a partition, unless it was revoked just now."""
    try:
        act(*arguments)
    except (ValueError, KeyError, IllegalStateError):
        return False
    return True
