"""The consumer: reads Kafka into the store until stopped, and rides out outages of both."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event
from typing import Any

import structlog
from kafka import KafkaConsumer
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import AuthorizationError, KafkaError, SaslAuthenticationFailedError

from consumers.kafka_workarounds import CHECKS_OF_OUR_OWN, cause_of, read_batches_safely
from consumers.sinks.sink import MissingTopicsError, NotReachedError
from consumers.sources.kafka import KafkaReader
from infra.runtime.pausing import never_paused
from infra.signals.pulse import Pulse
from infra.store.failures import reason_of
from infra.store.retries import store_failures

POLL_MS = 500
"""How long a poll waits, and so the longest time that a stop waits for it."""
SESSION_MS = 8_000
"""Without a heartbeat for this long, a consumer loses its partitions to others."""
HEARTBEAT_MS = 1_500
BOOTSTRAP_MS = 5_000
POLL_RECORDS = 10_000
"""The most records of a poll."""
FETCH_BYTES = 16 * 1024 * 1024
PARTITION_BYTES = 128 * 1024
"""The most bytes of one partition at a time: a backlog is read evenly, so few messages wait for another partition."""
FETCH_WAIT_MS = 20
"""How long the broker delays an answer while there is no new record. New records of other partitions wait too."""
LONGEST_RECONNECT_PAUSE_MS = 1_000
"""The longest pause between reconnects; the library's default is half a minute."""
METADATA_AGE_MS = 30_000
SECONDS_TO_JOIN = 30.0
SECONDS_BEFORE_POLLING_AGAIN = 2.0
"""The longest time to retry a batch on an unavailable store before sending the next heartbeat to the group."""
SECONDS_BETWEEN_LOOKS = 5.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.25, 5.0

KAFKA_FAILURES = (KafkaError, OSError)
FOR_GOOD = (AuthorizationError, SaslAuthenticationFailedError)


class NeverJoinedError(Exception):
    """The group did not answer for a long time: the client hangs, and a new client may not."""


def group_member(connection: Mapping[str, Any], group: str, max_records: int, max_bytes: int) -> KafkaConsumer:
    """A dynamic member of the group that does not manage offsets itself. Raises KafkaError or OSError."""
    read_batches_safely(max_bytes)
    return KafkaConsumer(
        **connection,
        **CHECKS_OF_OUR_OWN,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
        allow_auto_create_topics=False,
        # It gives a member the same partition numbers of all topics, so one consumer gets most messages of an order.
        partition_assignment_strategy=[RangePartitionAssignor],
        session_timeout_ms=SESSION_MS,
        heartbeat_interval_ms=HEARTBEAT_MS,
        max_poll_records=max_records,
        fetch_max_bytes=FETCH_BYTES,
        max_partition_fetch_bytes=PARTITION_BYTES,
        fetch_max_wait_ms=FETCH_WAIT_MS,
        metadata_max_age_ms=METADATA_AGE_MS,
        bootstrap_timeout_ms=BOOTSTRAP_MS,
        reconnect_backoff_max_ms=LONGEST_RECONNECT_PAUSE_MS,
    )


