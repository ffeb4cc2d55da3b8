"""Running together: the projections that every store has, and the bitemporal ones if the store has them.

Each group has a runner of its own, because bitemporal projections follow from more than the streams of a batch. They
take turns, so neither waits until the other has caught up.
"""

from collections.abc import Collection

from projections.runner import Runner, Step

STEPS_BETWEEN_LOOKS = 16
"""A store can become bitemporal at any time. A busy runner looks for that only now and then."""


class RunnersTogether:
    """Runs `main`, and `bitemporal` beside it. The methods are those of Runner, for both."""

    def __init__(self, main: Runner, bitemporal: Runner):
        self._main = main
        self._bitemporal = bitemporal
        self._seen = True
        """Whether the last look found a batch for `bitemporal`; while it does, the two take turns."""
        self._turn = 0

    def step(self) -> Step | None:
        """Run one batch of one of them; None if neither has anything to do."""
        self._turn += 1
        if not self._seen and self._turn % STEPS_BETWEEN_LOOKS:
            return self._main.step() or self._step_bitemporal()
        if self._turn % 2:
            return self._main.step() or self._step_bitemporal()
        return self._step_bitemporal() or self._main.step()

    def _step_bitemporal(self) -> Step | None:
        step = self._bitemporal.step()
        self._seen = step is not None
        return step

    def has_more(self) -> bool:
        """Whether there may be events that the last step left."""
        # A step of one of the two says nothing of the other.
        return self._bitemporal.runs_any() or self._main.has_more()

    def reached(self, target: int) -> bool:
        """Whether all projections that run and are not stopped have reached a position."""
        return self._main.reached(target) and self._bitemporal.reached(target)

    def seconds_to_retry(self) -> float | None:
        """How long until the next retry of a failed projection; None if there is none."""
        found = (self._main.seconds_to_retry(), self._bitemporal.seconds_to_retry())
        return min((seconds for seconds in found if seconds is not None), default=None)

    def retry_parked(self, keys: Collection[str] | None = None) -> None:
        """Settle parked subjects again, up to their projections' positions; with `keys`, only these."""
        self._main.retry_parked(keys)
        self._bitemporal.retry_parked(keys)
