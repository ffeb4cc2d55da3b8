"""Records: one field a line, or two fields beside each other. Pure."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text

from infra.cli.tables.columns import GAP
from infra.cli.tables.wrapping import WORD, wrapped

INDENT = 2
GAP_BETWEEN_HALVES = 3


class Field(NamedTuple):
    """A field's name, its value as text, and its colour. Only free text may be wrapped."""

    name: str
    value: str
    style: str = ""
    free_text: bool = False


def record_lines(fields: Sequence[Field], width: int | None) -> list[Text]:
    """One field a line. Free text that is too long for `width` is wrapped at spaces; any other value stays whole."""
    longest = max((cell_len(field.name) for field in fields), default=0)
    return [line for field in fields for line in _field_lines(field, longest, width)]


def record_in_two_columns(fields: Sequence[Field], width: int) -> list[Text]:
    """Two fields a line where both are short enough, read from top to bottom; then the longer ones, one a line."""
    half = (width - GAP_BETWEEN_HALVES) // 2
    longest = max((cell_len(field.name) for field in fields), default=0)
    short = [field for field in fields if longest + GAP + cell_len(field.value) <= half]
    long = [field for field in fields if field not in short]
    rows = (len(short) + 1) // 2
    lines: list[Text] = []
    for left, right in zip_longest(short[:rows], short[rows:]):
        (line,) = _field_lines(left, longest, None)
        if right is not None:
            line.append(" " * (half - cell_len(line.plain) + GAP_BETWEEN_HALVES))
            line.append_text(_field_lines(right, longest, None)[0])
        lines.append(line)
    return [*lines, *(line for field in long for line in _field_lines(field, longest, width))]


def _field_lines(field: Field, longest: int, width: int | None) -> list[Text]:
    margin = longest + GAP
    told = Text(field.name, "dim")
    told.append(" " * (margin - cell_len(field.name)))
    room = None if width is None else width - margin
    if room is None or cell_len(field.value) <= room:
        return [told.append(field.value, field.style)]
    if field.free_text and max(map(cell_len, WORD.findall(field.value)), default=0) <= room:
        first, *others = wrapped(field.value, room).lines
        return [told.append(first, field.style), *(Text(" " * margin).append(line, field.style) for line in others)]
    # Below its name there is more room. What is not free text stays whole, so that it can be copied.
    lines = wrapped(field.value, max(width - INDENT, 1)).lines if field.free_text and width else (field.value,)
    return [Text(field.name, "dim"), *(Text(" " * INDENT).append(line, field.style) for line in lines)]
