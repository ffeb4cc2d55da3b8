"""A screen: the command runs in this process as if on a terminal of some size, and what it shows is read."""

import io
import re
from collections.abc import Mapping, Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from datetime import datetime
from typing import Any
from unittest.mock import patch

from infra.cli.app import command_line
from infra.cli.tables.cells import FREE_TEXT, cell
from infra.printable import printable

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Screen:
    """Runs commands on one store. Nothing is paged."""

    def __init__(self, store: str, width: int, height: int = 24, **env: str):
        # In its folder, as people work: so that its name is short.
        folder, _, name = store.removeprefix("sqlite:///").rpartition("/")
        self._folder = folder or "."
        self._env = {
            "WAYBILL_STORE": f"sqlite:///{name}",
            "TERM": "xterm",
            "PAGER": "cat",
            "COLUMNS": str(width),
            **env,
        }
        self._env |= {"LINES": str(height), "WAYBILL_LOG_LEVEL": "error", "WAYBILL_HOLD_HOURS": "1000000"}

    def show(self, *arguments: str) -> str:
        """What is on the screen after a command, without colours."""
        return COLOURS.sub("", self.show_coloured(*arguments))

    def show_coloured(self, *arguments: str) -> str:
        return _run(Terminal(), self._folder, self._env, arguments)

    def pipe(self, *arguments: str) -> str:
        """What the command writes to a pipe."""
        return _run(io.StringIO(), self._folder, self._env, arguments)


def _run(out: io.StringIO, folder: str, env: Mapping[str, str], arguments: Sequence[str]) -> str:
    with chdir(folder), patch.dict("os.environ", env), redirect_stdout(out), redirect_stderr(io.StringIO()):
        try:
            command_line()(args=list(arguments), standalone_mode=False)
        except SystemExit as e:
            assert e.code in (0, 1), e
    return out.getvalue()


def shown(value: Any) -> str:
    """How a table shows a value of a JSON answer."""
    if isinstance(value, str) and RFC3339.fullmatch(value):
        return cell(datetime.fromisoformat(value))
    return printable(cell(value))


def is_whole(column: str, value: Any) -> bool:
    """Whether a table must show this value unbroken."""
    return column not in FREE_TEXT and not isinstance(value, (dict, list))


def expect_rows_whole(screen: str, rows: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    """Each row of this answer is on the screen, each value of each shown column unbroken on one line, in the order of
    the columns; or all of it as records. Returns the names of the columns that are not shown."""
    columns = list(rows[0])
    lines = screen.splitlines()
    header = next((line.split() for line in lines if len(line.split()) > 1 and set(line.split()) <= set(columns)), None)
    if header is None:
        for row in rows:
            for column, value in row.items():
                if is_whole(column, value) and value not in (None, ""):
                    assert any(_is_field(lines, at, column, shown(value)) for at in range(len(lines))), (column, value)
        return ()
    for row in rows:
        cells = [re.escape(shown(row[name])) for name in header if is_whole(name, row[name])]
        wanted = re.compile(r"\s.*?".join(cells))
        assert any(wanted.search(line) for line in lines), (wanted.pattern, screen)
    return [name for name in columns if name not in header]


def _is_field(lines: Sequence[str], at: int, name: str, value: str) -> bool:
    """A record's field: its name and value on a line, or a long value alone on the next."""
    words = lines[at].split(maxsplit=1)
    if words == [name, value]:
        return True
    return words == [name] and at + 1 < len(lines) and lines[at + 1].strip() == value
