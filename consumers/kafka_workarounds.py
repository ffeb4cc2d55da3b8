"""Everything that Waybill works around in kafka-python 3.0: what it hides, and where it fails on what brokers send."""

import hashlib
import logging
from collections.abc import Iterable, Iterator
from typing import Any

from kafka import KafkaProducer
from kafka.errors import CorruptRecordError, IllegalStateError, KafkaError
from kafka.record.default_records import DefaultRecord, DefaultRecordBatch

from consumers.sources.source import KEPT_BYTES, Whole
from consumers.sources.unfolding import UnfoldedRecord, UnreadableBatchError, read_up_to, unfold, unfolded_records

# -- why a broker was not reached ----------------------------------------------------------------
#
# The library says that it was "unable to bootstrap", and tells why to its log alone.

REFUSED = "SaslAuthenticationFailedError"


class _LastFailure(logging.Handler):
    """Remembers why a connection failed last; that a password was refused counts more than that the line went dead."""

    failure: Exception | None = None

    def emit(self, record: logging.LogRecord) -> None:
        said = record.args if isinstance(record.args, tuple) else ()
        for failure in said:
            if isinstance(failure, Exception) and type(self.failure).__name__ != REFUSED:
                self.failure = failure


_last = _LastFailure(logging.WARNING)


def listen_for_reasons() -> None:
    """Hear what kafka-python tells its log of connections that failed. Doing it again changes nothing."""
    log = logging.getLogger("kafka.net.manager")
    log.setLevel(logging.WARNING)
    log.propagate = False
    if _last not in log.handlers:
        log.addHandler(_last)


def cause_of(error: Exception) -> Exception:
    """The failure behind one that only says that no broker was reached, as far as it was heard; else the error."""
    return _last.failure if "Unable to bootstrap" in str(error) and _last.failure is not None else error


# -- header names that are not UTF-8 -------------------------------------------------------------
#
# Kafka takes them from anybody. The library raises UnicodeDecodeError in the middle of a batch, each time that the
# batch is read, so one such record would stop its partition for good.


class _Forgiving(bytes):
    """Bytes of which every part can be decoded."""

    def __getitem__(self, part: Any) -> Any:
        taken = super().__getitem__(part)
        return _Forgiving(taken) if isinstance(taken, bytes) else taken

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return super().decode(encoding, errors)


def _forgive_header_names() -> None:
    """Read bytes of a header's name that are not UTF-8 as `\\xNN`. Doing it again changes nothing."""
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
# The library unfolds a batch at once, however large it gets. When one cannot be read, `poll` raises, again and again,
# and what was polled of other partitions is lost with it.

CHECKS_OF_OUR_OWN = {"check_crcs": False}
"""A consumer's setting: batches are checked where one that is damaged stops nothing else."""
_FOLD_AT_ONCE = 4
"""A batch that unfolds to no more than so many times the largest message is unfolded at once: that is quicker."""

_max_bytes = 1_048_576


class UnreadableBatch(bytes):
    """The value of the one record that stands for a batch, or for the rest of one, that cannot be read.

    The bytes are the beginning of the batch as the broker keeps it. `first_offset` to `next_offset` are its offsets.
    """

    reason: str
    first_offset: int
    next_offset: int
    whole: Whole


def read_batches_safely(max_bytes: int) -> None:
    """Read batches in bounded memory, and what cannot be read as an UnreadableBatch. Holds for the whole process.

    Keys, values and headers of more than `max_bytes` bytes come as CutBytes. Goes with CHECKS_OF_OUR_OWN.
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
        for record in _unfolded(batch):
            yield record
            next_offset = record.offset + 1
    except (UnreadableBatchError, CorruptRecordError) as e:
        value = UnreadableBatch(raw[:KEPT_BYTES])
        value.reason, value.first_offset, value.next_offset = str(e), next_offset, batch.next_offset
        value.whole = Whole(len(raw), hashlib.sha256(raw).hexdigest())
        # Its last offset, since reading may begin in the middle of a batch.
        yield DefaultRecord(len(raw), batch.last_offset, batch.max_timestamp, batch.timestamp_type, None, value, [])


def _unfolded(batch: Any) -> Iterator[Any]:
    if batch.compression_type != batch.CODEC_NONE:
        at_once = _FOLD_AT_ONCE * _max_bytes
        stream = unfold(batch.compression_type, bytes(batch._buffer[batch._pos :]))
        start = read_up_to(stream, at_once + 1)
        if len(start) > at_once:
            return _one_by_one(batch, unfolded_records(start, stream, batch.records_count, _max_bytes))
        batch._buffer, batch._pos = bytearray(start), 0
    batch._decompressed = True
    return iter(batch.__next__, None)


def _one_by_one(batch: Any, unfolded: Iterable[UnfoldedRecord]) -> Iterator[Any]:
    is_broker_time = batch.timestamp_type == batch.LOG_APPEND_TIME
    for size, timestamp, offset, key, value, headers in unfolded:
        at = batch.max_timestamp if is_broker_time else batch.first_timestamp + timestamp
        yield DefaultRecord(size, batch.base_offset + offset, at, batch.timestamp_type, key, value, headers)


# -- a topic's id --------------------------------------------------------------------------------


def topic_id(consumer: Any, topic: str) -> str | None:
    """Kafka's own id of the topic, as far as this client has heard. A topic that is made anew gets another."""
    # The library keeps it where only its own parts look.
    known = consumer._client.cluster.topic_id(topic)
    return str(known) if known is not None and known.int else None


# -- a producer that failed ----------------------------------------------------------------------


def discard_producer(producer: KafkaProducer) -> Exception | None:
    """Close a producer in which anything failed, without waiting for it. Returns why it did not close well, if so.

    It wants to flush first. When that fails, its thread would go on sending, and it would complain at its end.
    """
    try:
        producer.close(timeout=0)
    except (KafkaError, IllegalStateError, OSError) as e:
        producer._sender.force_close()
        producer._closed = True
        return e
    return None
