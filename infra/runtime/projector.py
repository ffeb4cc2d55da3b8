"""The projector: keeps the views up to date until stopped."""

from collections.abc import Callable
from threading import Event

import structlog

from infra.runtime.processor import Processor
from infra.signals.pulse import Pulse
from infra.store.leadership import Leadership
from infra.store.retries import RetryPolicy
from projections.failures import Incident, IncidentReport
from projections.runner import Step
from projections.running_together import RunnersTogether

ROLE = "projector"
IDLE_SECONDS = 5.0


class Projector:
    """Projects until stopped; see Processor.

    `wake` applies the messages whose clock hold ends, and returns how many.
    """

    def __init__(
        self,
        runner: RunnersTogether,
        head: Callable[[], int],
        leadership: Leadership,
        retry: RetryPolicy,
        stop: Event,
        *,
        wake: Callable[[], int] = lambda: 0,
        pulse: Pulse | None = None,
    ):
        self._runner = runner
        self._pulse = pulse or Pulse(ROLE)
        self._head = head
        self._leadership = leadership
        self._retry = retry
        self._stop = stop
        self._wake = wake

    def run(self, *, once: bool, on_step: Callable[[Step], None] | None = None) -> None:
        """Keep the views up to date until the stop is set.

        With `once` it ends when all projections that are neither paused nor stopped reflect the event that was newest
        at the start.
        """
        work = _Projecting(
            self._runner, self._retry(self._head) if once else 0, self._retry, on_step, self._wake, self._pulse
        )
        processor = Processor(ROLE, work, self._leadership, self._retry, self._stop, IDLE_SECONDS, self._pulse)
        processor.run(once=once)


class _Projecting:
    """Implements infra.runtime.processor.Work. A step is one transaction, so it can be retried as a whole."""

    def __init__(
        self,
        runner: RunnersTogether,
        target: int,
        retry: RetryPolicy,
        on_step: Callable[[Step], None] | None,
        wake: Callable[[], int],
        pulse: Pulse,
    ):
        self._runner = runner
        self._pulse = pulse
        self._target = target
        self._retry = retry
        self._on_step = on_step
        self._wake = wake
        self._more = True
        self._log = structlog.get_logger(__name__)

    def begin(self) -> None:
        self._runner.retry_parked()

    def step(self) -> bool:
        step = self._retry(self._runner.step)
        if step is None:
            return self._wake() > 0
        self._log.info(
            "batch_projected", start=step.start, position=step.end, events=step.events, subjects=step.subjects
        )
        self._pulse.batch(step.events)
        if self._on_step is not None:
            self._on_step(step)
        self._more = self._runner.has_more()
        if not self._more:
            # Another step would find nothing but ended clock holds. It is left out, so the store has that time for the
            # next messages.
            self._more = self._wake() > 0
        return True

    def has_more(self) -> bool:
        return self._more

    def seconds_to_retry(self) -> float | None:
        return self._runner.seconds_to_retry()

    def is_done(self) -> bool:
        return self._runner.reached(self._target)


def log_incident(report: IncidentReport) -> None:
    """Log what happens to a failing projection, as an error if a person must act."""
    told = structlog.get_logger(__name__).bind(
        projection=report.projection,
        version=report.version,
        key=report.key,
        position=report.position,
        reason=report.reason,
    )
    match report.incident:
        case Incident.RETRIED:
            told.warning("projection_failed")
        case Incident.PARKED:
            told.error("projection_key_parked")
        case Incident.STOPPED:
            told.error("projection_stopped")
        case Incident.RESUMED:
            told.info("projection_resumed")
