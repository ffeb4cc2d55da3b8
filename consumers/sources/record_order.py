"""Records of several partitions, in the order in which they happened.

A poll brings records of a few partitions only, so a shipment may be read long before its order. Then it is held first
and applied later, which costs more than applying it once. So records are buffered by partition and taken by their
timestamps, up to a *watermark*: the time that every partition which has more to give has reached. The order affects
efficiency alone, never verdicts; so no partition delays the others for long, whatever its timestamps say.
"""

from bisect import bisect_right
from collections.abc import Hashable, Iterable, Sequence
from operator import itemgetter
from typing import Generic, NamedTuple, TypeVar

from consumers.sources.source import BATCH_BYTES

USUAL_BATCH_MESSAGES = 10_000
PATIENCE_SECONDS = 0.25
"""How long buffered records wait for a larger batch, and for a partition that should have more but gives nothing."""
BATCHES_BUFFERED = 2
"""How much is buffered, in largest batches."""
BATCHES_PASSED_OVER = 5
"""How much is taken from other partitions, in largest batches, before a partition that was passed over is taken."""

LONG_AGO, NEVER = -(2**63), 2**63
"""Before and after all timestamps."""

P = TypeVar("P", bound=Hashable)
M = TypeVar("M")


class Timed(NamedTuple, Generic[M]):
    """A message with its record's timestamp (milliseconds since 1970; any integer) and its size in bytes."""

    timestamp: int
    size: int
    message: M


class _Buffer(Generic[M]):
    """The records of one partition that were not taken yet, in the order of their offsets."""

    def __init__(self) -> None:
        self.times: list[int] = []
        """Their timestamps; that of an earlier record if it is later, because records leave in order. So these grow."""
        self.weights: list[int] = []
        self.messages: list[M] = []
        self.weight = 0
        self.reached = LONG_AGO
        self.has_more = True
        self.silent = False
        """It should have more, and gave nothing for as long as others wait: they wait no longer until it gives some."""
        self.passed_over = 0
        """How much was taken from other partitions, as weights, since something was taken from this one."""

    def add(self, records: Sequence[Timed[M]], least_weight: int) -> None:
        latest = self.times[-1] if self.times else LONG_AGO
        for timestamp, size, message in records:
            latest = max(latest, timestamp)
            weight = max(size, least_weight)
            self.times.append(latest)
            self.weights.append(weight)
            self.messages.append(message)
            self.weight += weight
        self.reached = latest
        self.silent = False

    def due(self, watermark: int) -> int:
        """How many records are no later than the watermark."""
        return bisect_right(self.times, watermark)

    def take(self, count: int) -> list[M]:
        taken = self.messages[:count]
        self.weight -= sum(self.weights[:count])
        del self.times[:count], self.weights[:count], self.messages[:count]
        self.passed_over = 0
        return taken


