"""The settlings that ingest caches from one batch to the next."""

from collections.abc import Mapping
from typing import Any

from domain.settling import Settling
from domain.settling_cache import CACHED_STREAMS, SettledStream, SettlingCache

__all__ = ["IngestSettlingCache", "SettledStream"]


class IngestSettlingCache:
    """Settlings of recent batches, and which of their streams are known to stand where these were put back.

    A batch is processed under the store's write lock. If the newest event is then the last one that this process stored
    itself, nobody else has written since, and every cached stream is at the version at which it was put back. If it is
    another event, any of these streams may have moved: the store has to be asked for each one's version, until a batch
    of our own puts its settling back.
    """

    def __init__(self, capacity: int = CACHED_STREAMS):
        self._recent = SettlingCache(capacity)
        self._head = 0
        self._may_have_moved: set[str] = set()

    def look_at(self, head: int) -> None:
        """The batch to come finds the store's newest event at this position (0: none)."""
        if head != self._head:
            self._may_have_moved = self._recent.streams()
            self._head = head

    def version_of(self, stream: str) -> int | None:
        """The version at which the stream is known to be; None when the store has to be asked."""
        return None if stream in self._may_have_moved else self._recent.version_of(stream)

    def take(self, stream: str, version: int) -> Settling[Any] | None:
        """Take out the stream's settling, if it reflects this version."""
        return self._recent.take(stream, version)

    def put_back(self, settled: Mapping[str, SettledStream], head: int) -> None:
        """Cache the settlings, by stream, of a batch that was stored up to the event at this position."""
        self._head = head
        for stream, (version, settling) in settled.items():
            self._recent.put(stream, version, settling)
            self._may_have_moved.discard(stream)
