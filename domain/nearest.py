"""Known names that are like one that is not known, and how a message ends with them. Pure."""

from collections.abc import Iterable
from difflib import get_close_matches

NEAREST_NAMED = 3


def near(name: str, known: Iterable[str], most: int = NEAREST_NAMED, *, likeness: float = 0.6) -> list[str]:
    """Those of the known names that are like this one in any case of its letters, the likest first.

    `likeness` is from 0 (any name) to 1 (the same).
    """
    by_letters = {each.lower(): each for each in known}
    return [by_letters[each] for each in get_close_matches(name.lower(), by_letters, n=most, cutoff=likeness)]


def suggested(names: Iterable[str]) -> str:
    """The end of a message that names them: `; the nearest: A, B`; empty for none."""
    told = ", ".join(names)
    return f"; the nearest: {told}" if told else ""


def did_you_mean(name: str, known: Iterable[str], most: int = 1, *, likeness: float = 0.6) -> str:
    """The end of a message that asks: `; did you mean A?`; empty if no name is like this one."""
    told = " or ".join(near(name, known, most, likeness=likeness))
    return f"; did you mean {told}?" if told else ""
