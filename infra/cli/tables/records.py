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
    longest = _longest_name(fields)
    return [line for field in fields for line in _field_lines(field, longest, width)]


def record_in_two_columns(fields: Sequence[Field], width: int) -> list[Text]:
    """Two fields a line where both are short enough, read from top to bottom; then the longer ones, one a line."""
    short = list(fields)
    while sum(map(_width, _halves(short))) + GAP_BETWEEN_HALVES > width:
        short.remove(max(short, key=lambda field: cell_len(field.value)))
    long = [field for field in fields if field not in short]
    left, right = _halves(short)
    lines: list[Text] = []
    for one, other in zip_longest(left, right):
        (line,) = _field_lines(one, _longest_name(left), None)
        if other is not None:
            line.append(" " * (_width(left) - cell_len(line.plain) + GAP_BETWEEN_HALVES))
            line.append_text(_field_lines(other, _longest_name(right), None)[0])
        lines.append(line)
    return [*lines, *record_lines(long, width)]


def _halves(fields: Sequence[Field]) -> tuple[Sequence[Field], Sequence[Field]]:
    rows = (len(fields) + 1) // 2
    return fields[:rows], fields[rows:]


def _width(column: Sequence[Field]) -> int:
    return _longest_name(column) + GAP + max((cell_len(field.value) for field in column), default=0)


def _longest_name(fields: Sequence[Field]) -> int:
    return max((cell_len(field.name) for field in fields), default=0)


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
