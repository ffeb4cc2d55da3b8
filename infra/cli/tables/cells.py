"""How values are written in the cells of tables."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from infra.printable import printable_line
from infra.serialization import json_text, json_value

STYLES = {
    "applied": "green",
    "duplicate": "cyan",
    "held": "yellow",
    "refused": "red",
    "malformed": "red",
    "hours_overdue": "red",
    "overdue": "red",
    "at_risk": "yellow",
}


def cell(value: Any) -> Text:
    """A value as the cell of a table: one line."""
    if value is None:
        return Text("–", style="dim")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, datetime):
        return Text(readable_instant(value))
    if isinstance(value, (Mapping, list, tuple)):
        return Text(json_text(value))
    return Text(printable_line(str(json_value(value))), style=STYLES.get(str(value), ""))


def readable_instant(instant: datetime) -> str:
    """An instant for people, in UTC; zero seconds are left out."""
    utc = instant.astimezone(UTC).replace(tzinfo=None)
    precision = "minutes" if not (utc.second or utc.microsecond) else "seconds"
    return utc.isoformat(" ", timespec=precision) + "Z"
