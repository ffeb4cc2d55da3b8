"""given a store with a simulated floor and terminals of some sizes, then people can read and copy what tables show."""

import json
import re
from functools import cache
from typing import Any

import pytest
import typer

from infra.app.backup import back_up
from infra.app.container import Waybill
from infra.app.diff import TableDiff
from infra.app.keys import create_key
from infra.cli.diffs import COLUMNS as DIFF_COLUMNS
from infra.settings import Settings
from infra.store.keys import Role
from infra.store.operator_log import Who
from infra.store.projected.failures import record_failures
from infra.store.projected.serving import tables_in_use
from projections.failures import Failure
from projections.order_states import ORDER_STATES, order_states
from projections.shipments import SHIPMENTS
from projections.views.catalogue import VIEWS
from tests.integration.screen import Screen, expect_rows_whole, shown
from tests.simulated_store import FLOOR_ENDS, fill_with_floor

SIZES = ((80, 24), (120, 40), (200, 50))
ROWS = "12"
AS_OF = ("--as-of", FLOOR_ENDS.isoformat())
VIEW_COMMANDS = [(view.command, *AS_OF, "--limit", ROWS) for view in VIEWS]
LISTS = [
    *VIEW_COMMANDS,
    ("workload", "--contacts", *AS_OF),
    ("scorecard", "--by", "team", "--contacts", *AS_OF, "--limit", ROWS),
    ("quote", "--mode", "courier", *AS_OF),
    (
        "trend",
        "overdue",
        "--since",
        "2026-06-01",
        "--until",
        "2026-06-20",
        "--every",
        "5d",
        "--by",
        "carrier",
        "--no-chart",
    ),
    ("dead-letters", "list", "--limit", ROWS),
    ("dead-letters", "list", "--by", "source,type,reason", "--limit", ROWS),
    ("held", "list", "--limit", ROWS),
    ("events", "--limit", ROWS),
]
"""Commands with --columns and --wide, whose JSON is a list of rows."""
OTHERS = [("settings",), ("keys", "list"), ("parked", "list"), ("react", "--dry-run"), ("diff", "overdue")]
"""Commands without them."""
PARTS = [("status",), ("verify",), ("doctor",), ("balance", "--limit", "5", "--operator", "ann")]
"""Commands with several tables."""
MATCHING = {"letter_id": 16, "example": 16}
"""Columns that tables shorten, because the beginning of the id is enough for every command."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('screens')}/waybill.db"
    with Waybill(Settings(store=url), clock=lambda: FLOOR_ENDS) as waybill:
        fill_with_floor(waybill, 80, wrong=0.1)
    return url


@pytest.fixture(scope="module")
def troubled(store: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A copy of the store with a key, a parked subject and a row that a rebuild would change."""
    copy = tmp_path_factory.mktemp("troubled") / "waybill.db"
    back_up(Settings(store=store), copy)
    with Waybill(Settings(store=f"sqlite:///{copy}"), clock=lambda: FLOOR_ENDS) as waybill:
        create_key(waybill, {Role.READ}, "the dashboard in the hall", Who("ann", "it shows what is late"))
        failed = Failure("SO-100003", 12, "IntegrityError: no such carrier: Northline", FLOOR_ENDS)
        with waybill.engine.begin() as connection:
            record_failures(connection, SHIPMENTS, [failed])
            table = tables_in_use(connection, ORDER_STATES)[order_states]
            connection.exec_driver_sql(f"UPDATE {table.name} SET reference = 'changed' WHERE order_id = 'SO-100003'")
    return f"sqlite:///{copy}"


@pytest.fixture(scope="module", params=SIZES, ids=["80x24", "120x40", "200x50"])
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    found: tuple[int, int] = request.param
    return found


def named(arguments: tuple[str, ...]) -> str:
    return " ".join(word for word in arguments if word not in AS_OF)


def rows_of(store: str, *arguments: str) -> list[dict[str, object]]:
    return [
        {name: str(value)[: MATCHING[name]] if name in MATCHING else value for name, value in row.items()}
        for row in json_of(store, *arguments)
    ]


@cache
def json_of(store: str, *arguments: str) -> Any:
    return json.loads(Screen(store, 80).pipe(*arguments, "--format", "json"))


def not_shown(screen: str) -> set[str]:
    """The columns that the line below a table names."""
    found = re.search(r"^(?:left out|empty|shortened): .*?all:\s+--", screen, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"\w+", found[0])) if found else set()


@pytest.mark.parametrize("arguments", LISTS, ids=named)
def test_a_list_shows_ids_instants_and_numbers_whole_and_names_what_it_leaves_out(
    store: str, size: tuple[int, int], arguments: tuple[str, ...]
) -> None:
    rows = rows_of(store, *arguments)
    assert rows, "the floor has no such rows"

    screen = Screen(store, *size).show(*arguments)

    hidden = expect_rows_whole(screen, rows)
    assert set(hidden) - {"example_reason"} <= not_shown(screen), screen
    assert all(len(line) <= size[0] for line in screen.splitlines()), screen


