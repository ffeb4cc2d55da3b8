"""The time axis of a picture: which instant stands where, its ticks, and its breaks.

A long time in which nothing happened would squeeze everything else together. So the axis is broken there: the gap is
drawn short, and its length is written beside it.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from infra.web.pages.time_words import MONTHS, day_in_words, duration_in_words

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_TICKS = 9
BETWEEN_TICKS = 64
"""Pixels between two ticks at least."""
MOST_BREAKS = 2
BROKEN_SHARE = 0.22
"""How long a broken gap is drawn, as a share of everything else."""
LEAST_BROKEN = 12 * 3_600
"""Seconds: shorter gaps are never broken."""
HOUR, DAY = 3_600, 86_400
STEPS = (
    *(HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR),
    *(DAY, 2 * DAY, 3 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 91 * DAY),
)
"""Seconds between two ticks; beyond the last one, years."""


class Tick(NamedTuple):
    """A line of the grid with its label; a `strong` one begins a day among hours."""

    x: float
    label: str
    strong: bool


class Break(NamedTuple):
    """A gap that is drawn short, around `x`; `label` is its length, such as "80 d"."""

    x: float
    label: str


class Scale:
    """Places the instants of a picture between two edges (pixels). Instants beyond the ends stand at the edge."""

    def __init__(self, instants: Iterable[datetime], left: float, right: float):
        """`instants` are all that will be drawn: at least one."""
        points = sorted({_seconds(instant) for instant in instants})
        room = max((points[-1] - points[0]) // 50, HOUR // 2)
        gaps = [(end - begin, begin, end) for begin, end in pairwise(points)]
        self._broken = sorted((begin, end) for _, begin, end in _quiet(gaps))
        drawn = points[-1] - points[0] - sum(end - begin for begin, end in self._broken)
        short = drawn * BROKEN_SHARE / max(1, len(self._broken)) if self._broken else 0.0
        room = max(drawn // 40, HOUR // 2) if self._broken else room
        first, last = points[0] - room, points[-1] + room
        self._knots = [(first, 0.0)]
        for begin, end in self._broken:
            self._knots.append((begin, self._knots[-1][1] + begin - self._knots[-1][0]))
            self._knots.append((end, self._knots[-1][1] + short))
        self._knots.append((last, self._knots[-1][1] + last - self._knots[-1][0]))
        self._left = left
        self._per_second = (right - left) / self._knots[-1][1]
        self._drawn = self._knots[-1][1]

    def x(self, instant: datetime) -> float:
        """The place of an instant, rounded to a tenth of a pixel."""
        return self._x(_seconds(instant))

    def _x(self, second: int) -> float:
        first, last = self._knots[0][0], self._knots[-1][0]
        second = min(last, max(first, second))
        number = min(bisect_right(self._knots, second, key=lambda knot: knot[0]), len(self._knots) - 1)
        (begin, at), (end, to) = self._knots[number - 1], self._knots[number]
        share = (second - begin) / (end - begin) if end > begin else 0.0
        return round(self._left + (at + share * (to - at)) * self._per_second, 1)

    def shows(self, instant: datetime) -> bool:
        """Whether an instant lies between the ends."""
        return self._knots[0][0] <= _seconds(instant) <= self._knots[-1][0]

    def breaks(self) -> Iterator[Break]:
        """The gaps that are drawn short."""
        for begin, end in self._broken:
            yield Break(
                round((self._x(begin) + self._x(end)) / 2, 1), duration_in_words(timedelta(seconds=end - begin))
            )

    def ticks(self) -> Sequence[Tick]:
        """Ticks at round instants of UTC, outside breaks."""
        step = next((step for step in STEPS if self._drawn <= step * MOST_TICKS), 0)
        if not step:
            step = 365 * DAY * (int(self._drawn) // (365 * DAY * MOST_TICKS) + 1)
        ticks: list[Tick] = []
        edges = [self._knots[0][0], *(second for pair in self._broken for second in pair), self._knots[-1][0]]
        for begin, end in zip(edges[::2], edges[1::2], strict=True):
            for second in range(-(-begin // step) * step, end + 1, step):
                x = self._x(second)
                midnight = second % DAY == 0
                if ticks and x - ticks[-1].x < BETWEEN_TICKS:
                    if not midnight or ticks[-1].strong or step >= DAY:
                        continue
                    ticks.pop()
                ticks.append(Tick(x, _label(second, step, midnight), midnight and step < DAY))
        return ticks


def _quiet(gaps: Sequence[tuple[int, int, int]]) -> Sequence[tuple[int, int, int]]:
    """The gaps that are longer than everything else together, the longest first."""
    found: list[tuple[int, int, int]] = []
    rest = sum(length for length, _, _ in gaps)
    for gap in sorted(gaps, reverse=True)[:MOST_BREAKS]:
        rest -= gap[0]
        if gap[0] < LEAST_BROKEN or gap[0] < rest or not rest:
            break
        found.append(gap)
    return found


def _seconds(instant: datetime) -> int:
    return int((instant - EPOCH).total_seconds())


def _label(second: int, step: int, midnight: bool) -> str:
    try:
        instant = EPOCH + timedelta(seconds=second)
    except OverflowError:  # the room beside the first or the last instant there can be
        return ""
    if step < DAY and not midnight:
        return f"{instant:%H:%M}"
    if step >= 30 * DAY:
        return f"{MONTHS[instant.month - 1]} {instant.year}"
    return day_in_words(instant)
