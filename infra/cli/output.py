"""How answers are printed: tables for people, JSON and CSV for programs."""

import csv
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from infra.masking import masked
from infra.printable import printable, printable_line
from infra.queries.books import VerdictCounts
from infra.queries.dead_letters import UntakenCounts
from infra.queries.messages import NoLongerApplied
from infra.serialization import csv_cell, json_text, json_value

# Tables written to a file or a pipe are not cut to the width of a terminal.
WIDTH_WITHOUT_TERMINAL = 240
LOST_SHOWN = 20

_STYLES = {
    "applied": "green",
    "duplicate": "cyan",
    "held": "yellow",
    "refused": "red",
    "malformed": "red",
    "hours_overdue": "red",
    "overdue": "red",
    "at_risk": "yellow",
}


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class PrintableConsole(Console):
    """Escapes unprintable characters in everything it prints: upstreams wrote much of it, and a terminal would obey it.

    Only rich's own sequences for colours and the cursor pass.
    """

    def render_str(self, text: str, **how: Any) -> Text:
        # Before the layout, so that columns stay aligned.
        return super().render_str(printable(text), **how)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        # And here, for text inside rich's own objects.
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))


def console() -> Console:
    """A console for answers. It is new each time because tests replace the standard streams."""
    return PrintableConsole(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL, highlight=False, emoji=False)


def errors() -> Console:
    """A console for progress and errors."""
    return PrintableConsole(stderr=True, highlight=False, emoji=False, soft_wrap=True)


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
        cell = cell_writer()
        writer.writerows([cell(row[name]) for name in columns] for row in rows)
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
            table.add_column(name, justify="right" if numeric else "left", style=_STYLES.get(name), overflow="fold")
        for row in rows:
            table.add_row(*(_cell(row[name]) for name in filled))
        out.print(table)
    else:
        out.print(f"[dim]{escape(empty)}[/dim]")
    if footer:
        out.print(f"[dim]{escape(footer)}[/dim]")


def _cell(value: Any) -> Text:
    if value is None:
        return Text("–", style="dim")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, datetime):
        return Text(readable_instant(value))
    if isinstance(value, (Mapping, list, tuple)):
        return Text(json_text(value))
    return Text(printable_line(str(json_value(value))), style=_STYLES.get(str(value), ""))


def cell_writer() -> Callable[[Any], Any]:
    """Makes values cells of CSV for standard output."""
    return _csv_cell_on_a_terminal if sys.stdout.isatty() else csv_cell


def _csv_cell_on_a_terminal(value: Any) -> Any:
    """A cell with control characters escaped. Only a terminal gets this; a program gets the exact text."""
    cell = csv_cell(value)
    return printable_line(cell) if isinstance(cell, str) else cell


def readable_instant(instant: datetime) -> str:
    """An instant for people, in UTC; zero seconds are left out."""
    utc = instant.astimezone(UTC).replace(tzinfo=None)
    precision = "minutes" if not (utc.second or utc.microsecond) else "seconds"
    return utc.isoformat(" ", timespec=precision) + "Z"


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A progress bar on a terminal, nothing elsewhere."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=errors(),
        transient=True,
        disable=not sys.stderr.isatty(),
    ) as progress:
        yield progress
