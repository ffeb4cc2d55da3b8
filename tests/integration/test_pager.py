"""given a terminal, then an answer that is longer than it goes through a pager, and any other is printed at once."""

import fcntl
import json
import os
import pty
import select
import shutil
import struct
import subprocess
import termios
import time
from pathlib import Path
from uuid import uuid4

import pytest

from infra.app.container import Waybill
from infra.cli.pager import pager_command
from infra.settings import Settings
from tests.integration.command import EXECUTABLE
from tests.integration.screen import Screen, expect_rows_whole
from tests.simulated_store import FLOOR_ENDS, fill_with_floor

AS_OF = ("--as-of", FLOOR_ENDS.isoformat())
LONG = ("orders", *AS_OF)
MARKS_LINES = "sed s/^/paged:/"
PATIENCE = 60
"""Seconds until a screen must show what is waited for."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('pager')}/waybill.db"
    with Waybill(Settings(store=url), clock=lambda: FLOOR_ENDS) as waybill:
        fill_with_floor(waybill, 60)
    return url


class OnTerminal:
    """The command, as it runs on a terminal of 80x24."""

    def __init__(self, store: str, *arguments: str, pager: str):
        self._terminal, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        env = {"PATH": os.environ["PATH"], "WAYBILL_STORE": store, "TERM": "xterm", "PAGER": pager, "LANG": "C.UTF-8"}
        self._process = subprocess.Popen(
            [EXECUTABLE, *arguments],
            env=env,
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(inside)
        self.shown = ""

    def read(self, until: str = "\0") -> str:
        """What is shown up to a text, or until it ends."""
        while until not in self.shown:
            assert select.select([self._terminal], [], [], PATIENCE)[0], self.shown
            try:
                more = os.read(self._terminal, 65_536)
            except OSError:  # nobody has the terminal open any more
                break
            self.shown += more.decode()
        return self.shown

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def is_running(self) -> bool:
        return self._process.poll() is None

    def code(self) -> int:
        """The exit code, when it has ended."""
        self.read()
        os.close(self._terminal)
        return self._process.wait(timeout=PATIENCE)


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"TERM": "xterm", "PAGER": "sh -c 'more'"}, ["sh", "-c", "more"]),
        ({"TERM": "xterm", "PAGER": "cat"}, None),
        ({"TERM": "xterm", "PAGER": ""}, None),
        ({"TERM": "xterm", "PAGER": "no-such-pager -x"}, None),
        ({"TERM": "xterm", "PAGER": "'unclosed"}, None),
        ({"TERM": "dumb", "PAGER": "sh"}, None),
        ({}, None),
    ],
)
def test_the_environment_names_the_pager(env: dict[str, str], words: list[str] | None) -> None:
    assert pager_command(env) == words


def test_an_answer_longer_than_the_screen_is_paged_to_its_last_line(store: str) -> None:
    command = OnTerminal(store, *LONG, pager=MARKS_LINES)
    assert command.code() == 0
    lines = command.shown.splitlines()
    assert len(lines) > 24
    assert all(line.startswith("paged:") for line in lines)
    assert "reflects position" in command.shown


def test_a_short_answer_is_printed_at_once(store: str) -> None:
    command = OnTerminal(store, *LONG, "--limit", "3", pager=MARKS_LINES)
    assert command.code() == 0
    assert "reflects position" in command.shown
    assert "paged:" not in command.shown


def test_leaving_the_pager_early_is_no_error(store: str) -> None:
    command = OnTerminal(store, "events", "--wide", pager="head -n 2")
    assert command.code() == 0
    assert len(command.shown.splitlines()) == 2


def test_a_command_that_fails_fails_though_its_pager_was_left(store: str, tmp_path: Path) -> None:
    (tmp_path / "wrong.jsonl").write_text("part\n" * 3_000)

    command = OnTerminal(store, "check", str(tmp_path / "wrong.jsonl"), "--limit", "3000", pager="head -n 2")

    assert command.code() == 1
    assert "no line is a message" in command.shown  # an error is shown, though nobody reads the answer


@pytest.mark.skipif(shutil.which("less") is None, reason="needs less")
def test_ctrl_c_in_the_pager_is_no_error(store: str) -> None:
    command = OnTerminal(store, *LONG, pager="less")
    command.read(until="order_id")
    command.type("\x03")
    # less forgets what was typed before it took note of Ctrl-C.
    until = time.monotonic() + PATIENCE
    while command.is_running() and time.monotonic() < until:
        command.type("q")
        time.sleep(0.2)
    assert command.code() == 0
    assert "Traceback" not in command.shown


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux (apt-get install tmux)")
@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 50)])
def test_nothing_is_broken_on_the_screen_of_tmux(store: str, tmp_path: Path, width: int, height: int) -> None:
    orders = ("orders", *AS_OF, "--limit", "4")
    rows = json.loads(Screen(store, width).pipe(*orders, "--format", "json"))
    order = ("order", str(rows[0]["order_id"]))
    env = f"WAYBILL_STORE={store} TERM=xterm PAGER=cat LANG=C.UTF-8"
    script = "; ".join(f"env {env} {EXECUTABLE} {' '.join(words)}" for words in (orders, order))
    tmux = ["tmux", "-L", f"waybill-{uuid4().hex}", "-f", "/dev/null"]
    size = ("-x", str(width), "-y", str(height))
    subprocess.run([*tmux, "new-session", "-d", "-c", tmp_path, *size, f"{script}; echo whole; cat"], check=True)
    try:
        screen = ""
        until = time.monotonic() + PATIENCE
        while "\nwhole" not in screen and time.monotonic() < until:
            time.sleep(0.1)
            captured = subprocess.run([*tmux, "capture-pane", "-p", "-S", "-"], check=True, capture_output=True)
            screen = captured.stdout.decode()
    finally:
        subprocess.run([*tmux, "kill-server"], check=True)

    assert "\nwhole" in screen
    assert "left out: " in screen
    expect_rows_whole(screen, rows)
    timeline = json.loads(Screen(store, width).pipe(*order, "--format", "json"))["timeline"]
    for entry in timeline:
        assert entry["took_effect_at"] is None or entry["took_effect_at"][:16].replace("T", " ") in screen
