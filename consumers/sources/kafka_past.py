"""Reads a topic's past again: from an offset or an instant up to another one, or up to the topic's present end.

An instant is compared with each record's own timestamp. Timestamps need not grow with offsets: without LogAppendTime
they come from producers' clocks. So records before an instant are searched up to the topic's end. The reader joins no
group, so live consumers are not disturbed.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from kafka import TopicPartition
from kafka.errors import CorruptRecordError, KafkaTimeoutError

from consumers.kafka_workarounds import UnreadableBatch, topic_id
from consumers.sources.kafka_records import from_milliseconds, raw_message
from consumers.sources.source import RawMessage

ASK_MS = 10_000
POLL_MS = 1_000
SILENT_POLLS = 30

Point = int | datetime
"""A start or an end: an offset, or an instant by the records' own timestamps."""


class TopicsPast:
    """A range of offsets of each partition of a topic. Raises KafkaError or OSError when Kafka fails.

    `consumer` is a KafkaConsumer without a group. Records deleted by retention are skipped.
    """

    def __init__(self, consumer: Any, topic: str, begin: Point, end: Point | None):
        self.topic = topic
        self._consumer = consumer
        partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        self.topic_id = topic_id(consumer, topic)
        first = consumer.beginning_offsets(partitions, timeout_ms=ASK_MS)
        last = consumer.end_offsets(partitions, timeout_ms=ASK_MS)
        begins = self._begins(begin, last)
        ends = {p: min(last[p], end) if isinstance(end, int) else last[p] for p in partitions}
        within = {p: (max(first[p], begins[p]), ends[p]) for p in partitions}
        self._since = begin if isinstance(begin, datetime) else None
        self._before = end if isinstance(end, datetime) else None
        self.ranges: Mapping[int, tuple[int, int]] = {
            p.partition: (start, stop) for p, (start, stop) in within.items() if start < stop
        }
        """The first offset of each partition with records, and the offset after its last."""

    @property
    def offsets(self) -> int:
        """The number of offsets; some may hold no message, or one outside the range."""
        return sum(stop - start for start, stop in self.ranges.values())

    def batches(self) -> Iterator[tuple[int, Sequence[RawMessage], int]]:
        """Messages by partition, and the offset up to which they were read. Messages of a partition come in order."""
        stops = {TopicPartition(self.topic, number): stop for number, (_, stop) in self.ranges.items()}
        self._consumer.assign(list(stops))
        for partition in stops:
            self._consumer.seek(partition, self.ranges[partition.partition][0])
        silent = 0
        while unread := {p for p, stop in stops.items() if self._consumer.position(p, timeout_ms=ASK_MS) < stop}:
            polled = self._consumer.poll(POLL_MS)
            silent = 0 if polled else silent + 1
            if silent == SILENT_POLLS:
                raise KafkaTimeoutError(f"nothing more of {self.topic} came, though there is more")
            for partition, records in polled.items():
                within = [record for record in records if record.offset < stops[partition]]
                for record in within:
                    _expect_readable(record)
                if within:
                    messages = [raw_message(record) for record in within if self._is_of_the_time(record)]
                    yield partition.partition, messages, within[-1].offset + 1
            self._consumer.pause(*(stops.keys() - unread))

    def _is_of_the_time(self, record: Any) -> bool:
        at = from_milliseconds(record.timestamp)
        return (self._since is None or at >= self._since) and (self._before is None or at < self._before)

    def _begins(self, point: Point, last: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        if isinstance(point, int):
            return dict.fromkeys(last, point)
        # The first record of that millisecond or later; all records before it are earlier. None: the end.
        milliseconds = int(point.timestamp() * 1000)
        found = self._consumer.offsets_for_times(dict.fromkeys(last, milliseconds), timeout_ms=ASK_MS)
        return {
            partition: end if (at := found.get(partition)) is None else at.offset for partition, end in last.items()
        }


def _expect_readable(record: Any) -> None:
    if type(record.value) is UnreadableBatch:
        raise CorruptRecordError(
            f"{record.topic}/{record.partition} cannot be read at offset {record.value.first_offset}: "
            f"{record.value.reason}; the batch ends before offset {record.value.next_offset}"
        )
