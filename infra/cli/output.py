"""How answers are shown: tables for people, JSON and CSV for programs."""

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from infra.plain_values import csv_cell, plain

# A table that goes to a file or a pipe is not cut to the width of a terminal that is not there.
WIDTH_WITHOUT_TERMINAL = 240

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


def console() -> Console:
    """For answers; a new one each time, since tests exchange the standard streams."""
    return Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL, highlight=False, emoji=False)


def errors() -> Console:
    """For progress and complaints."""
    return Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)


def show_json(value: Any) -> None:
    """One JSON document."""
    sys.stdout.write(json.dumps(plain(value), ensure_ascii=False, indent=2) + "\n")


def say_aside(form: Format, about_the_answer: str) -> None:
    """Say something about an answer: below a table, or on standard error where a program reads the answer."""
    (console() if form is Format.TABLE else errors()).print(f"[dim]{escape(about_the_answer)}[/dim]")


def show_rows(
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    form: Format,
    *,
    title: str = "",
    footer: str = "",
    empty: str = "nothing",
) -> None:
    """Rows with these columns, in the asked-for form; title, footer and the word for no rows are for tables alone."""
    if form is Format.JSON:
        show_json([{name: row[name] for name in columns} for row in rows])
    elif form is Format.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([csv_cell(row[name]) for name in columns] for row in rows)
    else:
        _show_table(columns, rows, title, footer, empty)


def _show_table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], title: str, footer: str, empty: str) -> None:
    out = console()
    if title:
        out.print(f"[bold]{escape(title)}[/bold]")
    if rows:
        # A column that says nothing in any row only takes room from the others.
        telling = [name for name in columns if any(row[name] not in (None, "") for row in rows)]
        table = Table(show_edge=False, pad_edge=False, header_style="dim", box=None, padding=(0, 1))
        for name in telling:
            numeric = all(isinstance(row[name], (int, Decimal)) or row[name] is None for row in rows)
            table.add_column(name, justify="right" if numeric else "left", style=_STYLES.get(name), overflow="fold")
        for row in rows:
            table.add_row(*(_cell(row[name]) for name in telling))
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
        return Text(moment(value))
    if isinstance(value, (Mapping, list, tuple)):
        return Text(json.dumps(plain(value), ensure_ascii=False))
    return Text(printable(str(plain(value))), style=_STYLES.get(str(value), ""))


def printable(text: str) -> str:
    """Text with its control characters written out, so that none of them reaches a terminal."""
    return "".join(
        character if character.isprintable() or character in "\n\t" else ascii(character)[1:-1] for character in text
    )


def moment(instant: datetime) -> str:
    """An instant for people: to the minute where that says it all, in UTC."""
    utc = instant.astimezone(UTC).replace(tzinfo=None)
    exact = "minutes" if not (utc.second or utc.microsecond) else "seconds"
    return utc.isoformat(" ", timespec=exact) + "Z"
