"""The symbols of an order's timeline picture, and its legend: how each kind of mark and bar looks, and its words."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

PATHS = {
    "square": "M-5,-5H5V5H-5Z",
    "diamond": "M0,-6L6,0L0,6L-6,0Z",
    "disc": "M-5,0A5,5 0 1 1 5,0A5,5 0 1 1 -5,0Z",
    "ring": "M-5,0A5,5 0 1 1 5,0A5,5 0 1 1 -5,0Z",
    "cross": "M-5,-5L5,5M-5,5L5,-5",
    "check": "M-6,0L-2,5L6,-5",
    "play": "M-5,-6L6,0L-5,6Z",
    "hourglass": "M-5,-6H5L-5,6H5Z",
    "back": "M6,-6L-5,0L6,6Z",
    "flag": "M0,8V-8H9L6,-4.5L9,-1H0",
}
"""The outline of each shape around 0,0, in pixels."""


class Symbol(NamedTuple):
    """A shape, a name for all kinds of mark that look the same, and what this one says."""

    shape: str
    look: str
    words: str


OTHER = Symbol("disc", "other", "something else")
SYMBOLS = {
    "placed": Symbol("square", "order", "placed"),
    "amended": Symbol("square", "order", "amended"),
    "reassigned": Symbol("square", "order", "reassigned"),
    "reinstated": Symbol("square", "order", "reinstated"),
    "rescheduled": Symbol("diamond", "rescheduled", "rescheduled"),
    "booked": Symbol("ring", "begun", "booked"),
    "rebooked": Symbol("ring", "begun", "rebooked"),
    "requested": Symbol("ring", "begun", "expedite asked for"),
    "dispatched": Symbol("play", "dispatched", "dispatched"),
    "delayed": Symbol("hourglass", "delayed", "delayed"),
    "attempted": Symbol("cross", "failed", "attempted in vain"),
    "cancelled": Symbol("cross", "failed", "cancelled"),
    "declined": Symbol("cross", "failed", "declined"),
    "refused": Symbol("cross", "failed", "refused"),
    "voided": Symbol("cross", "failed", "voided"),
    "delivered": Symbol("check", "done", "delivered"),
    "granted": Symbol("check", "done", "granted"),
    "complete": Symbol("check", "done", "complete"),
    "returned": Symbol("back", "returned", "returned"),
    "told": Symbol("disc", "told", "customer told"),
    "due": Symbol("flag", "due", "promise in force"),
    "due-replaced": Symbol("flag", "due-replaced", "promise before"),
    "needed": Symbol("flag", "needed", "needed by"),
    "expected": Symbol("diamond", "expected", "estimate"),
    "expected-before": Symbol("diamond", "expected-before", "estimate before"),
    "held": Symbol("ring", "open", "held"),
    "unknown": Symbol("ring", "open", "not yet known"),
    "other": OTHER,
}
"""Symbols by the kind of a mark (timeline_tracks.py)."""
BARS = {
    "promise": "promise in force",
    "promise-replaced": "promise replaced later",
    "ahead": "until the promise",
    "waiting": "booked, not dispatched",
    "moving": "on its way",
    "estimate": "estimate stood",
    "no-estimate": "no estimate",
    "expedite-undecided": "request undecided",
    "expedite-granted": "request granted",
    "expedite-declined": "request declined",
    "owed": "customer waits for a word",
}
"""Words for the kinds of bars."""


class Sign(NamedTuple):
    """A line of the legend: the kind that is drawn as its example, and what it says."""

    kind: str
    words: str


def symbol_of(kind: str) -> Symbol:
    """The symbol of a kind of mark."""
    return SYMBOLS.get(kind, OTHER)


def path_of(kind: str) -> str:
    """The outline of the symbol of a kind of mark."""
    return PATHS[symbol_of(kind).shape]


def legend_of_marks(kinds: Iterable[str]) -> Sequence[Sign]:
    """One sign for each look among these kinds of marks, with the words of those that are drawn."""
    drawn = set(kinds)
    looks: dict[str, list[str]] = {}
    for kind, symbol in SYMBOLS.items():
        if kind in drawn:
            looks.setdefault(symbol.look, []).append(kind)
    return [Sign(same[0], ", ".join(SYMBOLS[kind].words for kind in same)) for same in looks.values()]


def legend_of_bars(kinds: Iterable[str]) -> Sequence[Sign]:
    """One sign for each of these kinds of bars."""
    drawn = set(kinds)
    return [Sign(kind, words) for kind, words in BARS.items() if kind in drawn]
