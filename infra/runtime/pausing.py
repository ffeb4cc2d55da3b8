"""Pausing: how a running part notices that an operator has paused or resumed it."""

import time
from collections.abc import Callable

import structlog

from infra.store.pauses import Pause

SECONDS_BETWEEN_LOOKS = 0.5
"""How long a part may go on after it was paused, besides the batch that it is working on."""


class PauseWatch:
    """Whether a part is paused. `look` reads its pause from the store; it is called once every half second at most."""

    def __init__(self, part: str, look: Callable[[], Pause | None], monotonic: Callable[[], float] = time.monotonic):
        self._part = part
        self._look = look
        self._monotonic = monotonic
        self._looked_at: float | None = None
        self._paused = False
        self._log = structlog.get_logger(__name__)

    def __call__(self) -> bool:
        now = self._monotonic()
        if self._looked_at is not None and now - self._looked_at < SECONDS_BETWEEN_LOOKS:
            return self._paused
        pause = self._look()
        self._looked_at = now
        if pause is not None and not self._paused:
            self._log.warning(
                "part_paused",
                part=self._part,
                since=pause.since.isoformat(),
                operator=pause.operator,
                reason=pause.reason,
            )
        elif pause is None and self._paused:
            self._log.info("part_resumed", part=self._part)
        self._paused = pause is not None
        return self._paused


def never_paused() -> bool:
    """For a part that nobody can pause, as in a dry run."""
    return False
