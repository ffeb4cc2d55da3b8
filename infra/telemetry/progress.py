"""The progress of a long command as log lines: for whoever has no terminal, such as a pipe or a service."""

from collections.abc import Callable
from time import monotonic
from typing import Any

import structlog

SECONDS_BETWEEN_LINES = 5.0

OnProgress = Callable[[str, int, int], None]
"""Called now and then with a part of the work, how much of it is done, and how much there is."""


def tell_nobody(part: str, done: int, total: int) -> None:
    """For callers that show no progress."""


class ProgressLog:
    """Logs an event of infra/telemetry/events.py, some seconds apart, and at the end of each part."""

    def __init__(self, event: str, clock: Callable[[], float] = monotonic):
        self._event = event
        self._clock = clock
        self._line_at = clock() + SECONDS_BETWEEN_LINES
        self._ended: str | None = None

    def tell(self, part: str, done: int, total: int, **more: Any) -> None:
        """How far a part is; `more` are further fields of the event."""
        now, ends = self._clock(), done >= total and part != self._ended
        if now < self._line_at and not ends:
            return
        self._line_at = now + SECONDS_BETWEEN_LINES
        self._ended = part if done >= total else None
        structlog.get_logger(__name__).info(self._event, part=part, done=done, total=total, **more)
