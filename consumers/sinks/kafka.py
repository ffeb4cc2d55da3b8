"""Kafka as a sink: an idempotent producer that is replaced when it fails.

After a delivery timeout, a kafka-python producer may never send again, and a record that the broker rejects fails the
others of its batch. So a failed producer is closed, and unacknowledged records go through a new one in the same order.
A record whose acknowledgement was lost is then stored twice; readers recognise duplicates by id.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Event
from typing import Any

import structlog
from kafka import KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import (
    AuthorizationError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    SaslAuthenticationFailedError,
)
from kafka.record.default_records import DefaultRecordBatchBuilder
from tenacity import Retrying, retry_if_exception_type, stop_before_delay, stop_never, wait_exponential

from consumers.kafka_workarounds import cause_of, discard_producer
from consumers.sinks.sink import MissingTopicsError, NotReachedError, Record, StoppedError

DELIVERY_SECONDS = 15
REQUEST_SECONDS = 6
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 5.0
LOOK_FOR_STOP_SECONDS = 0.5
USUAL_LARGEST = 1_048_588
"""The default limit of a broker, in bytes."""
ROOM_TO_SPARE = 64
"""The bytes to leave free below a topic's limit."""
USUAL_BATCH_BYTES = 256 * 1024

_FOR_GOOD = (MessageSizeTooLargeError, RecordListTooLargeError, AuthorizationError)


