"""Records as all sorts of producers send them: in every codec, in transactions, and some larger than they may be."""

from collections.abc import Sequence
from threading import Event
from typing import Any

from kafka import KafkaProducer
from kafka.errors import IllegalStateError, KafkaError

from consumers.contract import TOPICS
from consumers.kafka_workarounds import discard_producer
from consumers.sinks.kafka import KafkaSink
from consumers.sinks.sink import Record, StoppedError
from tests.integration.broker import Topics

CODECS = (None, "gzip", "snappy", "lz4", "zstd")
LARGEST = 1_048_576
RECORDS_AN_OVERSIZED_ONE = 150
ASK_MS = 10_000


class MixedSink:
    """Sends each batch in another way than the one before, whatever the broker goes through, until `stop` is set.

    A batch is kept before the next one is sent, so that what has one key keeps its order. Now and then a record follows
    that is larger than a message may be.
    """

    def __init__(self, topics: Topics, stop: Event):
        connection = {"bootstrap_servers": topics.url}
        self._plain = KafkaSink(connection, patience=None, stop=stop)
        self._plain.find(topics.prefix + topic for topic in TOPICS)
        codecs = [KafkaSink({**connection, "compression_type": codec}, patience=None, stop=stop) for codec in CODECS]
        self._sinks: tuple[KafkaSink | Transactions, ...] = (*codecs, Transactions(topics, stop))
        self._batches = self._sent = self._oversized = 0

    def send(self, records: Sequence[Record]) -> None:
        if not records:
            return
        refused = self._sinks[self._batches % len(self._sinks)].send(records)
        assert not refused, refused
        self._batches += 1
        self._sent += len(records)
        while self._oversized < self._sent // RECORDS_AN_OVERSIZED_ONE:
            large = str(self._oversized).encode().ljust(LARGEST + 1 + self._oversized, b"x")
            assert not self._plain.send([Record(records[0].topic, b"large", large)])
            self._oversized += 1

    def close(self) -> None:
        for sink in (self._plain, *self._sinks):
            sink.close()


class Transactions:
    """Sends each batch in a transaction of its own; before every third one, the same is sent and aborted."""

    def __init__(self, topics: Topics, stop: Event):
        self._settings = {"bootstrap_servers": topics.url, "transactional_id": f"{topics.prefix}load"}
        self._stop = stop
        self._producer: Any = None
        self._count = 0

    def send(self, records: Sequence[Record]) -> dict[int, str]:
        """What was committed without an answer is sent again, and is a duplicate."""
        self._count += 1
        aborted = self._count % 3 == 0
        while True:
            try:
                if aborted:
                    self._transact(records, commit=False)
                    aborted = False
                self._transact(records, commit=True)
                return {}
            except (KafkaError, IllegalStateError, OSError) as e:
                self.close()
                if self._stop.wait(0.5):
                    raise StoppedError("stopped before everything was acknowledged") from e

    def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            discard_producer(producer)

    def _transact(self, records: Sequence[Record], *, commit: bool) -> None:
        if self._producer is None:
            self._producer = KafkaProducer(**self._settings, acks="all", retry_backoff_ms=5, max_block_ms=ASK_MS)
            self._producer.init_transactions()
        self._producer.begin_transaction()
        sent = [self._producer.send(record.topic, record.value, record.key, list(record.headers)) for record in records]
        self._producer.flush(timeout=ASK_MS / 1000)
        for future in sent:
            future.get(ASK_MS / 1000)
        if commit:
            self._producer.commit_transaction()
        else:
            self._producer.abort_transaction()
