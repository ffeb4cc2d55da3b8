"""given orders with a promise, when a trend is asked for, then it tells how many were overdue at each instant."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from contextlib import suppress

from tests.integration.command import EXECUTABLE, Command
from tests.integration.messages import booked, confirmed, placed

DAYS = ("--since", "2025-03-06T12:00:00Z", "--until", "2025-03-10T00:00:00Z", "--every", "1d")


def test_a_trend_has_a_count_for_each_instant_and_each_rep(waybill: Command) -> None:
    waybill.ingest(
        placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-07T12:00:00Z"),
        booked("SO-1", "2025-03-03T10:00:00Z", "2025-03-07T12:00:00Z"),
        confirmed("SO-1", "2025-03-09T11:00:00Z"),
        placed("SO-2", "2025-03-03T09:00:00Z", "2025-03-08T11:59:59Z", rep_id=None),
    )

    found = waybill.ask("trend", "overdue", *DAYS, "--by", "rep")

    assert [(row["as_of"], row["rep_id"], row["orders"]) for row in found] == [
        ("2025-03-06T12:00:00Z", None, 0),
        ("2025-03-06T12:00:00Z", "rep-1", 0),
        ("2025-03-07T12:00:00Z", None, 0),
        ("2025-03-07T12:00:00Z", "rep-1", 0),  # at the very promise it is not overdue
        ("2025-03-08T12:00:00Z", None, 1),
        ("2025-03-08T12:00:00Z", "rep-1", 1),
        ("2025-03-09T12:00:00Z", None, 1),
        ("2025-03-09T12:00:00Z", "rep-1", 0),
    ]


def test_instants_that_cannot_be_counted_are_wrong_usage(waybill: Command) -> None:
    waybill.ingest(placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-07T12:00:00Z"))

    waybill("trend", "late", "--since", "2025-03-06", "--until", "2025-03-05").exited(
        2, "--until", "end before it begins"
    )
    waybill("trend", "overdue", "--since", "2025-03-06", "--every", "day").exited(2, "'day' is not an age")


def test_a_terminal_gets_a_chart_as_wide_as_it_is_and_a_pipe_the_numbers(waybill: Command) -> None:
    waybill.ingest(placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-07T12:00:00Z"))

    shown = on_terminal(waybill, "trend", "overdue", *DAYS, columns=70)

    assert "█" in shown and "last: 1 at 2025-03-09 12:00Z" in shown and "\x1b[31m" in shown
    assert max(len(line) for line in re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()) <= 70
    without_colours = on_terminal(waybill.with_(NO_COLOR="1"), "trend", "overdue", *DAYS, columns=70)
    assert "█" in without_colours and "\x1b[31m" not in without_colours
    # in a pipe, or if asked, the numbers
    table = waybill("trend", "overdue", *DAYS).done().text
    assert "█" not in table and "2025-03-08 12:00Z" in table
    assert "█" not in on_terminal(waybill, "trend", "overdue", *DAYS, "--no-chart", columns=70)
    assert "█" in waybill("trend", "overdue", *DAYS, "--chart").done().text
    waybill("trend", "overdue", *DAYS, "--chart", "--format", "json").exited(2, "leave out --format")


def on_terminal(waybill: Command, *arguments: str, columns: int) -> str:
    """What the command shows on a terminal of this width."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {**waybill.environment, "TERM": "xterm-256color"}
    env.pop("COLUMNS")
    process = subprocess.Popen([EXECUTABLE, *arguments], cwd=waybill.folder, env=env, stdin=its, stdout=its, stderr=its)
    os.close(its)
    shown = b""
    with suppress(OSError):  # the end of a terminal
        while some := os.read(ours, 65536):
            shown += some
    os.close(ours)
    assert process.wait() == 0, shown
    return shown.decode().replace("\r\n", "\n")
