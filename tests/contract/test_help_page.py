"""docs/help.md shows what `waybill help TOPIC` prints, and both name only what exists."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text

from infra.cli.app import command_line
from infra.cli.help import topics
from infra.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "help.md").read_text()
SETTINGS = {f"WAYBILL_{name.upper()}" for name in Settings.model_fields}
COMMAND = re.compile(r"waybill ((?:[a-z][a-z-]*)(?: (?:list|show|redrive))?)")
SCREEN = (80, 24)


def test_the_page_shows_every_topic_as_the_command_prints_it() -> None:
    shown = re.findall(r"## waybill help ([a-z-]+)\n\n```\n(.*?)```\n", PAGE, re.DOTALL)
    assert dict(shown) == dict(topics())


@pytest.mark.parametrize("topic", topics())
def test_a_topic_fits_a_screen_and_names_what_exists(topic: str) -> None:
    text = topics()[topic]
    columns, lines = SCREEN
    assert all(len(line) < columns for line in text.splitlines())
    assert len(text.splitlines()) < lines
    assert set(re.findall(r"WAYBILL_[A-Z_]+[A-Z]", text)) <= SETTINGS
    for path in COMMAND.findall(text):
        found = command_line()
        for word in path.split():
            assert word in found.commands, f"{topic}: waybill {path}"
            found = found.commands[word]  # type: ignore[assignment]


def every_command(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    if not hasattr(group, "commands"):
        yield " ".join(path), group
        return
    if path:
        yield " ".join(path), group
    for name, command in group.commands.items():
        yield from every_command(command, (*path, name))


def test_no_help_of_an_option_is_taken_for_markup() -> None:
    """What stands in brackets at the end of a help, such as its default, is markup to the help's renderer, and lost."""
    texts = {
        f"{name} {option.opts[0]}": option.help or ""
        for name, command in every_command(command_line())
        for option in command.params
        if hasattr(option, "help")
    }
    assert len(texts) > 100
    assert {name: text for name, text in texts.items() if Text.from_markup(text).plain != text} == {}
