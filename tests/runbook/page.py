"""The incidents of docs/runbook.md, each with the commands that an operator types and the output that the page shows.

A console block of the page has commands after `$ `, each followed by its output:

    ```console
    $ waybill status
    Books
    received  applied  …
    ```

`play` runs such a block's commands for real, and compares. What the page shows must come in that order. `…` stands for
anything, also for left out columns, and a line that is `…` alone for left out lines. Runs of spaces count as one.
Instants, durations, ids that are drawn and what the machine decides are equal to others of their kind.
"""

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.integration.command import Command, Ran

PAGE = Path(__file__).parents[2] / "docs" / "runbook.md"

_INSTANT = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|\+00)"
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_DURATION = r"\d+(?:\.\d+)? ?(?:ms|s|seconds?|minutes?|hours?|days?)\b"
_BYTES = r"\d+(?:\.\d+)?(?: ?[kMGT]i?B|[KMGT])\b"
DRAWN = re.compile(f"{_INSTANT}|{_UUID}|{_DURATION}|{_BYTES}")


class Shown(NamedTuple):
    """A command as the page shows it, with its output."""

    command: str
    output: Sequence[str]

    @property
    def words(self) -> list[str]:
        return shlex.split(self.command)


def incidents() -> list[str]:
    """The titles of all incidents, in order."""
    return re.findall(r"^## (?:\d+\. )(.+)$", PAGE.read_text(), re.MULTILINE)


def blocks(incident: str) -> list[list[Shown]]:
    """The console blocks of an incident, in order."""
    parts = re.split(r"^## (?:\d+\. )?(.+)$", PAGE.read_text(), flags=re.MULTILINE)
    (text,) = [body for title, body in zip(parts[1::2], parts[2::2], strict=True) if title == incident]
    return console_blocks(text)


def console_blocks(text: str) -> list[list[Shown]]:
    """The console blocks of a page or a part of it, in order."""
    return [_shown(block) for block in re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]


def _shown(block: str) -> list[Shown]:
    found: list[Shown] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append(Shown(line[2:], []))
        else:
            assert found, f"a console block begins with a command after '$ ', not with {line!r}"
            found[-1] = Shown(found[-1].command, [*found[-1].output, line])
    return found


class Player:
    """Plays the blocks of one incident one after another.

    `hidden` are texts of this test that the page shows otherwise, such as a prefix of topics or a folder: each is
    replaced in what the commands print, and put back into what is typed. `others` run commands that are not Waybill's,
    by their first word, and get whatever is typed, pipes too; behind Waybill's a pipe leads to `grep` or `grep -v`.
    """

    def __init__(
        self,
        incident: str,
        waybill: Command,
        *,
        hidden: Mapping[str, str] | None = None,
        others: Mapping[str, Callable[[Sequence[str]], str]] | None = None,
    ):
        self._blocks = blocks(incident)
        self._waybill = waybill
        self._hidden = dict(hidden or {})
        self._others = dict(others or {})
        self._played = 0

    def play(self, *, exits: Sequence[int] | int = 0, waybill: Command | None = None) -> list[Ran]:
        """Run the commands of the next block, and compare what they print with the page.

        `exits` is the exit code of all of Waybill's commands, or one for each.
        """
        block = self._blocks[self._played]
        self._played += 1
        own = [shown for shown in block if shown.words[0] == "waybill"]
        codes = iter([exits] * len(own) if isinstance(exits, int) else exits)
        ran: list[Ran] = []
        for shown in block:
            words = [self._typed(word) for word in shown.words]
            filters: list[list[str]] = []
            if words[0] == "waybill":
                words, *filters = _piped(words)
                # No line is broken at the width of a terminal.
                wide = (waybill or self._waybill).with_(COLUMNS="1000")
                done = wide(*words[1:]).exited(next(codes))
                ran.append(done)
                said = done.text + done.err
            else:
                said = self._others[words[0]](words)
            for one in filters:
                said = _grep(one, said)
            for text, instead in self._hidden.items():
                said = said.replace(text, instead)
            # What a failed test shows, and what the page is written from.
            print(f"$ {shown.command}\n{said}")
            assert_shown(shown, said)
        return ran

    def _typed(self, word: str) -> str:
        for text, instead in self._hidden.items():
            word = word.replace(instead, text) if instead else word
        return word

    def over(self) -> None:
        """All blocks of the page were played."""
        assert self._played == len(self._blocks), f"{len(self._blocks) - self._played} blocks were not played"


def _piped(words: Sequence[str]) -> list[list[str]]:
    """The commands between `|`."""
    commands: list[list[str]] = [[]]
    for word in words:
        if word == "|":
            commands.append([])
        else:
            commands[-1].append(word)
    return commands


def _grep(words: Sequence[str], said: str) -> str:
    program, *options, text = words
    assert program == "grep" and options in ([], ["-v"]), words
    return "".join(line for line in said.splitlines(keepends=True) if (text in line) is not bool(options))


def assert_shown(shown: Shown, said: str) -> None:
    """What the page shows is what the command said, in that order and but for what is left out."""
    lines = [_plain(line) for line in said.splitlines() if line.strip()]
    at = 0
    for expected in (line for line in shown.output if line.strip() and line.strip() != "…"):
        pattern = re.compile(".*".join(re.escape(_plain(part)) for part in expected.split("…")) + "$")
        found = next((n for n in range(at, len(lines)) if pattern.match(lines[n])), None)
        assert found is not None, f"$ {shown.command}\nthe page shows: {expected}\nthe command said:\n{said}"
        at = found + 1


def _plain(line: str) -> str:
    return DRAWN.sub("◦", " ".join(line.split()))
