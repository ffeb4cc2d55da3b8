"""Free text in a column: wrapped at spaces, and shortened with an ellipsis where it is too long. Pure."""

import re
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

ELLIPSIS = "…"
WORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?Z\S*|\S+")
"""What stays on one line: a word, or an instant."""


class Wrapped(NamedTuple):
    """The lines of a text, and whether something of it was left out."""

    lines: tuple[str, ...]
    shortened: bool


def wrapped(text: str, width: int, most_lines: int | None = None, *, cuts_words: bool = False) -> Wrapped:
    """The text in lines of at most `width` cells, cut at spaces.

    With `most_lines`, the last one ends with an ellipsis if the text goes on. A word that is longer than a line is a
    line that is too long; with `cuts_words`, it keeps its beginning.
    """
    if cell_len(text) <= width:
        return Wrapped((text,), shortened=False)
    lines: list[str] = []
    line, shortened = "", False
    for word in WORD.findall(text):
        together = f"{line} {word}" if line else word
        if cell_len(together) <= width:
            line = together
            continue
        if line:
            lines.append(line)
        if cuts_words and cell_len(word) > width:
            word, shortened = cut(word, width), True
        line = word
    lines.append(line)
    if most_lines is not None and len(lines) > most_lines:
        last = f"{lines[most_lines - 1].rstrip(ELLIPSIS)} {ELLIPSIS}"
        lines[most_lines - 1 :] = [cut(last, width) if cell_len(last) > width else last]
        shortened = True
    return Wrapped(tuple(lines), shortened)


def cut(text: str, width: int) -> str:
    """The beginning of a text that is longer than `width` cells, with an ellipsis."""
    return set_cell_size(text.rstrip(f" {ELLIPSIS}"), max(width - 1, 0)).rstrip() + ELLIPSIS
