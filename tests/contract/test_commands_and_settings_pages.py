"""docs/commands.md names every command, and docs/settings.md every setting with its default and its meaning."""

import re
from pathlib import Path

import pytest

from infra.cli.commands import PLACES
from infra.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"
COMMANDS_PAGE = (DOCS / "commands.md").read_text()
SETTINGS_PAGE = (DOCS / "settings.md").read_text()
README = (DOCS.parent / "README.md").read_text()
COMMANDS = [name for name, place in PLACES.items() if not place.hidden]
SETTINGS = {f"WAYBILL_{name.upper()}": field.description for name, field in Settings.model_fields.items()}


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_its_row(command: str) -> None:
    rows = [line for line in COMMANDS_PAGE.splitlines() if line.startswith(f"| `waybill {command}")]
    assert len(rows) >= 1, f"docs/commands.md has no `waybill {command}`"


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_setting_has_its_row_and_its_meaning(setting: str) -> None:
    (row,) = [line for line in SETTINGS_PAGE.splitlines() if line.startswith(f"| `{setting}` |")]
    assert f"| {SETTINGS[setting]} |" in row


def test_the_readme_names_only_commands_that_exist() -> None:
    named = set(re.findall(r"(?:`|^\$ |^)waybill ([a-z][a-z-]*)", README, re.MULTILINE))
    assert named - set(COMMANDS) == set()
    assert {"check", "doctor", "message", "order", "overdue"} <= named
