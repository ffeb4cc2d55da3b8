"""The progress of a rebuild: told to the caller, and as log lines."""

from collections.abc import Callable
from time import monotonic

from infra.telemetry.progress import ProgressLog
from projections.rebuild import RebuildProgress, progress

FILLING, CATCHING_UP = "filling", "catching up"
"""Parts of a rebuild, of which progress counts events."""
CHECKING, LOADING = "checking", "loading"
"""Parts of a rebuild with the rows of a folder, of which progress counts bytes of its files, and rows."""


def tell_nobody(_: RebuildProgress) -> None:
    """For callers that show no progress."""


class Meter:
    """Measures and tells progress, also in log lines."""

    def __init__(self, tell: Callable[[RebuildProgress], None], part: str, done: int, total: int):
        self._tell = tell
        self._part = part
        self._done = done
        self._total = total
        self._here = 0
        self._begun = monotonic()
        self._log = ProgressLog("rebuild_progress")

    def add(self, events: int) -> None:
        self._done += events
        self._here += events
        told = progress(self._part, self._done, self._total, self._here, monotonic() - self._begun)
        self._tell(told)
        self._log.tell(**told._asdict())
