"""The projector: keeps the views up with the store for as long as it runs."""

from collections.abc import Callable
from threading import Event

import structlog

from infra.store.leadership import Leadership
from infra.store.retries import RetryPolicy
from projections.runner import ProjectionMovedError, Runner, Step

ROLE = "projector"
STANDBY_SECONDS = 0.5
"""How often one that stands by looks whether it has to take over."""
IDLE_SECONDS = 5.0
"""How long an active one waits for news before it looks by itself."""


class Projector:
    """Steps until told to stop. However many run on one store, one is active, and another takes over when it dies.

    Should two believe that they are the active one, the position that moves with the rows lets only one of them write.
    """

    def __init__(self, runner: Runner, head: Callable[[], int], watch: Leadership, again: RetryPolicy, stop: Event):
        self._runner = runner
        self._head = head
        self._watch = watch
        self._again = again
        self._stop = stop
        self._active: bool | None = None
        self._log = structlog.get_logger(__name__)

    def run(self, *, once: bool, on_step: Callable[[Step], None] | None = None) -> None:
        """Bring the views up to date, and unless `once`, go on as events come, until the stop is set.

        With `once` it ends when the views reflect the newest event of its beginning, whoever projected it.
        """
        try:
            target = self._again(self._head)
            while not self._stop.is_set():
                if not self._again(self._claimed):
                    if once and self._again(self._runner.position) >= target:
                        return
                    self._stop.wait(STANDBY_SECONDS / 10 if once else STANDBY_SECONDS)
                    continue
                try:
                    step = self._again(self._runner.step)
                except ProjectionMovedError as e:
                    # Another one wrote this batch, or we did and never heard of it. Who is the active one now?
                    self._log.info("projection_moved", reason=str(e))
                    self._watch.close()
                    continue
                if step is not None:
                    self._tell(step)
                    if on_step is not None:
                        on_step(step)
                elif once:
                    return
                else:
                    self._again(lambda: self._watch.wait(self._stop, IDLE_SECONDS))
        finally:
            self._watch.close()

    def _claimed(self) -> bool:
        active = self._watch.claim()
        if active is not self._active:
            self._active = active
            if active:
                self._log.info("projector_active")
            else:
                self._log.info("projector_standing_by")
        return active

    def _tell(self, step: Step) -> None:
        self._log.info(
            "batch_projected", start=step.start, position=step.end, events=step.events, subjects=step.subjects
        )
