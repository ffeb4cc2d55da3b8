"""The stored events that settling a question about the past reads. A store has them, and so has an archive."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from domain.fact import Fact
from domain.kind import Kind


class PastHistory(Protocol):
    """Stored events by their streams; positions are those of the store. infra/store/events/history.py implements it."""

    def facts_up_to(self, streams: Sequence[str], position: int) -> Mapping[str, list[Fact]]:
        """The facts of these streams up to and including a position, in the order of their versions."""

    def streams_of(self, kind: Kind) -> Sequence[str]:
        """The streams of all subjects of a kind, in no particular order."""

    def existing(self, streams: Iterable[str], position: int) -> set[str]:
        """Those of the streams that have events up to a position."""
