"""The relay: sends others what took effect and what became of messages, for as long as it runs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Event
from typing import Protocol

import structlog

from consumers.relay.fitting import LeftOut, fit
from consumers.sinks.sink import MissingTopicsError, NotReachedError, Record, Sink, StoppedError
from infra.outbox.outbox import Outbox
from infra.runtime.processor import Processor
from infra.store.leadership import Leadership
from infra.store.retries import RetryPolicy

ROLE = "relay"
IDLE_SECONDS = 1.0
"""How long a leader waits for news before it looks by itself: an expiry, for one, does not wake it."""
WITHOUT_TOPICS_SECONDS = 5.0


class RelaySink(Sink, Protocol):
    """A sink that can look topics up, as consumers.sinks.kafka.KafkaSink can."""

    def find(self, topics: Iterable[str]) -> None:
        """Raises MissingTopicsError, and what `send` raises."""

    def close(self) -> None:
        """Let go of the broker."""


class Checkpoints(Protocol):
    """How far each outbox was sent, by the store."""

    def begun(self) -> Mapping[str, int]:
        """The positions of those that have begun, by name."""

    def position(self, name: str) -> int:
        """Where one stands that has begun."""

    def move(self, name: str, start: int, end: int, left_out: Sequence[LeftOut] = ()) -> None:
        """Keep what was left out, too. Raises CheckpointMovedError when it does not stand at `start` any more."""


class Relay:
    """Sends until told to stop; see Processor.

    It leaves out nothing but what a topic can never take, and keeps in the store what that was. A checkpoint moves when
    Kafka keeps all before it. What was sent before a crash and not yet noted is sent again, under the same ids. `begin`
    gives checkpoints to a relay that has never run.
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
    ):
        self._outboxes = outboxes
        self._checkpoints = checkpoints
        self._begin = begin
        self._sink = sink
        self._topics = topics
        self._retry = retry
        self._stop = stop
        self._processor = Processor(ROLE, self, leadership, retry, stop, IDLE_SECONDS)
        self._log = structlog.get_logger(__name__)

    def run(self, *, once: bool = False) -> None:
        """Send what there is, and unless `once`, go on as more comes, until the stop is set.

        With `once` it ends when there is no more, whoever sent it.
        Raises NotReachedError when Kafka refuses us, and what the store raises when it is away for too long.
        """
        try:
            self._processor.run(once=once)
        except StoppedError:
            self._log.info("relay_stopped_early")
        finally:
            self._sink.close()

    # -- infra.runtime.processor.Work ----------------------------------------------------------------

    def begin(self) -> None:
        self._begin()
        self._find_topics()

    def step(self) -> bool:
        sent = [self._send_next(outbox) for outbox in self._outboxes]
        return any(sent)

    def seconds_to_retry(self) -> float | None:
        return None

    def is_done(self) -> bool:
        begun = self._checkpoints.begun()
        return all(outbox.name in begun and not outbox.lag(begun[outbox.name]) for outbox in self._outboxes)

    def _find_topics(self) -> None:
        logged = False
        while True:
            try:
                return self._sink.find(self._topics)
            except MissingTopicsError as e:
                if not logged:
                    self._log.error("relay_waits", reason=str(e))
                logged = True
            if self._stop.wait(WITHOUT_TOPICS_SECONDS):
                raise StoppedError("told to stop before the topics were there")

    def _send_next(self, outbox: Outbox) -> bool:
        """Send the next batch of one outbox; whether there was any."""
        start = self._checkpoints.position(outbox.name)
        outgoing = self._retry(lambda: outbox.after(start))
        if outgoing.end == start:
            return False
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
        self._log.info("batch_relayed", outlet=outbox.name, start=start, position=outgoing.end, records=sent)
        return True

    def _send(self, records: Sequence[Record]) -> Sequence[LeftOut]:
        """Send what its topic takes; returns what was left out, since it must not hold up what comes after it."""
        fitting, left_out = fit(records, self._sink)
        if left_out:
            # What a topic takes may have been raised since it was looked up.
            self._find_topics()
            fitting, left_out = fit(records, self._sink)
        refused = self._sink.send(fitting) if fitting else {}
        if not refused:
            return left_out
        # Or it may have been lowered.
        self._find_topics()
        for index, reason in refused.items():
            if self._sink.size(fitting[index]) <= self._sink.largest(fitting[index].topic):
                raise NotReachedError(
                    f"Kafka does not take what the relay sends to {fitting[index].topic} ({reason}); "
                    "nothing is lost: once that is put right, start the relay again"
                )
        return [*left_out, *self._send([fitting[index] for index in sorted(refused)])]
