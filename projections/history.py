"""The stored events, as the runner reads them. The store implements this (infra/store/events/history.py)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from domain.fact import Fact, StreamEvent


class Touched(NamedTuple):
    """The streams that got events between two positions, each with these events, and how many they are in all."""

    streams: Mapping[str, Sequence[StreamEvent]]
    events: int
    end: int


class History(Protocol):
    """The stored events, as the runner sees them."""

    def touched_after(self, position: int, limit: int, up_to: int | None = None) -> Touched:
        """At most `limit` events after a position, by stream, none beyond `up_to`; `end` is the last one's position."""

    def facts_up_to(self, streams: Sequence[str], position: int) -> Mapping[str, list[Fact]]:
        """The facts of these streams up to and including a position, in the order of their versions."""
