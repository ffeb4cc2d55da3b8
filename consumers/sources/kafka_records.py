"""Kafka's records as raw messages."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from kafka import TopicPartition

from consumers.kafka_workarounds import UnreadableBatch
from consumers.sources.decompression import CutBytes
from consumers.sources.record_order import Timed
from consumers.sources.source import RawMessage

LOG_APPEND_TIME = 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def up_to_what_is_unreadable(
    polled: Mapping[TopicPartition, Sequence[Any]],
) -> tuple[Mapping[TopicPartition, Sequence[Any]], Mapping[TopicPartition, UnreadableBatch]]:
    """The records before the first unreadable batch, and that batch."""
    readable: dict[TopicPartition, Sequence[Any]] = {}
    unreadable: dict[TopicPartition, UnreadableBatch] = {}
    for partition, records in polled.items():
        at = next((n for n, record in enumerate(records) if type(record.value) is UnreadableBatch), None)
        if at is not None:
            unreadable[partition] = records[at].value
            records = records[:at]
        if records:
            readable[partition] = records
    return readable, unreadable


def raw_message(record: Any) -> RawMessage:
    """A raw record of kafka-python; a header without a value gets an empty one."""
    headers = tuple((name, value or b"") for name, value in record.headers) if record.headers else ()
    value = record.value or b""
    whole = value.whole if type(value) is CutBytes else None
    broker_time = from_milliseconds(record.timestamp) if record.timestamp_type == LOG_APPEND_TIME else None
    unreadable = None
    for name, content in headers:
        if type(content) is CutBytes:
            unreadable = f"header {name[:100]}: must have fewer bytes, but has {content.whole.size}"
    return RawMessage(record.offset, bytes(value) if whole else value, headers, whole, broker_time, unreadable)


def from_milliseconds(timestamp: int) -> datetime:
    """A record's timestamp as an instant in UTC. One outside the calendar becomes the first or last instant."""
    try:
        return EPOCH + timedelta(milliseconds=timestamp)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if timestamp > 0 else datetime.min.replace(tzinfo=UTC)


def timed(record: Any) -> Timed[RawMessage]:
    """The raw message with the record's timestamp and its size, headers included."""
    message = raw_message(record)
    return Timed(record.timestamp, len(message.body) + max(0, record.serialized_header_size), message)
