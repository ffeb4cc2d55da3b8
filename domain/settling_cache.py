"""A cache of settlings, for callers that settle the same streams repeatedly."""

from typing import Any, NamedTuple

from domain.settling import Settling
from domain.stepping import can_be_stepped_on

CACHED_STREAMS = 8_192


class SettledStream(NamedTuple):
    """The settling of a stream with all its facts up to the event of this version."""

    version: int
    settling: Settling[Any]


class SettlingCache:
    """Settlings of recent batches that can take more facts; the least recently used one is dropped first.

    Taking facts changes a settling, so it is removed first and put back when its batch is stored. If the batch is
    rolled back, the settling is gone, and the stream will be settled from its facts.
    """

    def __init__(self, capacity: int = CACHED_STREAMS):
        self._capacity = capacity
        # A settling is used by taking it and putting it back at the end, so the least recently used one is the first.
        self._settled: dict[str, SettledStream] = {}

    def streams(self) -> set[str]:
        """The streams whose settlings are cached."""
        return set(self._settled)

    def version_of(self, stream: str) -> int | None:
        """The version that the stream's settling reflects; None if none is cached."""
        cached = self._settled.get(stream)
        return None if cached is None else cached.version

    def take(self, stream: str, version: int) -> Settling[Any] | None:
        """Remove and return the stream's settling if it reflects this version; other processes may have stored more."""
        cached = self._settled.pop(stream, None)
        return cached.settling if cached is not None and cached.version == version else None

    def put(self, stream: str, version: int, settling: Settling[Any]) -> None:
        """Cache the settling without its outcomes, unless the next facts will need all facts anyway."""
        if not can_be_stepped_on(settling):
            return
        settling.outcomes = {}
        self._settled.pop(stream, None)
        self._settled[stream] = SettledStream(version, settling)
        if len(self._settled) > self._capacity:
            del self._settled[next(iter(self._settled))]
