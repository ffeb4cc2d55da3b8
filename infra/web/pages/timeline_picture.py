"""The timeline of an order as a picture: which marks, bars and lines stand where. A pure function of its settling.

The shapes are plain values; templates/order_picture.html writes them as SVG. Lanes stand below each other, each with
rows of ROW pixels; `timeline_tracks.py` says what the settling tells of promises, shipments and requests.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from domain.fact import Fact
from domain.settling import Settling
from infra.web.pages.time_words import deadline_in_words, duration_in_words, instant_in_words
from infra.web.pages.timeline_scale import Break, Scale, Tick
from infra.web.pages.timeline_symbols import Sign, legend_of_bars, legend_of_marks
from infra.web.pages.timeline_tracks import Point, Span, Track, Tracks, late_known, tracks_of

WIDTH = 1_000
MARGIN = 14
"""Room for a mark at either end."""
EDGE = 40
"""A text nearer to an edge than this begins or ends at its place."""
TOP = 26
ROW = 24
GAP = 8
"""Between lanes."""
BAR = 10
"""Height of a bar."""
THIN = 4
THIN_KINDS = frozenset({"estimate", "no-estimate", "ahead"})
"""Periods of what is only expected."""
SAME_PLACE = 4
"""Marks of one kind that are nearer than this (pixels) become one."""
SEEN = 6
"""A line from occurred to recorded that is shorter than this is not drawn."""
MOST_ROWS = 12
"""Rows of one lane; of more, the first and the last are drawn and the others counted."""


class Mark(NamedTuple):
    """A symbol at a place; `kind` names symbol and colour. Its title says what it is."""

    x: float
    y: float
    kind: str
    title: str


class Bar(NamedTuple):
    """A period; `y` is its middle."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str


class KnownLater(NamedTuple):
    """A thin line from when something happened to when it was recorded."""

    x1: float
    x2: float
    y: float
    title: str


class LaneLabel(NamedTuple):
    """The name of a row; a `further` one tells more of the row above."""

    y: float
    text: str
    further: bool


class Upright(NamedTuple):
    """A line through all lanes: the promise in force, the instant of the question. `short` stands at its foot."""

    x: float
    kind: str
    label: str
    short: str


class Shade(NamedTuple):
    """A span through all lanes, such as the time during which the order was overdue."""

    x: float
    width: float
    title: str


class Picture(NamedTuple):
    """The picture in pixels. `separators` are the heights of the lines between lanes."""

    width: int
    height: float
    top: float
    ticks: Sequence[Tick]
    breaks: Sequence[Break]
    labels: Sequence[LaneLabel]
    separators: Sequence[float]
    shades: Sequence[Shade]
    uprights: Sequence[Upright]
    bars: Sequence[Bar]
    known_later: Sequence[KnownLater]
    marks: Sequence[Mark]
    summary: str
    imported: tuple[datetime, datetime] | None
    """When most of it was recorded at once; then no lines say that it became known later."""
    mark_signs: Sequence[Sign]
    bar_signs: Sequence[Sign]

    def anchor(self, x: float) -> str:
        """How a text at this place is anchored, so that neither edge cuts it."""
        return "start" if x < EDGE else "end" if x > self.width - EDGE else "middle"


def timeline_picture(
    settling: Settling[Any], facts: Iterable[Fact], at: datetime, not_known: Sequence[Fact] = (), at_name: str = "now"
) -> Picture | None:
    """The picture of an order at an instant (aware); None when there is nothing to draw.

    `facts` are all that were settled; `at_name` is written beside the instant. `not_known` are those that today's
    knowledge has and the asked one had not.
    """
    tracks = tracks_of(settling, facts, at, not_known)
    instants = tracks.instants()
    if not instants:
        return None
    scale = Scale(instants, MARGIN, WIDTH - MARGIN)
    drawing = _Drawing(scale, tracks)
    for name, rows, rows_each in tracks.lanes():
        drawing.add_lane(name, rows, rows_each)
    return drawing.picture(at, at_name)