@pytest.mark.parametrize("arguments", OTHERS, ids=named)
def test_other_tables_do_the_same(troubled: str, size: tuple[int, int], arguments: tuple[str, ...]) -> None:
    in_json_only = {*TableDiff._fields, "samples"} - {*DIFF_COLUMNS} if arguments[0] == "diff" else set()
    found = rows_of(troubled, *arguments)
    rows = [{name: row[name] for name in row if name not in in_json_only} for row in found]
    assert rows, "the store has no such rows"

    screen = Screen(troubled, *size).show(*arguments)

    assert all(len(line) <= size[0] for line in screen.splitlines()), screen
    hidden = expect_rows_whole(screen, rows)
    with_values = {name for name in hidden if any(row[name] not in (None, "", {}) for row in rows)}
    assert with_values <= not_shown(screen), screen


@pytest.mark.parametrize("arguments", PARTS, ids=named)
def test_no_line_of_an_answer_in_parts_is_longer_than_the_screen(
    store: str, size: tuple[int, int], arguments: tuple[str, ...]
) -> None:
    screen = Screen(store, *size).show(*arguments)
    assert len(screen.splitlines()) > 2
    assert all(len(line) <= size[0] for line in screen.splitlines()), screen


def test_status_shows_each_projection_on_a_line(store: str, size: tuple[int, int]) -> None:
    status = json_of(store, "status")
    screen = Screen(store, *size).show("status")
    for each in status["projections"]:
        assert re.search(rf"^{each['name']} +{each['version']} +{each['position']} ", screen, re.MULTILINE)


def test_an_order_shows_its_state_and_says_in_words_what_happened(store: str, size: tuple[int, int]) -> None:
    orders = rows_of(store, "orders", *AS_OF, "--limit", "6")
    fitting = 0
    for row in orders:
        order_id = str(row["order_id"])
        screen = Screen(store, *size).show("order", order_id)
        answer = json_of(store, "order", order_id)
        assert all(len(line) <= size[0] for line in screen.splitlines()), screen
        for entry in answer["timeline"]:
            assert entry["event"] not in screen
            at = entry["took_effect_at"] or entry["occurred_at"] or entry["recorded_at"]
            assert at[:10] + " " + at[11:16] in screen
        titles = {line.strip() for line in screen.splitlines()}
        assert {"Lines", "Timeline"} <= titles or size[1] < 40, screen
        assert ("Messages not taken" in titles) == bool(answer["order"]["untaken_messages"]), screen
        assert "→" not in screen or "verdict changed" in screen
        fitting += len(screen.splitlines()) <= size[1]
    assert fitting >= len(orders) / 2


def test_an_order_says_in_words_what_is_owed_to_its_customer(store: str) -> None:
    (owing,) = rows_of(store, "follow-ups", *AS_OF, "--limit", "1")

    screen = Screen(store, 120).show("order", str(owing["order_id"]), *AS_OF)

    assert f"owed since {shown(owing['owed_since'])}" in screen
    assert "{" not in screen


@pytest.mark.parametrize("arguments", [*LISTS, ("order", "SO-100003")], ids=named)
def test_in_a_pipe_each_row_is_a_line_with_all_columns(store: str, arguments: tuple[str, ...]) -> None:
    screen = Screen(store, 80)
    written = screen.pipe(*arguments)

    assert "\x1b" not in written
    assert "left out" not in written and "shortened" not in written
    if arguments[0] == "order":
        return
    rows = rows_of(store, *arguments)
    assert set(expect_rows_whole(written, rows)) <= {"example_reason"}


def test_wide_shows_all_columns_on_one_line_each(store: str) -> None:
    rows = rows_of(store, "overdue", *AS_OF)
    screen = Screen(store, 80).show("overdue", *AS_OF, "--wide")
    assert expect_rows_whole(screen, rows) == []


def test_columns_are_chosen_in_every_format(store: str) -> None:
    chosen = ("overdue", *AS_OF, "--columns", "stage,order_id")
    rows = rows_of(store, *chosen)
    assert list(rows[0]) == ["stage", "order_id"]
    assert Screen(store, 80).pipe(*chosen, "--format", "csv").splitlines()[0] == "stage,order_id"
    assert Screen(store, 80).show(*chosen).splitlines()[1].split() == ["stage", "order_id"]
    for event in rows_of(store, "events", "--limit", "2", "--columns", "stream,position"):
        assert list(event) == ["stream", "position"]
    header, *_ = Screen(store, 80).pipe("events", "--limit", "2", "--columns", "stream", "--format", "csv").splitlines()
    assert header == "stream"


@pytest.mark.parametrize("command", ["overdue", "workload", "scorecard", "dead-letters", "held", "events"])
def test_an_unknown_column_is_refused_with_the_nearest(store: str, command: str) -> None:
    with pytest.raises(typer.BadParameter, match=r"there is no column typ.*The columns are .*"):
        Screen(store, 80).show(command, "--columns", "typ")
    with pytest.raises(typer.BadParameter, match=r"did you mean stage\?"):
        Screen(store, 80).show("overdue", "--columns", "order_id,stag")


def test_colours_mean_verdicts_lateness_and_risk_and_can_be_switched_off(store: str) -> None:
    coloured = Screen(store, 80, NO_COLOR="").show_coloured("overdue", *AS_OF, "--columns", "stage,hours_overdue")
    assert re.search(r"\x1b\[31m\d+\.\d\d", coloured)
    assert not re.search(r"\x1b\[3\dm\w*(booked|to_book|in_transit)", coloured)
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        screen = Screen(store, 80, 24, **{name: value})
        plain = screen.show_coloured("overdue", *AS_OF, "--columns", "stage,hours_overdue")
        assert not re.search(r"\x1b\[3\d", plain)
