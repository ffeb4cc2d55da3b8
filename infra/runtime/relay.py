"""The relay's loop: reads what comes next, sends it, and moves on once all of it is kept."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Event
from typing import Protocol

import structlog

from consumers.sinks.sink import MissingTopicsError, NotReachedError, Record, Sink, StoppedError
from infra.outbox.outbox import Outbox
from infra.store.checkpoints import CheckpointMovedError
from infra.store.leadership import Leadership
from infra.store.retries import RetryPolicy

ROLE = "relay"
STANDBY_SECONDS = 0.5
"""How often one that stands by looks whether it has to take over."""
IDLE_SECONDS = 1.0
"""How long an active one waits for news before it looks by itself: not all that there is to tell wakes it."""
WITHOUT_TOPICS_SECONDS = 5.0


class RelaySink(Sink, Protocol):
    """A sink that can look topics up, as consumers.sinks.kafka.KafkaSink can."""

    def find(self, topics: Iterable[str]) -> None:
        """Raises MissingTopicsError, and what `send` raises."""

    def close(self) -> None:
        """Let go of the broker."""


class Positions(Protocol):
    """Where the store says how far each outlet was told."""

    def begun(self) -> Mapping[str, int]:
        """The positions of those that have begun, by name."""

    def position(self, name: str) -> int:
        """Where one stands that has begun."""

    def move(self, name: str, start: int, end: int) -> None:
        """Raises CheckpointMovedError when it does not stand at `start` any more."""


class Relay:
    """Tells until told to stop. However many run on one store, one is active, and another takes over when it dies.

    Nothing is skipped but what its topic can never take: a position moves when all before it is kept by Kafka. What
    was sent before a crash and not yet noted is sent again, under the same ids. `begin` gives positions to a relay that
    has never run.
    """

    def __init__(
        self,
        outlets: Sequence[Outbox],
        positions: Positions,
        begin: Callable[[], None],
        sink: RelaySink,
        topics: Sequence[str],
        watch: Leadership,
        again: RetryPolicy,
        stop: Event,
    ):
        self._outlets = outlets
        self._positions = positions
        self._begin = begin
        self._sink = sink
        self._topics = topics
        self._watch = watch
        self._again = again
        self._stop = stop
        self._active: bool | None = None
        self._log = structlog.get_logger(__name__)

    def run(self, *, once: bool = False) -> None:
        """Tell what there is, and unless `once`, go on as more comes, until the stop is set.

        With `once` it ends when there is no more, whoever told it.
        Raises NotReachedError when Kafka refuses us, and what the store raises when it is away for too long.
        """
        try:
            while not self._stop.is_set():
                if not self._again(self._claimed):
                    if once and self._again(self._all_is_told):
                        return
                    self._stop.wait(STANDBY_SECONDS)
                    continue
                try:
                    told = [self._tell(outlet) for outlet in self._outlets]
                except CheckpointMovedError as e:
                    # Another one told this, or we did and never heard of it. Who is the active one now?
                    self._log.info("relay_moved", reason=str(e))
                    self._watch.close()
                    continue
                if any(told):
                    continue
                if once:
                    return
                self._again(lambda: self._watch.wait(self._stop, IDLE_SECONDS))
        except StoppedError:
            self._log.info("relay_stopped_early")
        finally:
            self._watch.close()
            self._sink.close()

    def _claimed(self) -> bool:
        active = self._watch.claim()
        if active is not self._active:
            if active:
                self._begin()
                self._find_topics()
                self._log.info("relay_active")
            else:
                self._log.info("relay_standing_by")
            self._active = active
        return active

    def _all_is_told(self) -> bool:
        begun = self._positions.begun()
        return all(outlet.name in begun and not outlet.lag(begun[outlet.name]) for outlet in self._outlets)

    def _find_topics(self) -> None:
        told = False
        while True:
            try:
                return self._sink.find(self._topics)
            except MissingTopicsError as e:
                if not told:
                    self._log.error("relay_waits", reason=str(e))
                told = True
            if self._stop.wait(WITHOUT_TOPICS_SECONDS):
                raise StoppedError("told to stop before the topics were there")

    def _tell(self, outlet: Outbox) -> bool:
        """Send the next batch of one outlet; whether there was any."""
        start = self._again(lambda: self._positions.position(outlet.name))
        going = self._again(lambda: outlet.after(start))
        if going.end == start:
            return False
        self._send(going.records)
        self._again(lambda: self._positions.move(outlet.name, start, going.end))
        self._log.info("batch_relayed", outlet=outlet.name, start=start, position=going.end, records=len(going.records))
        return True

    def _send(self, records: Sequence[Record]) -> None:
        largest = self._sink.largest()
        fitting = []
        for record in records:
            if (size := _size(record)) > largest:
                # It never will fit, and what comes after it must go on.
                key = None if record.key is None else record.key.decode(errors="replace")
                self._log.error("record_too_large", topic=record.topic, key=key, bytes=size, largest=largest)
            else:
                fitting.append(record)
        refused = self._sink.send(fitting) if fitting else {}
        for index, reason in refused.items():
            raise NotReachedError(
                f"Kafka does not take what the relay sends to {fitting[index].topic} ({reason}); "
                "nothing is lost: once that is put right, start the relay again"
            )


def _size(record: Record) -> int:
    headers = sum(len(name.encode()) + len(value) for name, value in record.headers)
    return len(record.key or b"") + len(record.value) + headers
