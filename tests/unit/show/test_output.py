"""Answers, notes and errors of the command, whatever upstreams wrote into them."""

import json
import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from infra.cli.output import (
    Format,
    console,
    errors,
    show_error,
    show_json,
    show_note,
    show_record,
    show_rows,
    show_warning,
)

HOSTILE = "\x1b[2J \x9b31m \x07\r \u202eevil\u202c \u2066x\u2069 \u200f \u2028 \x85"
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def a_table_of_rich() -> None:
    table = Table("name")
    table.add_row(HOSTILE.replace("[", ""))
    table.add_row(Text(HOSTILE))
    console().print(table)


@pytest.mark.parametrize(
    "show",
    [
        lambda: show_rows(["name"], [{"name": HOSTILE}], Format.TABLE, title=HOSTILE, footer=HOSTILE),
        lambda: show_rows(["name"], [], Format.TABLE, empty=HOSTILE),
        lambda: show_rows(["lines"], [{"lines": [{"sku": HOSTILE}]}], Format.TABLE),
        lambda: show_rows(["name"], [{"name": HOSTILE}], Format.JSON),
        lambda: show_json({HOSTILE: HOSTILE}),
        lambda: show_record(HOSTILE, {"name": HOSTILE}),
        lambda: show_note(Format.TABLE, HOSTILE),
        lambda: show_note(Format.JSON, HOSTILE),
        lambda: show_error(HOSTILE),
        lambda: show_warning(HOSTILE),
        lambda: errors().print(escape(HOSTILE)),
        lambda: console().print(HOSTILE, markup=False, soft_wrap=True),
        lambda: console().print(Text(HOSTILE)),
        a_table_of_rich,
    ],
)
def test_nothing_that_a_terminal_obeys_is_printed(show: Callable[[], None], capsys: pytest.CaptureFixture[str]) -> None:
    show()
    out, err = capsys.readouterr()
    assert "evil" in out + err
    assert not FORBIDDEN.search(out + err)


def test_a_row_of_a_table_is_one_line_whatever_its_cells_say(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows(["name", "n"], [{"name": "Ann\nBob  7", "n": 1}], Format.TABLE)
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [["name", "n"], ["Ann\\nBob", "7", "1"]]


def test_json_means_what_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    show_json([{"name": HOSTILE, "cost": Decimal("1.50")}])
    assert json.loads(capsys.readouterr().out) == [{"name": HOSTILE, "cost": "1.50"}]


def test_csv_gives_a_program_what_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows(["name"], [{"name": "\u202eevil"}], Format.CSV)
    assert capsys.readouterr().out == "name\n\u202eevil\n"


def test_colours_still_reach_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    console().print(f"[red]{escape(HOSTILE)}[/red]")
    out = capsys.readouterr().out
    assert out.startswith("\x1b[31m")
    assert not FORBIDDEN.search(re.sub(r"\x1b\[[0-9;]*m", "", out))