class RecordOrder(Generic[P, M]):
    """Buffers records by partition, and gives batches of them in the order of their timestamps.

    A batch has at most `batch_messages` messages, and `batch_bytes` bytes unless one message alone has more. Buffered
    is at most BATCHES_BUFFERED times that, and what one poll adds to each partition, if only those are polled that
    `has_room` names. Records with the same timestamp come in the order in which their partitions were opened.
    """

    def __init__(
        self,
        batch_messages: int = USUAL_BATCH_MESSAGES,
        batch_bytes: int = BATCH_BYTES,
        patience_seconds: float = PATIENCE_SECONDS,
    ):
        # A message weighs its bytes, and a small one as if it had its share of a batch: one bound holds for both.
        self._least_weight = max(1, batch_bytes // batch_messages)
        self._batch = min(batch_bytes, batch_messages * self._least_weight)
        self._patience_seconds = patience_seconds
        self._buffers: dict[P, _Buffer[M]] = {}
        self._weight = 0
        self._waiting_since: float | None = None

    @property
    def capacity(self) -> int:
        """How much is buffered before partitions must wait, as weights."""
        return BATCHES_BUFFERED * self._batch

    @property
    def weight(self) -> int:
        """How much is buffered, as weights: a message's size in bytes, and at least its share of a batch."""
        return self._weight

    def open(self, partition: P) -> None:
        """Begin to read a partition, or begin anew; what was buffered of it is dropped."""
        self.drop(partition)
        self._buffers[partition] = _Buffer()

    def drop(self, partition: P) -> None:
        """Forget a partition and what is buffered of it."""
        buffer = self._buffers.pop(partition, None)
        if buffer is not None:
            self._weight -= buffer.weight

    def add(self, partition: P, records: Sequence[Timed[M]]) -> None:
        """Buffer the next records of an open partition (at least one), in the order of their offsets."""
        buffer = self._buffers[partition]
        self._weight -= buffer.weight
        buffer.add(records, self._least_weight)
        self._weight += buffer.weight

    def expect(self, partition: P, more: bool) -> None:
        """Say whether an open partition has more to give than was added. If it has, the others may wait for it."""
        self._buffers[partition].has_more = more

    def buffered(self, partition: P) -> int:
        """How many records of the partition are buffered."""
        buffer = self._buffers.get(partition)
        return 0 if buffer is None else len(buffer.messages)

    def has_room(self, partition: P) -> bool:
        """Whether more of an open partition should be polled.

        Most of the room is for the partitions that the watermark waits for; others, which are ahead, have a share.
        """
        buffer = self._buffers[partition]
        if not buffer.messages:
            return True
        if self._weight >= self.capacity:
            return False
        return buffer.weight < self._share() or buffer.reached <= self._watermark()

    def _share(self) -> int:
        active = sum(1 for buffer in self._buffers.values() if buffer.messages or _is_awaited(buffer))
        return self.capacity // 2 // max(1, active)

    def has_batch(self) -> bool:
        """Whether a whole batch can be taken, so that polling need not wait."""
        return self._weight >= self._batch and self._is_batch(self._due(self._watermark()))

    def take(self, now: float) -> dict[P, list[M]]:
        """The next batch: messages by partition, in the order of their offsets. Empty if it is better to wait.

        `now` is the time in seconds of a clock that never goes back.
        """
        if not self._weight:
            self._waiting_since = None
            return {}
        watermark = self._watermark()
        due = self._due(watermark)
        if watermark < NEVER and not self._is_batch(due):
            if self._can_grow() and not self._waited_enough(now):
                return {}
            if not due:
                for buffer in self._buffers.values():
                    buffer.silent |= not buffer.messages and buffer.has_more
                due = self._due(self._watermark())
        self._waiting_since = None
        return self._taken(self._first_batch(due))

    def take_all(self, partitions: Iterable[P]) -> dict[P, list[M]]:
        """All that is buffered of these partitions, whatever its time."""
        return self._taken({partition: count for partition in partitions if (count := self.buffered(partition))})

    def _watermark(self) -> int:
        return min((buffer.reached for buffer in self._buffers.values() if _is_awaited(buffer)), default=NEVER)

    def _due(self, watermark: int) -> dict[P, int]:
        """How many records of each partition may be taken."""
        counts = {
            partition: len(buffer.messages) if self._was_passed_over(buffer) else buffer.due(watermark)
            for partition, buffer in self._buffers.items()
        }
        return {partition: count for partition, count in counts.items() if count}

    def _was_passed_over(self, buffer: _Buffer[M]) -> bool:
        """Whether it is taken next, whatever its timestamps say."""
        return buffer.passed_over >= BATCHES_PASSED_OVER * self._batch

    def _is_batch(self, due: dict[P, int]) -> bool:
        return sum(sum(self._buffers[partition].weights[:count]) for partition, count in due.items()) >= self._batch

    def _can_grow(self) -> bool:
        return any(_is_awaited(buffer) and self.has_room(partition) for partition, buffer in self._buffers.items())

    def _waited_enough(self, now: float) -> bool:
        if self._waiting_since is None:
            self._waiting_since = now
        return now - self._waiting_since >= self._patience_seconds

    def _first_batch(self, due: dict[P, int]) -> dict[P, int]:
        """As many of the records that are due as fit a batch, the earliest first; at least one."""
        if sum(self._buffers[partition].weight for partition in due) <= self._batch:
            return due
        in_order: list[tuple[int, int, P]] = []
        for partition, count in due.items():
            buffer = self._buffers[partition]
            times = [LONG_AGO] * count if self._was_passed_over(buffer) else buffer.times[:count]
            in_order += zip(times, buffer.weights, [partition] * count, strict=False)
        in_order.sort(key=itemgetter(0))
        first: dict[P, int] = {}
        total = 0
        for _, weight, partition in in_order:
            total += weight
            if total > self._batch and first:
                break
            first[partition] = first.get(partition, 0) + 1
        return first

    def _taken(self, counts: dict[P, int]) -> dict[P, list[M]]:
        before = self._weight
        batch = {}
        for partition, count in counts.items():
            buffer = self._buffers[partition]
            self._weight -= buffer.weight
            batch[partition] = buffer.take(count)
            self._weight += buffer.weight
        for partition, buffer in self._buffers.items():
            if buffer.messages and partition not in batch:
                buffer.passed_over += before - self._weight
        return batch


def _is_awaited(buffer: _Buffer[M]) -> bool:
    return buffer.has_more and not buffer.silent
