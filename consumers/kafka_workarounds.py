"""All workarounds for kafka-python 3.0: errors that it hides, and records that it cannot read."""

import hashlib
import logging
from collections.abc import Iterable, Iterator
from typing import Any

from kafka import KafkaProducer, TopicPartition
from kafka.errors import CorruptRecordError, IllegalStateError, KafkaError
from kafka.record.default_records import DefaultRecord, DefaultRecordBatch

from consumers.sources.decompression import (
    DecompressedRecord,
    UnreadableBatchError,
    decompress,
    decompressed_records,
    read_up_to,
)
from consumers.sources.source import KEPT_BYTES, Whole

# -- why a broker was not reached ----------------------------------------------------------------
#
# The library only raises "unable to bootstrap"; it writes the reason to its log.

REFUSED = "SaslAuthenticationFailedError"


class _LastFailure(logging.Handler):
    """Remembers the last reason of a failed connection; a refused password has priority over a lost connection."""

    failure: Exception | None = None

    def emit(self, record: logging.LogRecord) -> None:
        said = record.args if isinstance(record.args, tuple) else ()
        for failure in said:
            if isinstance(failure, Exception) and type(self.failure).__name__ != REFUSED:
                self.failure = failure


_last = _LastFailure(logging.WARNING)


def listen_for_reasons() -> None:
    """Listen to kafka-python's log for failed connections. Idempotent."""
    log = logging.getLogger("kafka.net.manager")
    log.setLevel(logging.WARNING)
    log.propagate = False
    if _last not in log.handlers:
        log.addHandler(_last)


def cause_of(error: Exception) -> Exception:
    """The reason behind an error that only says that no broker was reached, if it is known; else the error."""
    return _last.failure if "Unable to bootstrap" in str(error) and _last.failure is not None else error


# -- header names that are not UTF-8 -------------------------------------------------------------
#
# Kafka accepts them. The library raises UnicodeDecodeError in the middle of a batch each time it reads the batch, so
# one such record would stop its partition permanently.


class _Forgiving(bytes):
    """Bytes of which every part can be decoded."""

    def __getitem__(self, part: Any) -> Any:
        taken = super().__getitem__(part)
        return _Forgiving(taken) if isinstance(taken, bytes) else taken

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return super().decode(encoding, errors)


def _forgive_header_names() -> None:
    """Read bytes of a header's name that are not UTF-8 as `\\xNN`. Idempotent."""
    read: Any = DefaultRecordBatch._read_msg
    if getattr(read, "forgives", False):
        return

    def read_forgivingly(batch: Any) -> Any:
        position = batch._pos
        try:
            return read(batch)
        except UnicodeDecodeError:
            strict, batch._buffer, batch._pos = batch._buffer, _Forgiving(bytes(batch._buffer)), position
            try:
                return read(batch)
            finally:
                batch._buffer = strict

    read_forgivingly.forgives = True  # type: ignore[attr-defined]
    DefaultRecordBatch._read_msg = read_forgivingly


# -- batches that are large or cannot be read ----------------------------------------------------
#
# The library decompresses a batch at once, whatever its size. If a batch is unreadable, `poll` raises every time, and
# polled records of other partitions are lost.

CHECKS_OF_OUR_OWN = {"check_crcs": False}
"""A consumer setting: our own code checks batches, so that a damaged one stops nothing else."""
_DECOMPRESS_WHOLE_FACTOR = 4
"""A batch that decompresses to at most this many times the largest message is decompressed at once, which is faster."""

_max_bytes = 1_048_576


class UnreadableBatch(bytes):
    """The value of a record that replaces an unreadable batch, or the rest of one.

    The bytes are the beginning of the batch as stored by the broker. `first_offset` to `next_offset` are its offsets.
    It stops its partition (consumers/sources/kafka_unreadable.py) until an operator skips it (infra/app/skip_batch.py).
    """

    reason: str
    first_offset: int
    next_offset: int
    whole: Whole


