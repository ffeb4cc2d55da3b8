"""How answers are printed: tables for people, JSON and CSV for programs."""

import csv
import sys
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any

from rich.markup import escape
from rich.table import Table

from infra.cli.consoles import console, errors, progress_bar
from infra.cli.tables.cells import STYLES, cell, readable_instant
from infra.masking import masked
from infra.printable import printable_line
from infra.queries.books import VerdictCounts
from infra.queries.dead_letters import UntakenCounts
from infra.queries.messages import NoLongerApplied
from infra.serialization import csv_cell, json_text

__all__ = [
    "Format",
    "cell_writer",
    "console",
    "dead_letters_command",
    "errors",
    "progress_bar",
    "readable_instant",
    "show_counts",
    "show_error",
    "show_json",
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
    (console() if form is Format.TABLE else errors()).print(f"[dim]{escape(text)}[/dim]")


def show_rows(
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    form: Format,
    *,
    title: str = "",
    footer: str = "",
    empty: str = "nothing",
) -> None:
    """Print rows with these columns. Title, footer and the text for no rows appear in tables only."""
    if form is Format.JSON:
        show_json([{name: row[name] for name in columns} for row in rows])
    elif form is Format.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        written = cell_writer()
        writer.writerows([written(row[name]) for name in columns] for row in rows)
    else:
        _show_table(columns, rows, title, footer, empty)


def show_record(title: str, fields: Mapping[str, Any]) -> None:
    """Print one record as a table with a row for each field that has a value."""
    rows = [{"field": name, "value": value} for name, value in fields.items() if value not in (None, "", "[]", [], ())]
    show_rows(["field", "value"], rows, Format.TABLE, title=title)


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
        show_warning(f"{len(lost) - LOST_SHOWN} more messages were applied before and are not any more")


def dead_letters_command(dead: UntakenCounts, *, every: bool = False) -> str:
    """The command that lists these dead letters; with `every`, also those that are set aside."""
    needs_all = dead.set_aside == dead.dead or (every and dead.set_aside > 0)
    return "waybill dead-letters list" + (" --all" if needs_all else "")


def _show_table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], title: str, footer: str, empty: str) -> None:
    out = console()
    if title:
        out.print(f"[bold]{escape(title)}[/bold]")
    if rows:
        # A column that is empty in every row is left out.
        filled = [name for name in columns if any(row[name] not in (None, "") for row in rows)]
        table = Table(show_edge=False, pad_edge=False, header_style="dim", box=None, padding=(0, 1))
        for name in filled:
            numeric = all(isinstance(row[name], (int, Decimal)) or row[name] is None for row in rows)
            table.add_column(name, justify="right" if numeric else "left", style=STYLES.get(name), overflow="fold")
        for row in rows:
            table.add_row(*(cell(row[name]) for name in filled))
        out.print(table)
    else:
        out.print(f"[dim]{escape(empty)}[/dim]")
    if footer:
        out.print(f"[dim]{escape(footer)}[/dim]")


def cell_writer() -> Callable[[Any], Any]:
    """Makes values cells of CSV for standard output."""
    return _csv_cell_on_a_terminal if sys.stdout.isatty() else csv_cell


def _csv_cell_on_a_terminal(value: Any) -> Any:
    """A cell with control characters escaped. Only a terminal gets this; a program gets the exact text."""
    exact = csv_cell(value)
    return printable_line(exact) if isinstance(exact, str) else exact
