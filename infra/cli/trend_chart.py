"""A trend as a chart of characters: columns for one series, a line of blocks for each of several.

Pure: it makes lines of text, in block characters or in ASCII, no longer than the width that is given.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from infra.cli.tables.cells import NOTHING, readable_instant
from infra.printable import printable_line

LONGEST_KEY = 24
"""How long a key may be, if that is at most a quarter of the width."""
SMALLEST_PLOT = 10


class Signs(NamedTuple):
    """The characters of a chart. `levels` are parts of a cell, from empty to full; `axis`: corner, line, upright."""

    levels: str
    corner: str
    line: str
    upright: str
    cut: str


BLOCKS = Signs(" ▁▂▃▄▅▆▇█", "└", "─", "│", "…")
ASCII = Signs(" .:-=+*%#", "+", "-", "|", "~")


class Series(NamedTuple):
    """The counts of one key, one for each instant; the key is None for what nobody holds, or for a whole trend."""

    key: str | None
    counts: Sequence[int]


class Line(NamedTuple):
    """A line of a chart: what is drawn, and the text on both sides of it."""

    before: str
    drawn: str = ""
    after: str = ""

    def __str__(self) -> str:
        return "".join(self).rstrip()


def signs_of(encoding: str | None) -> Signs:
    """Block characters where the encoding has them, else ASCII."""
    try:
        "".join(BLOCKS).encode(encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return ASCII
    return BLOCKS


def column_chart(
    counts: Sequence[int], instants: Sequence[datetime], width: int, height: int, signs: Signs
) -> list[Line]:
    """One series as columns over `height` lines, with an axis and its dates below, and the values that matter.

    If there are more instants than columns fit, a column is the largest count of some that follow each other.
    """
    most = max(counts)
    labels = max(len(str(most)), 1)
    plot = max(width - labels - 2, SMALLEST_PLOT)
    columns, together = _grouped(counts, plot)
    each = max(1, min(plot // len(columns), 8))
    steps = len(signs.levels) - 1
    scaled = [_scaled(count, most, height * steps) for count in columns]
    lines = []
    for line in range(height - 1, -1, -1):
        cells = "".join(_column(signs.levels[max(0, min(level - line * steps, steps))], each) for level in scaled)
        label = str(most) if line == height - 1 else ""
        lines.append(Line(f"{label:>{labels}} {signs.upright}", cells))
    length = each * len(columns)
    lines.append(Line(f"{0:>{labels}} {signs.corner}{signs.line * length}"))
    lines.append(_dates(instants, " " * (labels + 2), length, width))
    if together > 1:
        lines.append(Line(f"each column: the largest of {together} instants"))
    return [*lines, *_values(counts, instants, width)]


def spark_lines(
    series: Sequence[Series], instants: Sequence[datetime], width: int, most_lines: int, signs: Signs
) -> list[Line]:
    """A line for each series, all of one scale, those with the greatest last counts first; at most `most_lines`."""
    ordered = sorted(series, key=lambda one: (-one.counts[-1], -max(one.counts), one.key is None, one.key or ""))
    shown = ordered[:most_lines]
    most = max(max(one.counts) for one in ordered)
    keys = [_key(one.key, min(LONGEST_KEY, width // 4), signs) for one in shown]
    longest = max(map(len, keys))
    numbers = max(len(str(most)), 4)
    plot = max(width - longest - 2 * (numbers + 2) - 2, SMALLEST_PLOT)
    _, together = _grouped(shown[0].counts, plot)
    steps = len(signs.levels) - 1
    length = len(_grouped(shown[0].counts, plot)[0])
    lines = [Line(f"{'':{longest}}  {'':{length}}  {'last':>{numbers}}  {'most':>{numbers}}")]
    for key, one in zip(keys, shown, strict=True):
        columns, _ = _grouped(one.counts, plot)
        drawn = "".join(signs.levels[_scaled(count, most, steps)] for count in columns)
        values = f"  {one.counts[-1]:>{numbers}}  {max(one.counts):>{numbers}}"
        lines.append(Line(f"{key:{longest}}  ", drawn, values))
    lines.append(_dates(instants, " " * (longest + 2), length, width))
    if together > 1:
        lines.append(Line(f"each block: the largest of {together} instants"))
    if len(ordered) > len(shown):
        lines.append(Line(f"and {len(ordered) - len(shown)} more; --no-chart has them all"))
    return lines


def _grouped(counts: Sequence[int], most: int) -> tuple[Sequence[int], int]:
    """At most `most` counts, each the largest of some that follow each other, and of how many."""
    together = -(-len(counts) // most)
    return [max(counts[start : start + together]) for start in range(0, len(counts), together)], together


def _scaled(count: int, most: int, steps: int) -> int:
    """The count as one of `steps` levels: 0 only if it is 0."""
    return 0 if count == 0 else max(1, round(count / most * steps))


def _column(sign: str, width: int) -> str:
    return sign * (width - 1) + " " if width > 2 else sign * width


def _dates(instants: Sequence[datetime], indent: str, length: int, width: int) -> Line:
    """The first instant on the left and the last one below the end of the plot, if both fit, or else after it."""
    first, last = readable_instant(instants[0]), readable_instant(instants[-1])
    if len(instants) == 1:
        return Line(indent + first)
    gap = max(length - len(first) - len(last), 2)
    line = f"{indent}{first}{' ' * gap}{last}"
    return Line(line if len(line) <= width else f"{first} to {last}")


def _values(counts: Sequence[int], instants: Sequence[datetime], width: int) -> list[Line]:
    largest = max(range(len(counts)), key=lambda place: (counts[place], place))
    told = [f"last: {counts[-1]} at {readable_instant(instants[-1])}"]
    if len(counts) > 1:
        told.insert(0, f"first: {counts[0]}")
        told.append(f"largest: {counts[largest]} at {readable_instant(instants[largest])}")
    joined = "; ".join(told)
    return [Line(joined)] if len(joined) <= width else [Line(one) for one in told]


def _key(key: str | None, most: int, signs: Signs) -> str:
    said = NOTHING if key is None else printable_line(key)
    if signs is ASCII:
        said = "-" if key is None else said.encode("ascii", "backslashreplace").decode()
    return said if len(said) <= most else said[: most - 1] + signs.cut
