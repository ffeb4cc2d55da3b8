"""The interface through which the runner reads stored events; infra/store/events/history.py implements it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from domain.fact import Fact, StreamEvent


class Touched(NamedTuple):
    """The streams with events between two positions, with these events, and their total number."""

    streams: Mapping[str, Sequence[StreamEvent]]
    events: int
    end: int


class History(Protocol):
    """The stored events."""

    def touched_after(self, position: int, limit: int, up_to: int | None = None) -> Touched:
        """At most `limit` events after a position, by stream, up to `up_to`; `end` is the last one's position."""

    def facts_of_whole(self, streams: Sequence[str], position: int) -> Mapping[str, list[Fact]]:
        """The facts of these streams up to and including a position, in the order of their versions.

        Streams that are pruned (domain/pruning.py) are left out: their rows stay as they are.
        """