def _shown(rows: Sequence[Track], rows_each: int) -> Sequence[Track]:
    """The first and the last of many rows, with their number between; `rows_each` of them belong together."""
    if len(rows) <= MOST_ROWS:
        return rows
    last = (MOST_ROWS // rows_each - 1) * rows_each
    more = Track(f"{(len(rows) - last) // rows_each - 1} more …", (), (), further=True)
    return [*rows[:rows_each], more, *rows[len(rows) - last :]]


class _Drawing:
    """Collects the shapes, lane by lane, from the top."""

    def __init__(self, scale: Scale, tracks: Tracks):
        self._scale = scale
        self._tracks = tracks
        self._y = float(TOP)
        self._labels: list[LaneLabel] = []
        self._separators: list[float] = []
        self._bars: list[Bar] = []
        self._marks: list[Mark] = []
        self._known_later: list[KnownLater] = []

    def add_lane(self, name: str, rows: Sequence[Track], rows_each: int) -> None:
        """The rows of a lane, below those before; a row without a name has that of the lane."""
        if self._labels:
            self._separators.append(self._y + GAP / 2)
            self._y += GAP
        for row in _shown(rows, rows_each):
            self._labels.append(LaneLabel(self._y + ROW / 2, row.name or name, row.further))
            self._add_row(row, self._y + ROW / 2)
            self._y += ROW

    def _add_row(self, row: Track, y: float) -> None:
        self._bars += (self._bar(span, y) for span in row.spans)
        self._marks += self._merged(row.points, y)
        for point in row.points:
            if point.fact is not None and late_known(point.fact, self._tracks.imported):
                self._draw_late(point.fact, y)

    def _draw_late(self, fact: Fact, y: float) -> None:
        x1, x2 = self._scale.x(fact.occurred_at), self._scale.x(fact.recorded_at)
        if x2 - x1 >= SEEN:
            later = duration_in_words(fact.recorded_at - fact.occurred_at)
            recorded = instant_in_words(fact.recorded_at)
            self._known_later.append(KnownLater(x1, x2, y, f"known {later} later: recorded {recorded}"))

    def _bar(self, span: Span, y: float) -> Bar:
        x = self._scale.x(span.begin)
        height = THIN if span.kind in THIN_KINDS else BAR
        return Bar(x, y, round(max(2.0, self._scale.x(span.end) - x), 1), height, span.kind, span.title)

    def _merged(self, points: Iterable[Point], y: float) -> Iterator[Mark]:
        """Marks of one kind at nearly one place become one, so that their number is bounded by the width."""
        places: dict[tuple[str, int], list[Point]] = {}
        for point in points:
            place = (point.kind, int(self._scale.x(point.at) // SAME_PLACE))
            places.setdefault(place, []).append(point)
        for (kind, _), found in places.items():
            title = self._title(found[-1])
            if len(found) > 1:
                title = f"{len(found)} here: " + "; ".join(self._title(point) for point in islice(found, 5))
                title += "; …" if len(found) > 5 else ""
            yield Mark(self._scale.x(found[-1].at), y, kind, title)

    def _title(self, point: Point) -> str:
        fact = point.fact
        if fact is None or not late_known(fact, self._tracks.imported):
            return point.title
        return f"{point.title} · recorded {duration_in_words(fact.recorded_at - fact.occurred_at)} later"

    def picture(self, at: datetime, at_name: str) -> Picture:
        tracks, scale = self._tracks, self._scale
        uprights = []
        if tracks.promised_by is not None:
            label = f"promised by {deadline_in_words(tracks.promised_by)}"
            uprights.append(Upright(scale.x(tracks.promised_by), "promise", label, "promise"))
        if scale.shows(at):
            uprights.append(Upright(scale.x(at), "now", f"{at_name} {instant_in_words(at)}", at_name))
        shades = []
        for begin, end in tracks.overdue:
            x = scale.x(begin)
            title = f"overdue for {duration_in_words(end - begin)}"
            shades.append(Shade(x, round(max(1.0, scale.x(end) - x), 1), title))
        return Picture(
            WIDTH,
            self._y + GAP,
            TOP,
            scale.ticks(),
            tuple(scale.breaks()),
            self._labels,
            self._separators,
            shades,
            uprights,
            self._bars,
            self._known_later,
            self._marks,
            tracks.summary(),
            tracks.imported,
            legend_of_marks(mark.kind for mark in self._marks),
            legend_of_bars(bar.kind for bar in self._bars),
        )
