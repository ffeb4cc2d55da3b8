"""A table laid out in lines for a screen, a pipe or a file. Pure.

On a screen no line is longer than it, and what is left out or shortened is named. Ids, instants and numbers are shown
whole or not at all. Where a table does not fit and its rows are few, each row is a record: one field a line.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

from rich.cells import cell_len
from rich.text import Text

from infra.cli.tables.cells import cell, cell_style, is_free_text, is_numeric, text_cell
from infra.cli.tables.columns import ALL_OR_SOME, GAP, ColumnChoice, columns_that_fit, ranked, widened
from infra.cli.tables.records import Field, record_lines
from infra.cli.tables.wrapping import Wrapped, wrapped

LEAST_TEXT = 36
"""The least width of a column of free text, if its texts are that long."""
READABLE_TEXT = 72
"""The width that a column of free text has before columns are shown that nobody called important."""
LINES_OF_TEXT = 3
"""The most lines of free text in a cell, unless told otherwise (None: all)."""
FEW_ROWS = 2
NEEDED_COLUMNS = 3
"""Without so many of the most important columns a table says too little: then each row is a record."""

Rows = Sequence[Mapping[str, Any]]


class AsRecords(Enum):
    """When the rows of a table that does not fit are records. On a terminal that is too narrow they always are."""

    IF_NARROW = "only on a narrow terminal: the rows are one part of an answer"
    IF_FEW = "if they are few, too"
    IF_NOT_WHOLE = "whenever a column would be left out or shortened: all of them matter"


class Room(NamedTuple):
    """The width and height of the screen in characters."""

    width: int
    height: int


class Laid(NamedTuple):
    """The lines of a table, and the columns that it does not show.

    `left_out` have values, `empty` have none in any row; of those in `shortened`, a text is not shown to its end.
    """

    lines: Sequence[Text]
    left_out: Sequence[str] = ()
    shortened: Sequence[str] = ()
    empty: Sequence[str] = ()


class _Column(NamedTuple):
    name: str
    cells: Sequence[str]
    styles: Sequence[str]
    numeric: bool
    free_text: bool

    @property
    def width(self) -> int:
        return max(cell_len(self.name), *map(cell_len, self.cells))

    @property
    def least_width(self) -> int:
        return min(self.width, max(LEAST_TEXT, cell_len(self.name))) if self.free_text else self.width


def laid_out(
    columns: Sequence[str],
    rows: Rows,
    room: Room | None,
    *,
    importance: Sequence[str] = (),
    choice: ColumnChoice,
    records: AsRecords = AsRecords.IF_FEW,
    lines_of_text: int | None = LINES_OF_TEXT,
) -> Laid:
    """The rows with these columns; without `room` (a pipe, a file) all of them whole.

    A column that is empty in every row is left out, unless it was chosen, or a program may count on it.

    `importance` names the columns that are shown first. Chosen columns are never left out: rows become records.
    """
    filled = [name for name in columns if any(row[name] not in (None, "") for row in rows)]
    if room is None or choice.wide:
        # Programs that read a list count on all of its columns.
        default = columns if choice.how_to_see_all == ALL_OR_SOME else filled
        return Laid(_table([_column(name, rows) for name in choice.names or default]))
    shown = [_column(name, rows) for name in choice.names or filled]
    empty = [] if choice.names else [name for name in columns if name not in filled]
    fitting = _fitting(shown, room.width, importance, lines_of_text)
    is_whole = len(fitting.lines) > 0 and not fitting.left_out and not fitting.shortened
    if not is_whole:
        told = _records(shown, len(rows), room.width)
        needed = ranked([column.name for column in shown], importance)[:NEEDED_COLUMNS]
        narrow = any(name in fitting.left_out for name in needed)
        few = len(rows) <= FEW_ROWS and (len(rows) == 1 or len(told) < room.height)
        needs_all = (fitting.left_out and choice.names is not None) or records is AsRecords.IF_NOT_WHOLE
        if narrow or needs_all or (few and records is AsRecords.IF_FEW):
            return Laid(told, empty=empty)
    return fitting._replace(empty=empty)


def _column(name: str, rows: Rows) -> _Column:
    values = [row[name] for row in rows]
    styles = [cell_style(name, value) for value in values]
    free_text = is_free_text(name, values)
    cells = [text_cell(value) if free_text else cell(value) for value in values]
    return _Column(name, cells, styles, is_numeric(values), free_text)


def _fitting(columns: Sequence[_Column], width: int, importance: Sequence[str], lines_of_text: int | None) -> Laid:
    least = {column.name: column.least_width for column in columns}
    more_for = {
        column.name: max(min(column.width, READABLE_TEXT) - column.least_width, 0)
        for column in columns
        if column.free_text
    }
    names = columns_that_fit(least, importance, width, more_for)
    shown = [column for column in columns if column.name in names]
    widths = widened(
        {column.name: column.least_width for column in shown}, {column.name: column.width for column in shown}, width
    )
    texts = {
        column.name: [wrapped(text, widths[column.name], lines_of_text, cuts_words=True) for text in column.cells]
        for column in shown
        if column.free_text
    }
    return Laid(
        _table(shown, widths, texts),
        left_out=[column.name for column in columns if column.name not in names],
        shortened=[name for name, cells in texts.items() if any(each.shortened for each in cells)],
    )


def _records(columns: Sequence[_Column], rows: int, width: int) -> list[Text]:
    lines: list[Text] = []
    for row in range(rows):
        if row:
            lines.append(Text())
        fields = [Field(each.name, each.cells[row], each.styles[row], each.free_text) for each in columns]
        lines += record_lines(fields, width)
    return lines


def _table(
    columns: Sequence[_Column],
    widths: Mapping[str, int] | None = None,
    texts: Mapping[str, Sequence[Wrapped]] | None = None,
) -> list[Text]:
    """The header and the rows. Without `widths`, each column is as wide as its widest cell."""
    if not columns:
        return []
    wide = [column.width if widths is None else widths[column.name] for column in columns]
    header = [((column.name,), "dim") for column in columns]
    lines = [_line(columns, wide, header, 0)]
    for row in range(len(columns[0].cells)):
        cells = [
            (
                texts[column.name][row].lines if texts is not None and column.name in texts else (column.cells[row],),
                column.styles[row],
            )
            for column in columns
        ]
        lines += [_line(columns, wide, cells, line) for line in range(max(len(each) for each, _ in cells))]
    return lines


def _line(
    columns: Sequence[_Column], widths: Sequence[int], cells: Sequence[tuple[Sequence[str], str]], line: int
) -> Text:
    told = Text()
    margin = 0
    for column, width, (texts, style) in zip(columns, widths, cells, strict=True):
        text = texts[line] if line < len(texts) else ""
        padding = max(width - cell_len(text), 0)
        if text:
            told.append(" " * (margin + (padding if column.numeric else 0)))
            told.append(text, style)
            margin = 0 if column.numeric else padding
        else:
            margin += padding
        margin += GAP
    return told