class Consumer:
    """Polls until stopped. If several run, the group shares the partitions between them.

    `connect` creates a new member of the group, and `reader` creates its reader. If the group does not answer for
    `seconds_to_join`, the consumer joins again. `wake` applies the messages whose clock hold ends; it is called while
    no messages come, because every batch does the same. While it is `paused`, it stores nothing and stays in the group.
    """

    def __init__(
        self,
        connect: Callable[[], KafkaConsumer],
        reader: Callable[[KafkaConsumer], KafkaReader],
        topics: Sequence[str],
        address: str,
        stop: Event,
        seconds_to_join: float = SECONDS_TO_JOIN,
        *,
        wake: Callable[[], int] = lambda: 0,
        pulse: Pulse | None = None,
        paused: Callable[[], bool] = never_paused,
    ):
        self._pulse = pulse or Pulse("consume")
        self._connect = connect
        self._reader = reader
        self._topics = topics
        self._address = address
        self._stop = stop
        self._seconds_to_join = seconds_to_join
        self._wake = wake
        self._paused = paused
        self._log = structlog.get_logger(__name__)
        self._trouble = Trouble(stop, self._log, self._pulse)

    def run(self) -> None:
        """Consume until the stop is set. Then store what was polled, commit offsets and leave the group.

        Raises NotReachedError when Kafka refuses access permanently.
        """
        while not self._stop.is_set():
            try:
                with self._member() as reader:
                    self._read(reader)
            except MissingTopicsError as e:
                self._trouble.pause("topics", str(e))
            except NeverJoinedError as e:
                self._trouble.pause("group", str(e))
            except KAFKA_FAILURES as e:
                cause = cause_of(e)
                if isinstance(cause, FOR_GOOD):
                    raise NotReachedError(f"Kafka at {self._address} refuses access: {cause}") from e
                self._trouble.pause("kafka", f"{self._address}: {cause}")
            except store_failures() as e:
                self._trouble.pause("store", reason_of(e))

    @contextmanager
    def _member(self) -> Iterator[KafkaReader]:
        consumer = self._connect()
        try:
            missing = sorted(set(self._topics) - set(consumer.topics()))
            if missing:
                raise MissingTopicsError(
                    f"there is no topic {', '.join(missing)} at {self._address}; "
                    "create what is missing with: waybill topics create"
                )
            reader = self._reader(consumer)
        except BaseException:
            consumer.close(autocommit=False, timeout_ms=BOOTSTRAP_MS)
            raise
        try:
            yield reader
        finally:
            reader.close()

    def _read(self, reader: KafkaReader) -> None:
        last_joined = looked_at = followed_at = time.monotonic()
        while not self._stop.is_set():
            try:
                if self._paused():
                    with self._pulse.step():
                        reader.stay(POLL_MS)
                    last_joined = looked_at = time.monotonic()
                    continue
                with self._pulse.step() as step:
                    stored = reader.step(POLL_MS)
                    # A poll that brings nothing proves nothing: a dead broker answers so, too.
                    step.busy = step.proved = stored > 0
                if time.monotonic() - followed_at > SECONDS_BETWEEN_LOOKS:
                    followed_at = time.monotonic()
                    reader.follow_the_store()
            except store_failures() as e:
                self._trouble.pause("store", reason_of(e))
                reader.stay()
                continue
            now = time.monotonic()
            if reader.joined:
                last_joined = now
            elif now - last_joined > self._seconds_to_join:
                raise NeverJoinedError(
                    f"the group did not answer for {self._seconds_to_join:.0f} seconds; joining again"
                )
            if stored:
                looked_at = now
                self._trouble.over()
                self._pulse.batch(stored)
            elif now - looked_at > SECONDS_BETWEEN_LOOKS and reader.joined:
                # A dead broker looks like one without new records, so check it.
                looked_at = now
                self._wake()
                lag = reader.lag(reader.end_offsets())
                self._trouble.over()
                if lag:
                    self._pulse.waits(f"there are {lag} messages to read, and none comes (see waybill status)")
                else:
                    self._pulse.moved()
                self._log.debug("partitions_looked_at", lag=lag)


class Trouble:
    """The present trouble: logged once, and retried with growing pauses."""

    def __init__(self, stop: Event, log: Any, pulse: Pulse):
        self._stop, self._log, self._pulse = stop, log, pulse
        self._told: str | None = None
        self._pause_seconds = FIRST_PAUSE_SECONDS

    def pause(self, about: str, reason: str) -> None:
        """Pause before a retry. `about` says what is in trouble: kafka, topics, group or store."""
        if about != self._told:
            self._log.error("consumer_waits", about=about, reason=reason)
        self._told = about
        self._pulse.waits(f"{about}: {reason}")
        if about in ("kafka", "store"):
            self._pulse.meter.count("waybill_retries_total", about=about)
        self._stop.wait(self._pause_seconds)
        self._pause_seconds = min(2 * self._pause_seconds, LONGEST_PAUSE_SECONDS)

    def over(self) -> None:
        if self._told is not None:
            self._log.info("consumer_resumed", about=self._told)
        self._told, self._pause_seconds = None, FIRST_PAUSE_SECONDS
