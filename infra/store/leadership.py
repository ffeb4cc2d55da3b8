"""Leadership: one active process a role, and notifications of new events.

If several processes project or relay, one leads and the others stand by. When the leader dies for any reason, its claim
is released with its connection (or its open file), and another process takes over.
"""

from contextlib import ExitStack
from threading import Event
from typing import Protocol

from consumers.sources.reading_lock import held_lock

SECONDS_BETWEEN_LOOKS = 0.03


class Leadership(Protocol):
    """One process's claim to a role, and its wait for new events. After closing it, another process may claim."""

    announces: bool
    """Whether `wait` ends at once if events were stored since the last wait. If not, it looks at intervals."""

    def claim(self) -> bool:
        """Whether this process leads its role from now on, or still does."""

    def wait(self, stop: Event, seconds: float) -> None:
        """Wait until there may be new events, the stop is set or the time is up."""

    def close(self) -> None:
        """Give up the claim."""


class FileLeadership:
    """For a store in a file: the claim is a locked file on this machine, and new events are polled."""

    announces = False

    def __init__(self, role: str, store: str):
        self._name = f"{role} of {store}"
        self._lock: ExitStack | None = None

    def claim(self) -> bool:
        if self._lock is None:
            lock = ExitStack()
            if lock.enter_context(held_lock(self._name, wait=False)):
                self._lock = lock
            else:
                lock.close()
        return self._lock is not None

    def wait(self, stop: Event, seconds: float) -> None:
        stop.wait(min(seconds, SECONDS_BETWEEN_LOOKS))

    def close(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None
