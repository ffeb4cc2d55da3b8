"""CSV for spreadsheets, in which no cell becomes a formula."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from infra.serialization import csv_cell

# Source: OWASP, "CSV Injection". Japanese and Chinese spreadsheets treat the full-width forms like the others. If a
# spreadsheet splits cells at semicolons or tabs, a formula may begin after one, quoted or not.
_UNSEEN = r"\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_formula_begins = re.compile(rf"(^|[;\t\r\n])([{_UNSEEN}]*)([=+\-@＝＋－＠])")
_blank_begins = re.compile("^[\t\r\n]")
AS_TEXT = "'"
"""The prefix that makes a spreadsheet treat a cell as text."""


def spreadsheet_cell(value: Any) -> Any:
    """A value as in `csv_cell`; a text that begins a formula gets an apostrophe in front.

    Numbers, instants and booleans stay unchanged. A text stays a text, even if it looks like a number.
    """
    cell = csv_cell(value)
    harmless = isinstance(value, Decimal | datetime | bool)
    return disarmed(cell) if isinstance(cell, str) and not harmless else cell


def disarmed(text: str) -> str:
    """The text with an apostrophe before everything that a spreadsheet would treat as the start of a formula."""
    if _blank_begins.match(text):
        text = AS_TEXT + text
    return _formula_begins.sub(rf"\1{AS_TEXT}\2\3", text)
