"""Free text in a column: wrapped at spaces, and shortened with an ellipsis where it is too long. Pure."""

import re
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

ELLIPSIS = "…"
WORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?Z\S*|\S+")
"""What stays on one line: a word, or an instant."""
COMMAND = re.compile(r"waybill [a-z](?:'[^']*'|\"[^\"]*\"|[^;,()'\"])*[;,()]*")
"""A command to paste, with what follows it up to the next stop; a quoted argument is one with it."""


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


def around_commands(text: str, width: int) -> str:
    """The text with lines of at most `width` cells, in which no line break falls into a command to paste.

    A command that is too long for a line has its own: the terminal wraps it, and copies it as one.
    """
    return "\n".join(line for each in text.split("\n") for line in _line_around_commands(each, width))


def _line_around_commands(text: str, width: int) -> list[str]:
    if cell_len(text) <= width:
        return [text]
    parts: list[str] = []
    end = 0
    for command in COMMAND.finditer(text):
        parts += [*WORD.findall(text[end : command.start()]), command[0].rstrip()]
        end = command.end()
    lines: list[str] = []
    for part in (*parts, *WORD.findall(text[end:])):
        if lines and cell_len(f"{lines[-1]} {part}") <= width:
            lines[-1] += f" {part}"
        else:
            lines.append(part)
    return lines


def cut(text: str, width: int) -> str:
    """The beginning of a text that is longer than `width` cells, with an ellipsis."""
    return set_cell_size(text.rstrip(f" {ELLIPSIS}"), max(width - 1, 0)).rstrip() + ELLIPSIS
