"""docs/analysts.md: every query of the page runs unchanged and gives the command's answer."""

import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from consumers.sources.json_lines import JsonLines
from infra.app.analysts import grant_analyst
from infra.app.container import Waybill
from infra.app.rebuild.rebuild import Rebuild
from infra.serialization import json_value
from infra.settings import Settings
from infra.simulation import DEFAULT_UNTIL, simulate
from infra.sql_views.relations import belief_relations, relations
from infra.store.operator_log import Who
from projections.catalogue import BITEMPORAL
from tests.integration.command import Command
from tests.stores.test_analysts_schema import HOLD, as_role

PAGE = (Path(__file__).parents[2] / "docs" / "analysts.md").read_text("utf-8")
BLOCK = re.compile(
    r"(?:<!-- (?P<on>on SQLite)?(?:, )?(?:as: (?P<twin>.+?))? -->\n)?```(?P<kind>sql|python)\n(?P<code>.*?)```",
    re.DOTALL,
)
FLOOR = b"\n".join(simulate(300, 5, DEFAULT_UNTIL, wrong=0.05, history=True))


class Question(NamedTuple):
    sql: str
    twin: str | None
    """The command that answers the same."""


def questions(*, on_sqlite: bool) -> list[Question]:
    found = [block for block in BLOCK.finditer(PAGE) if block["kind"] == "sql"]
    return [Question(block["code"], block["twin"]) for block in found if bool(block["on"]) is on_sqlite]


def fill(url: str) -> None:
    with Waybill(Settings(store=url)) as waybill:
        waybill.ingest(honour_recordedtime=True).read(JsonLines.of_bytes("floor", FLOOR))
        Rebuild(waybill, Who("tests")).run(BITEMPORAL)
        waybill.project()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("floor") / "floor.db"
    fill(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="module")
def stores(postgres_server: str) -> Iterator[tuple[str, str]]:
    """A filled store, as its owner and as a role that was let in."""
    # Names of its own: another worker may do the same on this server.
    base, name = postgres_server.rsplit("/", 1)[0], f"waybill_test_page_{uuid4().hex[:8]}"
    role = f"{name}_reader"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        connection.execute(f"CREATE ROLE {role} LOGIN")
    owner = f"{base}/{name}"
    fill(owner)
    with Waybill(Settings(store=owner)) as waybill:
        assert grant_analyst(waybill, role) == []
    yield owner, as_role(owner, role)
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"DROP ROLE {role}")


def comparable(name: str, value: Any) -> Any:
    """A value in one form, whoever said it."""
    if isinstance(value, datetime | Decimal):
        value = json_value(value)
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000000Z", value):
        return value.replace(".000000", "")
    return float(value) if name.startswith("hours") and value is not None else value


def agrees(found: list[dict[str, Any]], said: list[dict[str, Any]], *, clock_runs: bool) -> None:
    common = [name for name in found[0] if name in said[0] and not (clock_runs and name.startswith("hours"))]
    assert len(common) > 3
    assert [[comparable(name, row[name]) for name in common] for row in found] == [
        [comparable(name, row[name]) for name in common] for row in said
    ]


@pytest.mark.postgres
@pytest.mark.parametrize("question", questions(on_sqlite=False), ids=lambda question: str(question.twin))
def test_a_question_to_postgresql(waybill: Command, stores: tuple[str, str], question: Question) -> None:
    owner, reader = stores
    with psycopg.connect(reader, row_factory=dict_row) as connection:
        found = connection.execute(question.sql).fetchall()
    assert found
    if question.twin is not None:
        said = waybill.with_(WAYBILL_STORE=owner).ask(*question.twin.split())
        agrees(found, said, clock_runs="--as-of" not in question.twin)


@pytest.mark.parametrize("question", questions(on_sqlite=True), ids=lambda question: str(question.twin))
def test_a_question_to_sqlite(waybill: Command, file: Path, question: Question) -> None:
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
        connection.row_factory = sqlite3.Row
        found = [dict(row) for row in connection.execute(question.sql)]
    assert found
    if question.twin is not None:
        said = waybill.with_(WAYBILL_STORE=f"sqlite:///{file}").ask(*question.twin.split())
        agrees(found, said, clock_runs="--as-of" not in question.twin)


@pytest.mark.postgres
def test_psql_asks_them_all(stores: tuple[str, str]) -> None:
    psql = shutil.which("psql") or next(map(str, Path("/usr/lib/postgresql").glob("*/bin/psql")), None)
    if psql is None:
        pytest.skip("needs psql, which comes with PostgreSQL")
    asked_all = "\n".join(question.sql for question in questions(on_sqlite=False))
    command = [psql, "--no-psqlrc", "--csv", "--set", "ON_ERROR_STOP=1", stores[1]]
    ran = subprocess.run(command, input=asked_all, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.count("\n") > 100


@pytest.mark.postgres
def test_what_was_missed_by_week_is_what_the_orders_say(waybill: Command, stores: tuple[str, str]) -> None:
    owner, reader = stores
    by_week = next(q.sql for q in questions(on_sqlite=False) if "still_open" in q.sql)
    with psycopg.connect(reader, row_factory=dict_row) as connection:
        weeks = connection.execute(by_week).fetchall()
    orders = waybill.with_(WAYBILL_STORE=owner).ask("orders")
    assert sum(week["missed"] for week in weeks) == sum(order["on_time"] is False for order in orders)
    assert sum(week["still_open"] for week in weeks) == len(waybill.with_(WAYBILL_STORE=owner).ask("overdue"))


@pytest.mark.postgres
def test_the_notebook_runs(stores: tuple[str, str]) -> None:
    (code,) = [block["code"] for block in BLOCK.finditer(PAGE) if block["kind"] == "python"]
    seen: dict[str, Any] = {"STORE": stores[1]}
    exec(code, seen)
    by_day = seen["by_day"]
    worst = next(q.sql for q in questions(on_sqlite=False) if "of_businesses" in q.sql)
    with psycopg.connect(stores[1], row_factory=dict_row) as connection:
        said = connection.execute(worst).fetchall()
    assert dict(zip(by_day["day"], by_day["overdue"], strict=True)) == {
        row["day"]: row["overdue"] for row in said if row["overdue"]
    }
    # instants have a zone and hours are decimals
    assert "time_zone=" in str(by_day.schema["day"])
    assert "Decimal" in str(by_day.schema["hours_overdue"])


def test_the_page_names_every_relation() -> None:
    listed = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert listed == {relation.name for relation in (*relations(HOLD), *belief_relations())}
    assert len(questions(on_sqlite=False)) >= 12


def test_the_page_shows_what_restated_answers_on_the_tours_store(waybill: Command) -> None:
    example = waybill.folder / "tour.jsonl"
    example.write_bytes(waybill("example").done().out)
    waybill("ingest", example, "--history").done()
    shown = re.search(r"```\n\$ waybill (?P<command>restated .*)\n(?P<answer>(?:.*\n)+?)```", PAGE)
    assert shown is not None
    answered = [line.rstrip() for line in waybill(*shown["command"].split()).done().text.splitlines()]
    assert answered[: len(shown["answer"].splitlines())] == shown["answer"].splitlines()