def read_batches_safely(max_bytes: int) -> None:
    """Read batches in bounded memory, and unreadable ones as an UnreadableBatch. Applies to the whole process.

    Keys, values and headers of more than `max_bytes` bytes become CutBytes. Use it with CHECKS_OF_OUR_OWN.
    """
    global _max_bytes
    _max_bytes = max_bytes
    _forgive_header_names()
    DefaultRecordBatch.__iter__ = _records


def _records(batch: Any) -> Iterator[Any]:
    raw, next_offset = batch._buffer, batch.base_offset
    try:
        if not batch.validate_crc():
            raise UnreadableBatchError("its checksum is wrong")
        for record in _decompressed(batch):
            yield record
            next_offset = record.offset + 1
    except (UnreadableBatchError, CorruptRecordError) as e:
        value = UnreadableBatch(raw[:KEPT_BYTES])
        value.reason, value.first_offset, value.next_offset = str(e), next_offset, batch.next_offset
        value.whole = Whole(len(raw), hashlib.sha256(raw).hexdigest())
        # Its last offset, because reading may begin in the middle of a batch.
        yield DefaultRecord(len(raw), batch.last_offset, batch.max_timestamp, batch.timestamp_type, None, value, [])


def _decompressed(batch: Any) -> Iterator[Any]:
    if batch.compression_type != batch.CODEC_NONE:
        at_once = _DECOMPRESS_WHOLE_FACTOR * _max_bytes
        stream = decompress(batch.compression_type, bytes(batch._buffer[batch._pos :]))
        start = read_up_to(stream, at_once + 1)
        if len(start) > at_once:
            return _one_by_one(batch, decompressed_records(start, stream, batch.records_count, _max_bytes))
        batch._buffer, batch._pos = bytearray(start), 0
    batch._decompressed = True
    return iter(batch.__next__, None)


def _one_by_one(batch: Any, decompressed: Iterable[DecompressedRecord]) -> Iterator[Any]:
    is_broker_time = batch.timestamp_type == batch.LOG_APPEND_TIME
    for size, timestamp, offset, key, value, headers in decompressed:
        at = batch.max_timestamp if is_broker_time else batch.first_timestamp + timestamp
        yield DefaultRecord(size, batch.base_offset + offset, at, batch.timestamp_type, key, value, headers)


# -- records of a partition that was paused ------------------------------------------------------
#
# The library parks the rest of a polled batch when its partition is paused. After the resume it takes it back only if
# no other batch is in hand, and a batch that was read to its end stays in hand. So the parked records, and all later
# ones of their partition, would wait until the library happens to drop that batch; on quiet topics, for ever.


def polled(consumer: Any, wait_ms: int) -> dict[TopicPartition, list[Any]]:
    """What `consumer.poll` gives, for at most this many milliseconds, parked records of resumed partitions included."""
    fetcher = consumer._fetcher
    if fetcher._next_partition_records is not None and not fetcher._next_partition_records:
        fetcher._next_partition_records = None
    return dict(consumer.poll(wait_ms))


# -- a topic's id --------------------------------------------------------------------------------


def topic_id(consumer: Any, topic: str) -> str | None:
    """Kafka's id of the topic, if this client knows it. A topic that is created again gets another id."""
    # The library has it only in a private attribute.
    known = consumer._client.cluster.topic_id(topic)
    return str(known) if known is not None and known.int else None


# -- a producer that failed ----------------------------------------------------------------------


def discard_producer(producer: KafkaProducer) -> Exception | None:
    """Close a failed producer without waiting for it. Returns the error of closing, if any.

    It flushes first. If that fails, its thread would keep sending, and it would log errors at exit.
    """
    try:
        producer.close(timeout=0)
    except (KafkaError, IllegalStateError, OSError) as e:
        producer._sender.force_close()
        producer._closed = True
        return e
    return None
