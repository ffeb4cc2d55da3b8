"""When each key was last used: remembered by this process, and written to the state folder every minute or so."""

from collections.abc import Callable
from datetime import datetime
from threading import Lock
from time import monotonic

from infra.web.security.sessions import warn_of_folder
from infra.web.security.state_folder import StateFolder, StateFolderError

SECONDS_BETWEEN_WRITES = 60.0


class LastUsed:
    """Notes uses. The first use of a key is written at once, later ones together. A failure is a warning."""

    def __init__(self, folder: StateFolder, elapsed: Callable[[], float] = monotonic):
        self._folder = folder
        self._elapsed = elapsed
        self._lock = Lock()
        self._seen: dict[str, datetime] = {}
        self._unwritten: dict[str, datetime] = {}
        self._written_at = elapsed()

    def note(self, key_id: str, now: datetime) -> None:
        """The key was used now (UTC)."""
        with self._lock:
            is_new = key_id not in self._seen
            self._seen[key_id] = self._unwritten[key_id] = now
            is_due = is_new or self._elapsed() - self._written_at >= SECONDS_BETWEEN_WRITES
        if is_due:
            self.write()

    def write(self) -> None:
        """Write what was noted since the last time."""
        with self._lock:
            noted, self._unwritten = self._unwritten, {}
            self._written_at = self._elapsed()
        if not noted:
            return
        try:
            self._folder.merge_last_used(noted)
        except StateFolderError as e:
            with self._lock:
                self._unwritten = {**noted, **self._unwritten}  # what was noted meanwhile is later
            warn_of_folder(e)
