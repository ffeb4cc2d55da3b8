"""Everything that Waybill works around in kafka-python 3.0: what it hides, and where it fails on what brokers send."""

import logging
from typing import Any

from kafka import KafkaProducer
from kafka.errors import IllegalStateError, KafkaError
from kafka.record.default_records import DefaultRecordBatch

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


def forgive_header_names() -> None:
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
