"""The projector: keeps the views up with the store for as long as it runs."""

from collections.abc import Callable
from threading import Event
from typing import Protocol

import structlog

from projections.runner import ProjectionMovedError, Step

SECONDS_BETWEEN_LOOKS = 0.2


class Steps(Protocol):
    """What moves projections on, such as projections.runner.Runner."""

    def step(self) -> Step | None:
        """One batch; None when all have caught up."""


class Projector:
    """Steps until told to stop. Several may run on one store: of two that project the same batch, one writes it."""

    def __init__(self, runner: Steps, stop: Event):
        self._runner = runner
        self._stop = stop
        self._log = structlog.get_logger(__name__)

    def run(self, *, once: bool, on_step: Callable[[Step], None] | None = None) -> None:
        """Bring the views up to date, and unless `once`, go on as events come, until the stop is set."""
        while not self._stop.is_set():
            try:
                step = self._runner.step()
            except ProjectionMovedError as e:
                # Another projector was faster; what it wrote is what we would have written.
                self._log.info("projection_moved", reason=str(e))
                continue
            if step is not None:
                self._log.info(
                    "batch_projected", start=step.start, position=step.end, events=step.events, subjects=step.subjects
                )
                if on_step is not None:
                    on_step(step)
            elif once:
                return
            else:
                self._stop.wait(SECONDS_BETWEEN_LOOKS)
