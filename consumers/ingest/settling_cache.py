"""The settlings that ingest caches between batches."""

from collections.abc import Mapping
from typing import Any

from domain.settling import Settling
from domain.settling_cache import CACHED_STREAMS, SettledStream, SettlingCache

__all__ = ["IngestSettlingCache", "SettledStream"]


class IngestSettlingCache:
    """Settlings of recent batches, with the stream versions that are known to be current.

    A batch is processed under the store's write lock. If the newest event is then the last one that this process
    stored, no other process has written since, and every cached stream is at its cached version. Otherwise any of these
    streams may have changed, and the store must be queried for each version, until a batch of our own caches the
    settling again.
    """

    def __init__(self, capacity: int = CACHED_STREAMS):
        self._recent = SettlingCache(capacity)
        self._head = 0
        self._may_have_moved: set[str] = set()

    def look_at(self, head: int) -> None:
        """Note that the next batch finds the store's newest event at this position (0: none)."""
        if head != self._head:
            self._may_have_moved = self._recent.streams()
            self._head = head

    def version_of(self, stream: str) -> int | None:
        """The known version of the stream; None if the store must be queried."""
        return None if stream in self._may_have_moved else self._recent.version_of(stream)

    def take(self, stream: str, version: int) -> Settling[Any] | None:
        """Remove and return the stream's settling if it reflects this version."""
        return self._recent.take(stream, version)

    def put_back(self, settled: Mapping[str, SettledStream], head: int) -> None:
        """Cache the settlings of a batch, by stream, after it was stored up to the event at this position."""
        self._head = head
        for stream, (version, settling) in settled.items():
            self._recent.put(stream, version, settling)
            self._may_have_moved.discard(stream)
