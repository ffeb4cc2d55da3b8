"""The relay: publishes what took effect and the verdicts of messages, until stopped."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Event
from typing import Protocol

import structlog

from consumers.relay.record_size_limits import LeftOut, fit
from consumers.sinks.sink import MissingTopicsError, NotReachedError, Record, Sink, StoppedError
from infra.outbox.outbox import Outbox
from infra.runtime.pausing import never_paused
from infra.runtime.processor import Processor
from infra.runtime.relay_beginning import CannotBeginError
from infra.signals.pulse import Pulse
from infra.store.leadership import Leadership
from infra.store.retries import RetryPolicy
from infra.telemetry.tracing import span

ROLE = "relay"
IDLE_SECONDS = 1.0
"""How long an idle leader waits before it looks again: an expiry, for example, does not wake it."""
SECONDS_BETWEEN_LOOKS = 5.0


class RelaySink(Sink, Protocol):
    """A sink that can look topics up, as consumers.sinks.kafka.KafkaSink can."""

    def find(self, topics: Iterable[str]) -> None:
        """Raises MissingTopicsError, and the errors of `send`."""

    def close(self) -> None:
        """Close the connection to the broker."""


class Checkpoints(Protocol):
    """The checkpoints of the outboxes in the store."""

    def announce(self, outboxes: Sequence[Outbox]) -> None:
        """Show outboxes that have not begun, with their lag."""

    def begun(self) -> Mapping[str, int]:
        """The checkpoints of the outboxes that have begun, by name."""

    def position(self, name: str) -> int:
        """The checkpoint of one that has begun."""

    def move(self, name: str, start: int, end: int, left_out: Sequence[LeftOut] = ()) -> None:
        """Also store the records left out. Raises CheckpointMovedError if the checkpoint is no longer at `start`."""


class Relay:
    """Sends until stopped; see Processor.

    It leaves out only records that a topic can never take, and lists them in the store. A checkpoint moves after Kafka
    has acknowledged everything before it. After a crash, records behind the checkpoint are sent again with the same
    ids. `begin` creates the checkpoints of a relay that has never run. If `reason_to_wait` is given, such a relay
    begins when the topics exist and there is no reason (an empty text). While the relay is `paused`, it sends nothing.
    """

    def __init__(
        self,
        outboxes: Sequence[Outbox],
        checkpoints: Checkpoints,
        begin: Callable[[], None],
        sink: RelaySink,
        topics: Sequence[str],
        leadership: Leadership,
        retry: RetryPolicy,
        stop: Event,
        pulse: Pulse | None = None,
        *,
        reason_to_wait: Callable[[], str] | None = None,
        paused: Callable[[], bool] = never_paused,
    ):
        self._pulse = pulse or Pulse(ROLE)
        self._outboxes = outboxes
        self._checkpoints = checkpoints
        self._begin = begin
        self._sink = sink
        self._topics = topics
        self._retry = retry
        self._stop = stop
        self._reason_to_wait = reason_to_wait
        self._once = False
        self._paused = paused
        self._processor = Processor(ROLE, self, leadership, retry, stop, IDLE_SECONDS, self._pulse)
        self._log = structlog.get_logger(__name__)

    def run(self, *, once: bool = False) -> None:
        """Send until the stop is set.

        With `once` it ends when everything is sent, by any process. Raises NotReachedError when Kafka refuses access,
        and the store's error when it is unavailable for too long. With `once`, raises CannotBeginError if there is a
        reason not to begin; otherwise it waits.
        """
        self._once = once
        try:
            self._processor.run(once=once)
        except StoppedError:
            self._log.info("relay_stopped_early")
        finally:
            self._sink.close()

    # -- infra.runtime.processor.Work ----------------------------------------------------------------

    def begin(self) -> None:
        begun = self._checkpoints.begun()
        if self._reason_to_wait is not None and any(outbox.name not in begun for outbox in self._outboxes):
            self._checkpoints.announce(self._outboxes)
            self._find_topics()
            self._wait_until_it_may_begin(self._reason_to_wait)
        self._begin()
        self._find_topics()

    def step(self) -> bool:
        if self._retry(self._paused):
            return False
        sent = [self._send_next(outbox) for outbox in self._outboxes]
        return any(sent)

    def has_more(self) -> bool:
        return True  # only the next step can tell

    def seconds_to_retry(self) -> float | None:
        return None

    def is_done(self) -> bool:
        if self._paused():
            return True
        begun = self._checkpoints.begun()
        return all(outbox.name in begun and not outbox.lag(begun[outbox.name]) for outbox in self._outboxes)

    def _wait_until_it_may_begin(self, reason_to_wait: Callable[[], str]) -> None:
        logged = ""
        while reason := reason_to_wait():
            if self._once:
                raise CannotBeginError(reason)
            if reason != logged:
                self._log.error("relay_waits", reason=reason)
                self._pulse.waits(reason)
            logged = reason
            if self._stop.wait(SECONDS_BETWEEN_LOOKS):
                raise StoppedError("stopped before the relay began")

    def _find_topics(self) -> None:
        logged = False
        while True:
            try:
                return self._sink.find(self._topics)
            except MissingTopicsError as e:
                if not logged:
                    self._log.error("relay_waits", reason=str(e))
                    self._pulse.waits(str(e))
                logged = True
            if self._stop.wait(SECONDS_BETWEEN_LOOKS):
                raise StoppedError("stopped before the topics existed")

    def _send_next(self, outbox: Outbox) -> bool:
        """Send the next batch of one outbox; returns whether there was one."""
        start = self._checkpoints.position(outbox.name)
        outgoing = self._retry(lambda: outbox.after(start))
        if outgoing.end == start:
            return False
        with span("waybill send records", outlet=outbox.name, records=len(outgoing.records)):
            left_out = self._send(outgoing.records)
        self._checkpoints.move(outbox.name, start, outgoing.end, left_out)
        for one in left_out:
            self._log.error(
                "record_too_large",
                topic=one.topic,
                key=one.key,
                event_id=one.event_id,
                bytes=one.size,
                largest=one.largest,
            )
        sent = len(outgoing.records) - len(left_out)
        self._pulse.batch(sent)
        self._log.info("batch_relayed", outlet=outbox.name, start=start, position=outgoing.end, records=sent)
        return True

    def _send(self, records: Sequence[Record]) -> Sequence[LeftOut]:
        """Send the records that their topics take; returns those left out, because they must not block later ones."""
        fitting, left_out = fit(records, self._sink)
        if left_out:
            # A topic's limit may have been raised since it was read.
            self._find_topics()
            fitting, left_out = fit(records, self._sink)
        refused = self._sink.send(fitting) if fitting else {}
        if not refused:
            return left_out
        # Or lowered.
        self._find_topics()
        for index, reason in refused.items():
            if self._sink.size(fitting[index]) <= self._sink.largest(fitting[index].topic):
                raise NotReachedError(
                    f"Kafka rejects the relay's records for {fitting[index].topic} ({reason}); "
                    "nothing is lost: fix the cause, then start the relay again"
                )
        return [*left_out, *self._send([fitting[index] for index in sorted(refused)])]
