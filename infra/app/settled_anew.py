"""Settling anew: every stored stream read, settled and shaped again, for `verify` and `diff` to compare with the store.

Verdicts follow from all events of a stream, and rows from those up to their projection's own position. So a projection
that lags, or is paused, is compared with what it should say there.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import attrgetter
from typing import Any, NamedTuple

from domain.derived import facts_among
from domain.fact import Fact
from domain.kind import Kind
from domain.streams import is_waiting_room, settle_stream, split_stream_name
from infra.store.events.history import LAST, PositionedEvent
from projections.failures import reason_of
from projections.projection import Projection, Settled, settled_stream
from projections.table import Row

STREAMS_AT_ONCE = 500


class StoredStream:
    """One stream with its events, in order; read and settled once for each number of events that anybody asks for."""

    def __init__(self, name: str, events: Sequence[PositionedEvent]):
        self.name = name
        self.kind, self.subject_id = split_stream_name(name)
        self.events = events
        self._facts: dict[int, list[Fact]] = {}
        self._settled: dict[int, Settled | None] = {}

    def facts(self, up_to: int = LAST) -> Sequence[Fact]:
        """The facts that stand at a position."""
        return self._facts_of(self._count(up_to))

    def settled(self, up_to: int = LAST) -> Settled | None:
        """The subject at a position; None for a stream without a subject, and before its first event."""
        count = self._count(up_to)
        if count not in self._settled:
            self._settled[count] = settled_stream(self.name, self._facts_of(count)) if count else None
        return self._settled[count]

    def _count(self, up_to: int) -> int:
        return bisect_right(self.events, up_to, key=attrgetter("position"))

    def _facts_of(self, count: int) -> list[Fact]:
        if count not in self._facts:
            self._facts[count] = facts_among(each.event for each in self.events[:count])
        return self._facts[count]

    def outcomes(self, registered: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Any]:
        """The outcome of each message by (source, id), from all events.

        A void that found what it names has left its waiting room: its event there counts only if it is `registered`.
        """
        if is_waiting_room(self.name):
            waiting = [fact for fact in self.facts() if fact.key in registered]
            return settle_stream(self.name, waiting, watched=False).outcomes
        settled = self.settled()
        return {} if settled is None else settled.settling.outcomes


class ShapeFailure(NamedTuple):
    """A projection's shape raised for one subject."""

    projection: Projection
    stream: str
    reason: str


class ShapedBatch(NamedTuple):
    """Some streams; their subjects by kind, and the rows of these by table. Failed subjects have no rows."""

    streams: Sequence[StoredStream]
    subjects: Mapping[Kind, Sequence[str]]
    rows: Mapping[str, Sequence[Row]]
    failures: Sequence[ShapeFailure]


def shaped_batches(
    streams: Iterable[tuple[str, list[PositionedEvent]]],
    positions: Mapping[Projection, int],
    on_stream: Callable[[], None] | None = None,
) -> Iterator[ShapedBatch]:
    """Settle these streams, and shape their rows for each projection at its position; memory holds one batch.

    `on_stream` is called after each stream.
    """
    by_kind: dict[Kind, list[tuple[Projection, int]]] = defaultdict(list)
    for projection, position in positions.items():
        by_kind[projection.kind].append((projection, position))
    remaining = iter(streams)
    while batch := [StoredStream(*each) for each in islice(remaining, STREAMS_AT_ONCE)]:
        subjects: dict[Kind, list[str]] = defaultdict(list)
        rows: dict[str, list[Row]] = defaultdict(list)
        failures: list[ShapeFailure] = []
        for stream in batch:
            if stream.kind is not None:
                subjects[stream.kind].append(stream.subject_id)
                for projection, position in by_kind[stream.kind]:
                    _shape(stream, projection, position, rows, failures)
            if on_stream is not None:
                on_stream()
        yield ShapedBatch(batch, subjects, rows, failures)


def _shape(
    stream: StoredStream,
    projection: Projection,
    position: int,
    rows: Mapping[str, list[Row]],
    failures: list[ShapeFailure],
) -> None:
    settled = stream.settled(position)
    if settled is None:
        return
    # Any error concerns only this projection and is reported as such.
    try:
        shaped = {table: list(found) for table, found in projection.shape(settled).items()}
    except Exception as e:
        failures.append(ShapeFailure(projection, stream.name, reason_of(e)))
        return
    for table, found in shaped.items():
        rows[table].extend(found)
