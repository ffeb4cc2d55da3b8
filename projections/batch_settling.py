"""Batch settling: settles a batch once for all projections at its start, on top of earlier settlings if possible."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from domain.clock_holds import ClockHoldEnded
from domain.derived import MessageWithdrawn, facts_among
from domain.pruning import StreamPruned, StreamRestored
from domain.settling import Settling
from domain.settling_cache import SettlingCache
from domain.stepping import can_be_stepped_on, step_on
from domain.streams import has_subject, settle_stream
from projections.history import History, Touched
from projections.projection import Shapable

_CHANGE_EARLIER = frozenset((ClockHoldEnded, MessageWithdrawn, StreamPruned, StreamRestored))
"""Events after which the stream is settled anew; if it is pruned, its rows stay as they are."""


class SettledBatch(NamedTuple):
    """The settlings of the streams with events after `start` and up to `end`, by stream.

    For a bitemporal projection: what was ever known of the subjects about which these events say something.
    `begun` are the streams whose first event is one of these: a projection that stood at `start` and follows from the
    subject's own stream has no rows of them. A bitemporal one may have some, because it follows from other streams too.
    """

    settlings: Mapping[str, Shapable]
    start: int
    end: int
    begun: Collection[str] = frozenset()


class Settler(Protocol):
    """Finds what rows are shaped from. BatchSettler does for most projections, infra/beliefs/ for bitemporal ones."""

    def settle(self, touched: Touched, start: int) -> SettledBatch:
        """What the streams that were touched after `start` say at the end of the batch."""

    def remember(self, batch: SettledBatch, touched: Touched, stood_at: Collection[int]) -> None:
        """The batch was written; `stood_at` has the positions of projections."""

    def settled_up_to(self, streams: Sequence[str], position: int) -> Mapping[str, Shapable]:
        """What these streams say at a position."""


class BatchSettler:
    """Settles batches, and caches recent settlings for the next batches."""

    def __init__(self, history: History):
        self._history = history
        # Settlings by position: projections at other positions must not use them.
        self._recent: dict[int, SettlingCache] = {}

    def settle(self, touched: Touched, start: int) -> SettledBatch:
        """Settle the streams that were touched after `start`."""
        settlings = self._settle(touched, self._recent.setdefault(start, SettlingCache()))
        begun = frozenset(stream for stream, events in touched.streams.items() if events[0].originator_version == 1)
        return SettledBatch(settlings, start, touched.end, begun)

    def remember(self, batch: SettledBatch, touched: Touched, stood_at: Collection[int]) -> None:
        """Cache the settlings of a written batch; drop those of positions without projections."""
        cache = self._recent[batch.start]
        for stream, settling in batch.settlings.items():
            assert isinstance(settling, Settling)
            cache.put(stream, touched.streams[stream][-1].originator_version, settling)
        self._recent.setdefault(batch.end, self._recent.pop(batch.start))
        self._recent = {at: kept for at, kept in self._recent.items() if at == batch.end or at in stood_at}

    def settled_up_to(self, streams: Sequence[str], position: int) -> Mapping[str, Shapable]:
        facts = self._history.facts_of_whole(streams, position)
        return {stream: settle_stream(stream, filed) for stream, filed in facts.items()}

    def _settle(self, touched: Touched, cache: SettlingCache) -> dict[str, Settling[Any]]:
        """Settle the touched streams: from their new events if possible, else from all events."""
        settlings: dict[str, Settling[Any]] = {}
        unsettled: list[str] = []
        for stream, events in touched.streams.items():
            if not has_subject(stream):
                continue
            version_before = events[0].originator_version - 1
            recent = cache.take(stream, version_before)
            if version_before and not _CHANGE_EARLIER.isdisjoint(map(type, events)):
                # A fact whose clock hold ended counts from here on, and its place may be before others; one that was
                # withdrawn no longer counts.
                unsettled.append(stream)
                continue
            facts = facts_among(events)
            if recent is not None and can_be_stepped_on(recent, facts):
                step_on(recent, facts)
                settlings[stream] = recent
            elif version_before == 0:
                settlings[stream] = settle_stream(stream, facts)
            else:
                unsettled.append(stream)
        for stream, filed in self._history.facts_of_whole(unsettled, touched.end).items() if unsettled else ():
            settlings[stream] = settle_stream(stream, filed)
        return settlings
