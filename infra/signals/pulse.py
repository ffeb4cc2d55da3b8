"""The pulse of a part: what its loop did last, and when. The loop writes it, /healthz and /readyz read it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock
from typing import NamedTuple

from infra.telemetry.meter import NO_METER, Meter
from infra.telemetry.tracing import span

THE_LOCK = "the store: another process holds its write lock"


class PartState(NamedTuple):
    """What a part's loop says about itself. Instants are in UTC.

    `stepped_at` is when it last did something or found nothing to do; at first, when it started. `step_began_at` is
    when the present step began, None between steps. `waits_for` is the trouble that keeps it from working, since
    `waits_since`. `lock_wanted_since` is when it asked for the store's write lock; None if it has it or needs none.
    `ended` says why its loop ended, at `ended_at`; None while it runs.
    """

    part: str
    started_at: datetime
    stepped_at: datetime
    step_began_at: datetime | None = None
    leads: bool = False
    waits_for: str | None = None
    waits_since: datetime | None = None
    lock_wanted_since: datetime | None = None
    ended: str | None = None
    ended_at: datetime | None = None

    @property
    def trouble(self) -> tuple[str, datetime] | None:
        """What keeps it from working, and since when: what it waits for, or the lock that it has asked for."""
        if self.waits_for is not None and self.waits_since is not None:
            return self.waits_for, self.waits_since
        if self.lock_wanted_since is not None:
            return THE_LOCK, self.lock_wanted_since
        return None


class Pulse:
    """Implemented once for all parts. Each call costs less than a microsecond, and a part makes few in a batch."""

    def __init__(
        self,
        part: str,
        meter: Meter = NO_METER,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ):
        self.part = part
        self.meter = meter
        self._clock = clock
        self._lock = Lock()
        now = clock()
        self._state = PartState(part, now, now)

    @property
    def state(self) -> PartState:
        with self._lock:
            return self._state

    @contextmanager
    def step(self) -> Iterator["StepPulse"]:
        """One step of the loop. A step that raises is over, but the part has not moved."""
        began, now = time.monotonic(), self._clock()
        self._set(step_began_at=now)
        pulse = StepPulse()
        try:
            with span(f"waybill {self.part}") as traced:
                yield pulse
                if not pulse.busy:
                    traced.drop()
        except BaseException:
            self._set(step_began_at=None)
            raise
        self._set(step_began_at=None)
        if pulse.proved:
            self.moved()
        if pulse.busy:
            self.meter.observe("waybill_batch_seconds", time.monotonic() - began, part=self.part)

    def moved(self) -> None:
        """It did something, or found that there is nothing to do."""
        self._set(stepped_at=self._clock(), waits_for=None, waits_since=None)

    def batch(self, size: int) -> None:
        """A batch was stored, projected, reacted to or sent: so many messages, events or records."""
        self.meter.observe("waybill_batch_size", size, part=self.part)

    def leads(self, leads: bool) -> None:
        """Whether this process has the leadership. Standing by is no trouble."""
        self._set(leads=leads)
        if not leads:
            self.moved()

    def waits(self, reason: str) -> None:
        """Something keeps the part from working; it tries again. The first instant counts until a step succeeds."""
        with self._lock:
            since = self._state.waits_since or self._clock()
            self._state = self._state._replace(waits_for=reason, waits_since=since)

    def store_waits(self, reason: str) -> None:
        """The store is unavailable, and the work is retried: for RetryPolicy."""
        self.meter.count("waybill_retries_total", about="store")
        self.waits(f"the store: {reason}")

    def wants_lock(self, wanted: bool) -> None:
        """Whether it has asked for the store's write lock and has not got it: for lock_waits_told_to."""
        self._set(lock_wanted_since=self._clock() if wanted else None)

    def kafka_waits(self, reason: str) -> None:
        """Kafka did not answer or did not acknowledge, and the work is retried: for KafkaSink."""
        self.meter.count("waybill_retries_total", about="kafka")
        self.waits(f"Kafka: {reason}")

    def ended(self, reason: str) -> None:
        """The loop has ended: nothing brings it back but a restart of the process."""
        self._set(ended=reason, ended_at=self._clock(), leads=False)

    def _set(self, **changes: object) -> None:
        with self._lock:
            self._state = self._state._replace(**changes)  # type: ignore[arg-type]


class StepPulse:
    """Whether a step did anything, and whether it proves that the part works."""

    busy = False
    proved = True
