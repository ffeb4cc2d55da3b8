"""The pure parts of a rebuild: shaping subjects without parking any, its rate, and its progress."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from domain.derived import facts_among
from domain.fact import StreamEvent
from domain.streams import settle_stream, stream_name
from projections.projection import Projection, Shapable
from projections.replacement import Replacement, shape_replacements
from projections.table import Row


class SubjectFailedError(Exception):
    """A projection cannot shape a subject, or the store refuses its rows."""

    def __init__(self, projection: Projection, stream: str, reason: str):
        super().__init__(f"{projection.name}: {stream}: {reason}")
        self.projection = projection
        self.stream = stream
        self.reason = reason


class RebuildProgress(NamedTuple):
    """How far a rebuild is. `part` is "filling" or "catching up"; `done` and `total` count events.

    A rebuild with rows that were made elsewhere has the parts "checking" and "loading" instead of "filling", which
    count bytes and rows. `rate` is how many a second since it was begun or resumed, and `seconds_left` an estimate;
    both None at first.
    """

    part: str
    done: int
    total: int
    rate: float | None
    seconds_left: float | None


def progress(part: str, done: int, total: int, done_here: int, seconds: float) -> RebuildProgress:
    """The progress after `seconds`, in which `done_here` of the `done` events were done."""
    total = max(done, total)
    if not done_here or seconds <= 0:
        return RebuildProgress(part, done, total, None, None)
    rate = done_here / seconds
    return RebuildProgress(part, done, total, round(rate, 1), round((total - done) / rate, 1))


def pause(events: int, seconds: float, max_rate: float | None) -> float:
    """How many seconds to wait after `events` events in `seconds`, so that the rate stays at most `max_rate`."""
    return 0.0 if not max_rate else max(0.0, events / max_rate - seconds)


def shape_all(projections: Sequence[Projection], settlings: Mapping[str, Shapable]) -> list[Replacement]:
    """The rows of these subjects by projection. Raises SubjectFailedError for the first that fails."""
    replacements, failures = shape_replacements(projections, settlings)
    for replacement in replacements:
        for subject_id, reason in sorted(failures.get(replacement.projection.name, {}).items()):
            stream = stream_name(replacement.projection.kind, subject_id)
            raise SubjectFailedError(replacement.projection, stream, reason)
    return replacements


def alone(replacement: Replacement, subject_id: str) -> Replacement:
    """The rows of one of the subjects."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for table in replacement.projection.tables:
        place = table.names.index(table.subject)
        rows[table.name] = [row for row in replacement.rows[table.name] if row[place] == subject_id]
    return Replacement(replacement.projection, [subject_id], rows)


def first_failing(projection: Projection, stream: str, events: Sequence[StreamEvent]) -> int | None:
    """The index of the first event with which the shape fails, None if it does not; events in the order of arrival.

    It searches by halving: a shape that fails is taken to fail with more events too.
    """
    if not _fails(projection, stream, events):
        return None
    passing, failing = 0, len(events)
    while failing - passing > 1:
        middle = (passing + failing) // 2
        if _fails(projection, stream, events[:middle]):
            failing = middle
        else:
            passing = middle
    return failing - 1


def _fails(projection: Projection, stream: str, events: Sequence[StreamEvent]) -> bool:
    try:
        shape_all([projection], {stream: settle_stream(stream, facts_among(events))})
    except SubjectFailedError:
        return True
    return False
