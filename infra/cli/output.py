"""How answers are printed: tables for people, JSON and CSV for programs."""

import csv
import sys
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from domain.counted import counted
from infra.cli.consoles import console, errors, parts_shown, progress_bar, room_of_answers
from infra.cli.tables.cells import cell, cell_style, is_free_text, readable_instant, text_cell
from infra.cli.tables.columns import ALL_OR_SOME, NO_CHOICE, ColumnChoice
from infra.cli.tables.layout import LINES_OF_TEXT, AsRecords, Laid, laid_out
from infra.cli.tables.records import Field, record_in_two_columns, record_lines
from infra.cli.tables.wrapping import around_commands
from infra.masking import masked
from infra.printable import printable_line
from infra.queries.books import VerdictCounts
from infra.queries.dead_letters import UntakenCounts
from infra.queries.messages import NoLongerApplied
from infra.serialization import csv_cell, json_text

__all__ = [
    "AsRecords",
    "Format",
    "cell_writer",
    "console",
    "dead_letters_command",
    "errors",
    "parts_shown",
    "progress_bar",
    "readable_instant",
    "show_counts",
    "show_error",
    "show_json",
    "show_lines",
    "show_no_longer_applied",
    "show_note",
    "show_record",
    "show_rows",
    "show_warning",
]

LOST_SHOWN = 20


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def show_error(text: str) -> None:
    """Print an error as `waybill: …`, with passwords masked."""
    errors().print(f"[red]waybill:[/red] {escape(masked(text))}")


def show_warning(text: str) -> None:
    """Print a warning as `waybill: …`, with passwords masked."""
    errors().print(f"[yellow]waybill:[/yellow] {escape(masked(text))}")


def show_json(value: Any) -> None:
    """Print one JSON document."""
    sys.stdout.write(json_text(value, indent=2) + "\n")


def show_note(form: Format, text: str) -> None:
    """Print a note about the answer: below a table, or on standard error with JSON and CSV."""
    _print_dim(console() if form is Format.TABLE else errors(), text)


def show_rows(
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    form: Format,
    *,
    title: str = "",
    footer: str = "",
    empty: str = "nothing",
    importance: Sequence[str] = (),
    choice: ColumnChoice = NO_CHOICE,
    records: AsRecords = AsRecords.IF_FEW,
    lines_of_text: int | None = LINES_OF_TEXT,
) -> None:
    """Print rows with these columns, or with those of the choice.

    Title, footer and the text for no rows appear in tables only. On a terminal, a table has the columns that fit, the
    most important first, and names those that it leaves out; `records` says when its rows are records instead,
    and `lines_of_text` how long the text in a cell may be.
    """
    names = choice.names or columns
    if form is Format.JSON:
        show_json([{name: row[name] for name in names} for row in rows])
    elif form is Format.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        written = cell_writer()
        writer.writerows([written(row[name]) for name in names] for row in rows)
    else:
        room = room_of_answers()
        out = console()
        _print_title(out, title)
        if rows:
            laid = laid_out(
                columns, rows, room, importance=importance, choice=choice, records=records, lines_of_text=lines_of_text
            )
            _print_lines(out, laid.lines)
            _print_dim(out, _not_shown(laid, choice))
        else:
            _print_dim(out, empty)
        _print_dim(out, footer)


def show_record(title: str, fields: Mapping[str, Any], *, in_two_columns: bool = False) -> None:
    """Print one record: a line for each field that has a value, or, on a terminal, for two of them."""
    told = [_field(name, value) for name, value in fields.items() if value not in (None, "", "[]", [], ())]
    room = room_of_answers()
    out = console()
    _print_title(out, title)
    if room is not None and in_two_columns:
        _print_lines(out, record_in_two_columns(told, room.width))
    else:
        _print_lines(out, record_lines(told, None if room is None else room.width))


def _field(name: str, value: Any) -> Field:
    free_text = is_free_text(name, [value])
    return Field(name, text_cell(value) if free_text else cell(value), cell_style(name, value), free_text)


def show_counts(counts: VerdictCounts, untaken: UntakenCounts, form: Format) -> None:
    """Print the number of messages by verdict, and the commands that list those not taken."""
    if form is Format.JSON:
        show_json(counts)
    elif form is Format.CSV:
        show_rows(counts._fields, [counts._asdict()], form)
    else:
        rows = [{"verdict": name, "messages": count} for name, count in counts._asdict().items()]
        show_rows(["verdict", "messages"], rows, form)
        if untaken.dead:
            show_note(form, f"not taken, with reasons: {dead_letters_command(untaken)}")
        if untaken.waiting:
            show_note(form, "held, with what they wait for: waybill held list")


def show_no_longer_applied(lost: Sequence[NoLongerApplied]) -> None:
    """Warn of messages that were applied before and are not any more: a person should look at their orders."""
    for message in lost[:LOST_SHOWN]:
        which = f"{message.type} {message.id} of {message.source}"
        show_warning(f"{which} was applied and is {message.verdict} now: {message.reason}")
    if len(lost) > LOST_SHOWN:
        more = len(lost) - LOST_SHOWN
        were, are = ("was", "is") if more == 1 else ("were", "are")
        show_warning(f"{counted(more, 'more message')} {were} applied before and {are} not any more")


def dead_letters_command(dead: UntakenCounts, *, every: bool = False) -> str:
    """The command that lists these dead letters; with `every`, also those that are set aside."""
    needs_all = dead.set_aside == dead.dead or (every and dead.set_aside > 0)
    return "waybill dead-letters list" + (" --all" if needs_all else "")


def _not_shown(laid: Laid, choice: ColumnChoice) -> str:
    """What a table does not show, and how to see it."""
    # Only where columns can be chosen does anybody count on all of them.
    empty = laid.empty if choice.how_to_see_all == ALL_OR_SOME else ()
    parts = (("left out", laid.left_out), ("empty", empty), ("shortened", laid.shortened))
    told = [f"{what}: {', '.join(names)}" for what, names in parts if names]
    return "; ".join([*told, choice.how_to_see_all]) if told else ""


def _print_title(out: Console, title: str) -> None:
    if title:
        out.print(f"[bold]{escape(_wrapped(out, title))}[/bold]", soft_wrap=True)


def _print_dim(out: Console, text: str) -> None:
    if text:
        out.print(f"[dim]{escape(_wrapped(out, text))}[/dim]", soft_wrap=True)


def _wrapped(out: Console, text: str) -> str:
    """The text in lines that fit the terminal, other than commands to paste."""
    return around_commands(text, out.width) if out.is_terminal else text


def show_lines(lines: Sequence[Text]) -> None:
    """Print lines that were laid out for the terminal."""
    _print_lines(console(), lines)


def _print_lines(out: Console, lines: Sequence[Text]) -> None:
    if lines:  # rich must not wrap them
        out.print(Text("\n").join(lines), soft_wrap=True)


def cell_writer() -> Callable[[Any], Any]:
    """Makes values cells of CSV for standard output."""
    return _csv_cell_on_a_terminal if sys.stdout.isatty() else csv_cell


def _csv_cell_on_a_terminal(value: Any) -> Any:
    """A cell with control characters escaped. Only a terminal gets this; a program gets the exact text."""
    exact = csv_cell(value)
    return printable_line(exact) if isinstance(exact, str) else exact
