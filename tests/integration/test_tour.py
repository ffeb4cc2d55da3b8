"""The commands of README.md and docs/tour.md print what these pages show."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from infra.app.container import Waybill
from infra.settings import Settings
from tests.integration.command import Command
from tests.runbook.page import Shown, assert_shown, console_blocks
from tests.stores.conftest import postgres_server, postgres_store

__all__ = ["postgres_server", "postgres_store"]  # fixtures of that folder which are used here

ROOT = Path(__file__).parents[2]
README, TOUR = ROOT / "README.md", ROOT / "docs" / "tour.md"
TOUR_FILE = ".waybill/tour.jsonl"


def play(waybill: Command, page: Path) -> int:
    """Run every command of the page's console blocks and compare; returns how many there were."""
    played = [shown for block in console_blocks(page.read_text()) for shown in block]
    for shown in played:
        assert_shown(shown, said_by(waybill.with_(COLUMNS="1000"), shown))
    return len(played)


def said_by(waybill: Command, shown: Shown) -> str:
    """Like a shell: `|` leads to the next command, `>` to a file."""
    command, _, file = shown.command.partition(" > ")
    said, errors = b"", ""
    for part in command.split(" | "):
        name, *arguments = shlex.split(part)
        assert name == "waybill"
        ran = waybill(*arguments, stdin=said).done()
        said, errors = ran.out, errors + ran.err
    if file:
        (waybill.folder / file).write_bytes(said)
        return errors
    return said.decode() + errors


@pytest.fixture
def touring(waybill: Command) -> Command:
    """The command with the folder that the tour makes."""
    (waybill.folder / TOUR_FILE).parent.mkdir()
    return waybill


def test_the_tour_shows_what_its_commands_print(touring: Command) -> None:
    assert play(touring, TOUR) == 9


def test_the_readme_shows_what_its_commands_print_after_the_first_ingest_of_the_tour(touring: Command) -> None:
    touring("ingest", "-", "--history", stdin=touring("example").done().out).done()

    assert play(touring, README) == 4


@pytest.mark.postgres
def test_the_query_of_the_tour_finds_the_order_that_is_overdue(
    waybill: Command, postgres_store: Callable[[], str]
) -> None:
    url = postgres_store()
    lines = waybill("example").done().out + waybill("example", "later").done().out
    waybill.with_(WAYBILL_STORE=url)("ingest", "-", stdin=lines).done()
    (query,) = re.findall(r'psql "\$WAYBILL_STORE" -c "(.+)"', TOUR.read_text())

    with Waybill(Settings(store=url)) as service, service.engine.connect() as connection:
        assert connection.execute(text(query)).all() == [("rep-7", 1)]


def test_the_readme_is_short() -> None:
    assert len(README.read_bytes()) <= 14_000
    assert len(README.read_text().splitlines()) <= 200
