"""A pager for answers that are longer than the terminal.

An answer on a terminal is held until it ends, or until it is longer than the screen: then a pager shows it, and what is
still to come. PAGER names another one than `less`; with PAGER=cat, or where there is none, all is printed at once.
Leaving the pager early, by q or Ctrl-C, is no error: the rest of the answer is dropped, and the command ends with its
own exit code.
"""

import atexit
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, TextIO

DEFAULT_PAGER = "less"
OPTIONS_OF_LESS = "FRX"
"""It ends by itself where all fits the screen, passes colours on, and leaves the answer on the screen."""
NO_PAGERS = ("", "cat")

_switched_off = False


def switch_off() -> None:
    """Page nothing from now on: for a command that shows answers and goes on."""
    global _switched_off
    _switched_off = True


def was_left() -> bool:
    """Whether the pager was left early, so that nobody reads the rest of the answer."""
    return isinstance(sys.stdout, PagedOutput) and sys.stdout.was_left


def begin_answer(height: int, width: int) -> None:
    """From now on, what is printed on the terminal is an answer. Does nothing without a terminal or a pager."""
    command = pager_command(os.environ)
    if _switched_off or command is None or isinstance(sys.stdout, PagedOutput) or not sys.stdout.isatty():
        return
    paged = PagedOutput(sys.stdout, sys.stderr, command, height, width)
    atexit.register(paged.end)
    sys.stdout = paged
    if sys.stderr.isatty():
        sys.stderr = paged  # so that warnings stay in their place


def pager_command(env: Mapping[str, str]) -> Sequence[str] | None:
    """The pager with its arguments; None for no pager."""
    if env.get("TERM", "dumb") in ("dumb", "unknown"):
        return None
    try:
        words = shlex.split(env.get("PAGER", DEFAULT_PAGER))
    except ValueError:  # an unclosed quotation
        return None
    if " ".join(words) in NO_PAGERS or shutil.which(words[0]) is None:
        return None
    return words


class PagedOutput:
    """Standard output that goes to the terminal, or through a pager once it is longer than the screen."""

    def __init__(self, terminal: TextIO, errors: TextIO, command: Sequence[str], height: int, width: int):
        self._terminal = terminal
        self._errors = errors
        self._command = command
        self._height, self._width = height, width
        self._held: list[str] = []
        self._lines = 0
        self._pager: subprocess.Popen[str] | None = None
        self._ended = False
        self.was_left = False

    def write(self, text: str) -> int:
        if self._ended:
            return self._terminal.write(text)
        if self._pager is not None:
            if not self.was_left:
                self._send(text)
            return len(text)
        self._held.append(text)
        self._lines += sum(1 + len(line) // self._width for line in text.split("\n")[1:])
        if self._lines >= self._height:
            self._start()
        return len(text)

    def flush(self) -> None:
        if self._ended:
            self._terminal.flush()

    def isatty(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._terminal, name)

    def end(self) -> None:
        """Print what is held, or wait until the pager is left."""
        self._ended = True
        if self._pager is None:
            self._terminal.write("".join(self._held))
            self._terminal.flush()
            return
        assert self._pager.stdin is not None
        with suppress(BrokenPipeError):
            self._pager.stdin.close()
        self._pager.wait()

    def _start(self) -> None:
        env = {**os.environ, "LESS": os.environ.get("LESS", OPTIONS_OF_LESS)}
        self._terminal.flush()
        self._pager = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=self._terminal.fileno(),
            env=env,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        # Ctrl-C is the pager's: it stops reading, or ends, and then so do we.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._send("".join(self._held))
        self._held.clear()

    def _send(self, text: str) -> None:
        assert self._pager is not None and self._pager.stdin is not None
        try:
            self._pager.stdin.write(text)
            self._pager.stdin.flush()
        except BrokenPipeError:
            self._leave()

    def _leave(self) -> None:
        """The pager was left: drop the rest of the answer, but show errors, and take Ctrl-C again."""
        self.was_left = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if sys.stderr is self:
            sys.stderr = self._errors
