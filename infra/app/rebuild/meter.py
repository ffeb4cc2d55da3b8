"""The progress of a rebuild: told to the caller, and as log lines."""

from collections.abc import Callable
from time import monotonic

import structlog

from projections.rebuild import RebuildProgress, progress

FILLING, CATCHING_UP = "filling", "catching up"
"""Parts of a rebuild, of which progress counts events."""
CHECKING, LOADING = "checking", "loading"
"""Parts of a rebuild with the rows of a folder, of which progress counts bytes of its files, and rows."""
SECONDS_BETWEEN_LINES = 5.0


def tell_nobody(_: RebuildProgress) -> None:
    """For callers that show no progress."""


class Meter:
    """Measures and tells progress; log lines are some seconds apart."""

    def __init__(self, tell: Callable[[RebuildProgress], None], part: str, done: int, total: int):
        self._tell = tell
        self._part = part
        self._done = done
        self._total = total
        self._here = 0
        self._begun = monotonic()
        self._line_at = self._begun + SECONDS_BETWEEN_LINES
        self._log = structlog.get_logger(__name__)

    def add(self, events: int) -> None:
        self._done += events
        self._here += events
        now = monotonic()
        told = progress(self._part, self._done, self._total, self._here, now - self._begun)
        self._tell(told)
        if now >= self._line_at or self._done >= self._total:
            self._line_at = now + SECONDS_BETWEEN_LINES
            self._log.info("rebuild_progress", **told._asdict())