class KafkaSink:
    """Implements consumers.sinks.sink.Sink.

    `connection` has kafka-python's connection settings, including `bootstrap_servers`. `patience` is how many seconds
    to retry a broker that does not answer; None: until `stop` is set. `on_retry` is called with the reason whenever
    the broker does not answer.
    """

    def __init__(
        self,
        connection: Mapping[str, Any],
        *,
        patience: float | None = 60.0,
        stop: Event | None = None,
        on_retry: Callable[[str], None] = lambda reason: None,
    ):
        self._connection = dict(connection)
        self._patience = patience
        self._on_retry = on_retry
        self._stop = stop or Event()
        # One producer for each limit: a batch must not exceed its topic's limit, and topics differ.
        self._producers: dict[int, KafkaProducer] = {}
        self._limits: Mapping[str, int] = {}
        self._log = structlog.get_logger(__name__)

    def find(self, topics: Iterable[str]) -> None:
        """Look up these topics and their size limits.

        Raises MissingTopicsError if some are missing, and NotReachedError or StoppedError as `send` does.
        """
        wanted = sorted(set(topics))

        def look_up() -> tuple[set[str], dict[str, int]]:
            try:
                return self._looked_up(wanted)
            except (KafkaError, OSError) as e:
                cause = _unless_refused(e)
                self._log.warning("kafka_not_reached", reason=_reason(cause))
                self._on_retry(_reason(cause))
                raise self._not_reached(cause) from e

        there, limits = self._patient()(look_up)
        missing = [topic for topic in wanted if topic not in there]
        if missing:
            raise MissingTopicsError(
                f"there is no topic {', '.join(missing)} at {self._address}; create what is missing with: "
                "waybill topics create"
            )
        if limits != self._limits:
            # Producers keep the limits with which they were created.
            self._discard()
        self._limits = limits

    def largest(self, topic: str) -> int:
        return self._limits.get(topic, USUAL_LARGEST) - ROOM_TO_SPARE

    def size(self, record: Record) -> int:
        return int(DefaultRecordBatchBuilder.estimate_size_in_bytes(record.key, record.value, list(record.headers)))

    def send(self, records: Sequence[Record]) -> Mapping[int, str]:
        refused: dict[int, str] = {}
        left = list(range(len(records)))

        def go_on() -> bool:
            """Send the remaining records; returns whether some were stored. Raises NotReachedError if none was."""
            nonlocal left
            before = len(left)
            left, failure = self._attempt(records, left, refused)
            if not left:
                return True
            # No result of a failed producer can be trusted, however little failed.
            self._discard()
            assert failure is not None
            self._log.warning("kafka_not_reached", reason=_reason(failure), unacknowledged=len(left))
            self._on_retry(_reason(failure))
            if len(left) < before:
                return True
            raise self._not_reached(failure, frozenset(range(len(records))) - set(left) - refused.keys())

        while left:
            # Patience restarts whenever some records were stored.
            self._patient()(go_on)
        return refused

    def close(self) -> None:
        self._discard()

    def _attempt(
        self, records: Sequence[Record], indexes: Sequence[int], refused: dict[int, str]
    ) -> tuple[list[int], Exception | None]:
        """Send once. Returns the records to send again, in order, and the first failure behind that."""
        failure: Exception | None = None
        sent: list[tuple[int, Any]] = []
        again: list[int] = []
        for index in indexes:
            record = records[index]
            if failure is not None:
                # No record may overtake a failed one.
                again.append(index)
                continue
            try:
                future = self._producer_for(record.topic).send(
                    record.topic, value=record.value, key=record.key, headers=list(record.headers)
                )
                sent.append((index, future))
            except _FOR_GOOD as e:
                refused[index] = _reason(e)
            except (KafkaError, OSError) as e:
                failure = _unless_refused(e)
                again.append(index)
        deadline = time.monotonic() + DELIVERY_SECONDS + REQUEST_SECONDS
        for index, future in sent:
            outcome = self._outcome(future, deadline)
            if outcome is None:
                continue
            if isinstance(outcome, _FOR_GOOD):
                refused[index] = _reason(outcome)
            else:
                again.append(index)
            failure = failure or outcome
        if failure is not None and not again:
            self._discard()
        return sorted(again), failure

    def _outcome(self, future: Any, deadline: float) -> Exception | None:
        """Why it was not acknowledged; None if it was."""
        while True:
            try:
                future.get(timeout=LOOK_FOR_STOP_SECONDS)
                return None
            except (KafkaError, OSError) as e:
                if future.is_done or time.monotonic() > deadline:
                    return e
                if self._stop.is_set() and self._patience is None:
                    raise StoppedError("stopped before everything was acknowledged") from e

    def _producer_for(self, topic: str) -> KafkaProducer:
        largest = self.largest(topic)
        if largest not in self._producers:
            self._producers[largest] = KafkaProducer(
                **self._connection,
                acks="all",
                enable_idempotence=True,
                linger_ms=5,
                batch_size=min(USUAL_BATCH_BYTES, largest),
                max_request_size=largest,
                delivery_timeout_ms=DELIVERY_SECONDS * 1000,
                request_timeout_ms=REQUEST_SECONDS * 1000,
                max_block_ms=REQUEST_SECONDS * 1000,
                bootstrap_timeout_ms=REQUEST_SECONDS * 1000,
                reconnect_backoff_max_ms=1000,
                allow_auto_create_topics=False,
            )
        return self._producers[largest]

    def _discard(self) -> None:
        producers, self._producers = self._producers, {}
        for producer in producers.values():
            if (failure := discard_producer(producer)) is not None:
                self._log.debug("kafka_producer_closed_badly", reason=_reason(failure))

    def _looked_up(self, topics: Sequence[str]) -> tuple[set[str], dict[str, int]]:
        """All existing topics, and the limits of these, if known."""
        timeouts = {"request_timeout_ms": REQUEST_SECONDS * 1000, "bootstrap_timeout_ms": REQUEST_SECONDS * 1000}
        admin = KafkaAdminClient(**self._connection, **timeouts)
        try:
            there = set(admin.list_topics())
            found = [topic for topic in topics if topic in there]
            try:
                asked = [ConfigResource(ConfigResourceType.TOPIC, topic, ["max.message.bytes"]) for topic in found]
                told = admin.describe_configs(asked, config_filter="all")["topic"] if asked else {}
            except AuthorizationError:
                told = {}  # the right to write to a topic does not include reading its settings
        finally:
            admin.close()
        limit = "max.message.bytes"
        return there, {topic: int(told[topic][limit]["value"]) for topic in found if limit in told.get(topic, {})}

    @property
    def _address(self) -> str:
        servers = self._connection.get("bootstrap_servers", ())
        return servers if isinstance(servers, str) else ", ".join(servers)

    def _not_reached(self, error: Exception, acknowledged: frozenset[int] = frozenset()) -> "_NotReachedYet":
        return _NotReachedYet(
            f"Kafka at {self._address} does not answer ({_reason(error)}); is WAYBILL_KAFKA right, and does it run?",
            acknowledged,
        )

    def _patient(self) -> Retrying:
        """Retries calls that Kafka did not answer, with growing pauses, until patience ends."""
        return Retrying(
            retry=retry_if_exception_type(_NotReachedYet),
            wait=wait_exponential(multiplier=FIRST_PAUSE_SECONDS, max=LONGEST_PAUSE_SECONDS),
            stop=stop_never if self._patience is None else stop_before_delay(self._patience),
            sleep=self._pause,
            reraise=True,
        )

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise StoppedError("stopped before everything was acknowledged")


class _NotReachedYet(NotReachedError):
    """Kafka did not answer; it may answer later."""


def _unless_refused(error: Exception) -> Exception:
    """The reason why the broker was not reached. Raises NotReachedError if it refused the password."""
    cause = cause_of(error)
    if isinstance(cause, SaslAuthenticationFailedError):
        raise NotReachedError(f"Kafka refuses the credentials: {cause}") from error
    return cause


def _reason(error: BaseException) -> str:
    words = str(error).splitlines()[0] if str(error) else type(error).__name__
    return words.removeprefix(f"{type(error).__name__}: ")
