"""A CSV file for spreadsheets: no cell that an upstream wrote begins a formula."""

import csv
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from infra.export.formats import FORMATS, file_format
from infra.export.spreadsheets import spreadsheet_cell
from projections.table import ValueType


@pytest.mark.parametrize("beginning", list("=+-@\t\r\n＝＋－＠"), ids=ascii)
@pytest.mark.parametrize("before", ["", " ", "\ufeff", "\u200b", "\x00"], ids=ascii)
def test_a_text_that_begins_a_formula_is_a_text_for_a_spreadsheet(before: str, beginning: str) -> None:
    text = f"{before}{beginning}HYPERLINK(A1)"
    if before and beginning in "\t\r\n":
        return
    assert spreadsheet_cell(text) == f"'{text}"


@pytest.mark.parametrize("separator", [";", "\t", "\n"], ids=ascii)
def test_a_formula_behind_what_other_spreadsheets_part_cells_at_is_a_text(separator: str) -> None:
    assert spreadsheet_cell(f'x"{separator}=1+1') == f"x\"{separator}'=1+1"


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (-5, -5),
        (Decimal("-1.50"), "-1.50"),
        (None, None),
        (True, "true"),
        (datetime(2026, 6, 1, tzinfo=UTC), "2026-06-01T00:00:00Z"),
        ("SO-10248", "SO-10248"),
        ("a - b = c", "a - b = c"),
        ([{"line": "=1"}], '[{"line": "=1"}]'),
    ],
    ids=repr,
)
def test_all_else_stays_what_it_is(value: Any, cell: Any) -> None:
    assert spreadsheet_cell(value) == cell


def test_a_file_for_spreadsheets_differs_from_the_usual_one_by_that_alone(tmp_path: Path) -> None:
    columns = {"name": ValueType.TEXT, "cost": ValueType.AMOUNT}
    rows = [("=cmd|' /C calc'!A0", Decimal("-7.10")), ('Ann, "the" rep', None)]
    read = {}
    for for_spreadsheets in (False, True):
        path = tmp_path / f"{for_spreadsheets}.csv"
        with file_format(".csv", for_spreadsheets=for_spreadsheets)(path, columns) as write:
            write(rows)
        read[for_spreadsheets] = list(csv.reader(path.open(newline="")))
    assert read[False] == [["name", "cost"], ["=cmd|' /C calc'!A0", "-7.10"], ['Ann, "the" rep', ""]]
    assert read[True] == [["name", "cost"], ["'=cmd|' /C calc'!A0", "-7.10"], ['Ann, "the" rep', ""]]


def test_json_lines_escape_what_a_terminal_obeys(tmp_path: Path) -> None:
    path = tmp_path / "view.jsonl"
    with FORMATS[".jsonl"](path, {"name": ValueType.TEXT}) as write:
        write([("\x9b2J\u202e",)])
    assert path.read_bytes() == b'{"name":"\\u009b2J\\u202e"}\n'
