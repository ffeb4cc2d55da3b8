"""The runner: reads what came after its position, settles the subjects that it touches, and replaces their rows.

All projections that stand at one position share the reading, the decoding and the settling of a batch. Rows, totals and
position are written in one transaction, and only from the position at which the batch began.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from domain.fact import Fact, StreamEvent
from domain.kind import Kind
from domain.settling import Settling
from domain.stepping import SettlingCache, can_be_stepped_on, step_on
from domain.streams import is_waiting_room, settle_stream, split_stream_name
from projections.projection import Projection, Settled
from projections.table import Row


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


@dataclass
class Replacement:
    """New rows in place of all that these subjects had, for one projection."""

    projection: Projection
    subjects: list[str] = field(default_factory=list)
    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))

    def take(self, settled: Settled, *, only_lasting: bool = False) -> None:
        """Add a subject with its rows; with `only_lasting`, without the periods that have ended."""
        self.subjects.append(settled.subject_id)
        for table, rows in self.projection.shape(settled).items():
            self.rows[table].extend(row for row in rows if not only_lasting or getattr(row, "valid_to", None) is None)


class ProjectionMovedError(Exception):
    """Another process has moved a projection on: this batch was not written."""


class Rows(Protocol):
    """The tables of the projections, as the runner sees them."""

    def positions(self, projections: Iterable[Projection]) -> dict[str, int]:
        """How far each projection has come, by name; 0 for one that has not begun."""

    def replace(self, replacements: Sequence[Replacement], start: int, end: int) -> None:
        """Write rows, totals and positions in one transaction. Raises ProjectionMovedError, then nothing is written."""


class Step(NamedTuple):
    """What one step of the runner did."""

    start: int
    end: int
    events: int
    subjects: int


class Runner:
    """Moves projections on. One call of `step` is one batch, one transaction."""

    def __init__(self, history: History, rows: Rows, projections: Sequence[Projection], batch_events: int):
        self._history = history
        self._rows = rows
        self._projections = projections
        self._batch_events = batch_events
        self._recent = SettlingCache()

    def position(self) -> int:
        """The position that all projections have reached."""
        return min(self._rows.positions(self._projections).values())

    def step(self) -> Step | None:
        """Move those furthest behind one batch on; None when all have caught up.

        Projections that stand elsewhere wait until these have come up with them, and go on together from there.
        """
        positions = self._rows.positions(self._projections)
        start = min(positions.values())
        level = [projection for projection in self._projections if positions[projection.name] == start]
        next_stop = min((p for p in positions.values() if p > start), default=None)
        touched = self._history.touched_after(start, self._batch_events, next_stop)
        if not touched.events:
            return None
        end = touched.end
        settlings = self._settle(touched, end)
        self._rows.replace(_shape(level, settlings), start, end)
        for stream, settling in settlings.items():
            self._recent.put(stream, touched.streams[stream][-1].originator_version, settling)
        return Step(start, end, touched.events, len(touched.streams))

    def _settle(self, touched: Touched, end: int) -> dict[str, Settling[Any]]:
        """Settle the touched streams: from their new events where these are all or go on top, else from all events."""
        settlings: dict[str, Settling[Any]] = {}
        unsettled: list[str] = []
        for stream, events in touched.streams.items():
            if is_waiting_room(stream):
                continue
            facts = [event for event in events if isinstance(event, Fact)]
            version_before = events[0].originator_version - 1
            recent = self._recent.take(stream, version_before)
            if recent is not None and can_be_stepped_on(recent, facts):
                step_on(recent, facts)
                settlings[stream] = recent
            elif version_before == 0:
                settlings[stream] = settle_stream(stream, facts)
            else:
                unsettled.append(stream)
        for stream, filed in self._history.facts_up_to(unsettled, end).items() if unsettled else ():
            settlings[stream] = settle_stream(stream, filed)
        return settlings


def _shape(projections: Sequence[Projection], settlings: Mapping[str, Settling[Any]]) -> list[Replacement]:
    by_kind: dict[Kind, list[Replacement]] = defaultdict(list)
    replacements = [Replacement(projection) for projection in projections]
    for replacement in replacements:
        by_kind[replacement.projection.kind].append(replacement)
    for stream, settling in settlings.items():
        kind, subject_id = split_stream_name(stream)
        assert kind is not None
        for replacement in by_kind[kind]:
            replacement.take(Settled(kind, subject_id, settling))
    return replacements


def settled_stream(stream: str, facts: list[Fact]) -> Settled | None:
    """A stream's subject with its facts settled; None for a waiting room, which is about nothing yet."""
    kind, subject_id = split_stream_name(stream)
    return None if kind is None else Settled(kind, subject_id, settle_stream(stream, facts))
