"""Which columns of a table are shown, and how wide each one is. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from domain.nearest import NEAREST_NAMED, did_you_mean

GAP = 2
"""Spaces between two columns."""


ALL_OR_SOME = "all: --wide; some: --columns A,B"
ALL_IN_JSON = "all: --format json, or | less -S"


class ColumnChoice(NamedTuple):
    """What a person chose: columns by name (None: as many as fit), and `wide`, which cuts and wraps nothing.

    `how_to_see_all` is said below a table that does not show all.
    """

    names: tuple[str, ...] | None = None
    wide: bool = False
    how_to_see_all: str = ALL_OR_SOME


NO_CHOICE = ColumnChoice(how_to_see_all=ALL_IN_JSON)
"""That of a command without these options."""


class UnknownColumnError(ValueError):
    """A column that the table does not have; the message names those that it has, the nearest first."""


def chosen_columns(text: str, known: Sequence[str]) -> tuple[str, ...]:
    """The columns that a text such as "order_id,stage" names, each once. Raises UnknownColumnError."""
    names = tuple(dict.fromkeys(name for part in text.split(",") if (name := part.strip().replace("-", "_"))))
    if not names:
        raise UnknownColumnError(f"name columns, separated by commas, of {', '.join(known)}")
    for name in names:
        if name not in known:
            nearest = did_you_mean(name, known, NEAREST_NAMED, likeness=0.5)
            raise UnknownColumnError(f"there is no column {name}{nearest} The columns are {', '.join(known)}")
    return names


def ranked(columns: Iterable[str], importance: Sequence[str]) -> tuple[str, ...]:
    """The columns, the most important first: those that `importance` names, then the others in their order."""
    there = dict.fromkeys(columns)
    return tuple(dict.fromkeys([*(name for name in importance if name in there), *there]))


def columns_that_fit(
    widths: Mapping[str, int], importance: Sequence[str], room: int, more_for: Mapping[str, int] | None = None
) -> tuple[str, ...]:
    """The most important columns that fit `room` characters, in the order of `widths`.

    `importance` names columns, the most important first; one that does not fit is passed over for the next one. Columns
    that it does not name are shown only where all of those are, and after these columns of free text had `more_for`
    them: characters beyond their width.
    """
    fitting: set[str] = set()
    left = room + GAP
    all_fit = True
    kept = sum((more_for or {}).values())
    for name in ranked(widths, importance):
        needed = widths[name] + GAP
        if importance and name not in importance:
            left, kept = left - kept, 0
        all_fit = all_fit and needed <= left
        if needed <= left and (all_fit or name in importance):
            fitting.add(name)
            left -= needed
    return tuple(name for name in widths if name in fitting)


def widened(widths: Mapping[str, int], wanted: Mapping[str, int], room: int) -> dict[str, int]:
    """These columns with the rest of `room` shared among those that want more: whoever wants least is served first."""
    shared = dict(widths)
    left = room - sum(widths.values()) - GAP * (len(widths) - 1)
    hungry = sorted((name for name in widths if wanted[name] > widths[name]), key=lambda name: wanted[name])
    for served, name in enumerate(hungry):
        share = max(left, 0) // (len(hungry) - served)
        more = min(wanted[name] - widths[name], share)
        shared[name] += more
        left -= more
    return shared
