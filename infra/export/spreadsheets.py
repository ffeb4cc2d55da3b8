"""CSV that a spreadsheet may open: no cell of it is taken for a formula."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from infra.serialization import csv_cell

# Source: OWASP, "CSV Injection". The full-width forms are those that a Japanese or Chinese spreadsheet takes for the
# others. Where a spreadsheet parts cells at semicolons or tabs, a formula may begin behind one, quoted or not.
_UNSEEN = r"\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_formula_begins = re.compile(rf"(^|[;\t\r\n])([{_UNSEEN}]*)([=+\-@＝＋－＠])")
_blank_begins = re.compile("^[\t\r\n]")
AS_TEXT = "'"
"""What a spreadsheet takes for "this is text", in front of a cell."""


def spreadsheet_cell(value: Any) -> Any:
    """A value as `csv_cell` gives it; a text that begins a formula has an apostrophe before it.

    Numbers, instants and booleans stay what they are. A text stays a text, even one that looks like a number.
    """
    cell = csv_cell(value)
    harmless = isinstance(value, Decimal | datetime | bool)
    return disarmed(cell) if isinstance(cell, str) and not harmless else cell


def disarmed(text: str) -> str:
    """The text with an apostrophe before whatever a spreadsheet would take for the beginning of a formula."""
    if _blank_begins.match(text):
        text = AS_TEXT + text
    return _formula_begins.sub(rf"\1{AS_TEXT}\2\3", text)
