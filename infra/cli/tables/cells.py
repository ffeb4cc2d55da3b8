"""How values are written in the cells of tables."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from domain.verdict import Verdict
from infra.printable import printable_line
from infra.serialization import json_text, json_value

NOTHING = "–"
"""What a cell without a value shows."""
FREE_TEXT = frozenset(
    {
        *("reason", "cancel_reason", "delay_reason", "example_reason", "revoked_reason", "why"),
        *("what_changed", "what", "change", "changes", "problem", "meaning", "note", "name", "remedy"),
        *(
            "columns",
            "views",
            "data",
            "earlier_verdicts",
            "ignored",
            "expected",
            "found",
            "now",
            "then",
            "rebuilt",
            "was",
            "is",
        ),
    }
)
"""Columns that may wrap or be shortened. Any other holds ids, instants, numbers or single words."""
VERDICT_COLUMNS = frozenset({"verdict", "verdict_before", "voids", "before", "after"})
LATE, RISK, NOTHING_STYLE = "red", "yellow", "dim"
VERDICT_STYLES = {
    Verdict.APPLIED.value: "green",
    Verdict.DUPLICATE.value: "cyan",
    Verdict.HELD.value: RISK,
    Verdict.REFUSED.value: LATE,
    Verdict.MALFORMED.value: LATE,
}
STYLES: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(VERDICT_COLUMNS, VERDICT_STYLES),
    "level": {"wrong": LATE, "warning": RISK},
    "state": {"failed": LATE, "needs rebuild": RISK, "paused": RISK},
    "on_time": {"no": LATE},
}
"""Colours of values, by column."""
COUNT_STYLES = {"hours_overdue": LATE, "overdue": LATE, "at_risk": RISK}
"""Colours of numbers above zero, by column."""

_INSTANT = re.compile(r"""(?<!["\w])\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?[+]00:00""")


def cell(value: Any) -> str:
    """A value as the cell of a table: one line, without what a terminal would obey."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return readable_instant(value)
    if isinstance(value, (Mapping, list, tuple)):
        return json_text(value)
    return printable_line(str(json_value(value)))


def text_cell(value: Any) -> str:
    """Free text as the cell of a table: like any other, with the instants that Waybill wrote as people read them.

    Those in quotes are a sender's, and stay as they were sent.
    """
    return _INSTANT.sub(lambda found: readable_instant(datetime.fromisoformat(found[0])), cell(value))


def cell_style(column: str, value: Any) -> str:
    """The colour of a cell; empty for most. A colour means a verdict, something overdue, or a risk."""
    if value is None:
        return NOTHING_STYLE
    if column in COUNT_STYLES:
        return COUNT_STYLES[column] if isinstance(value, (int, Decimal)) and value > 0 else ""
    return STYLES.get(column, {}).get(cell(value), "")


def is_free_text(column: str, values: Sequence[Any]) -> bool:
    """Whether the cells of a column may be wrapped or shortened."""
    return column in FREE_TEXT or any(isinstance(value, (Mapping, list, tuple)) for value in values)


def is_numeric(values: Sequence[Any]) -> bool:
    """Whether a column is aligned to the right."""
    return all(value is None or isinstance(value, (int, Decimal)) for value in values)


def readable_instant(instant: datetime) -> str:
    """An instant for people, in UTC; zero seconds are left out."""
    utc = instant.astimezone(UTC).replace(tzinfo=None)
    precision = "minutes" if not (utc.second or utc.microsecond) else "seconds"
    return utc.isoformat(" ", timespec=precision) + "Z"
