"""What analysts query in an SQLite store, with any client: views of the file, which explain themselves."""

import re
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from consumers.sources.json_lines import JsonLines
from infra.app.analysts import grant_analyst, revoke_analyst
from infra.app.container import Waybill
from infra.app.migrate import migrate_store
from infra.queries.views import Asked
from infra.settings import Settings
from infra.simulation import DEFAULT_UNTIL, simulate
from infra.sql_views import sqlite
from infra.sql_views.relations import NotAllowedError, relations
from projections.views.catalogue import VIEWS
from projections.views.tables import rep_periods
from tests.stores.histories import SCANS_OF_NO_SHIPMENT, STANDING_ORDERS

HOLD = timedelta(hours=72)
PLAIN = [view for view in VIEWS if not view.exact_decimals]
"""Views that any client of the file can read."""


def moved(floor: bytes, span: timedelta) -> bytes:
    """The same messages, with all their instants so much later: the same floor, whenever the test runs."""

    def later(instant: re.Match[bytes]) -> bytes:
        return (datetime.fromisoformat(instant[0].decode()) + span).isoformat().encode()

    return re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", later, floor)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A floor that goes on now, so that something is overdue and something at risk."""
    path = tmp_path_factory.mktemp("floor") / "floor.db"
    with Waybill(Settings(store=f"sqlite:///{path}")) as waybill:
        floor = b"\n".join([*simulate(200, 5, DEFAULT_UNTIL, wrong=0.1), *SCANS_OF_NO_SHIPMENT, *STANDING_ORDERS])
        waybill.ingest().read(JsonLines.of_bytes("floor", moved(floor, datetime.now(UTC) - DEFAULT_UNTIL)))
        waybill.project()
    time.sleep(1)  # the views count in whole seconds, and what came in this one is still to come for them
    return path


@pytest.fixture
def client(file: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    yield connection
    connection.close()


def shown(value: Any) -> Any:
    """A value of the service as a view of the file has it."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, Decimal):
        return format(value, "f")
    return int(value) if isinstance(value, bool) else value


def compared(rows: list[dict[str, Any]]) -> list[str]:
    """Rows in some order. Hours are numbers, here and there of another type."""
    return sorted(
        repr({name: float(v) if name.startswith("hours") and v is not None else v for name, v in row.items()})
        for row in rows
    )


@pytest.mark.parametrize("view", PLAIN, ids=[view.relation for view in PLAIN])
def test_every_view_says_what_the_command_says_now(client: sqlite3.Connection, file: Path, view: Any) -> None:
    while True:
        now = datetime.now(UTC).replace(microsecond=0)
        found = [dict(row) for row in client.execute(f"SELECT * FROM {view.relation}")]
        if now == datetime.now(UTC).replace(microsecond=0):
            break  # all within one second, which is what the views count in
    with Waybill(Settings(store=f"sqlite:///{file}"), clock=lambda: now) as waybill:
        said = waybill.views.ask(view, Asked())
    assert found
    assert list(found[0]) == list(said.columns)
    assert compared(found) == compared([{name: shown(value) for name, value in row.items()} for row in said.rows])


def test_dead_letters_are_a_view_too(client: sqlite3.Connection, file: Path) -> None:
    with Waybill(Settings(store=f"sqlite:///{file}")) as waybill:
        said = waybill.dead_letters.dead(waybill.clock(), discarded=True)
    found = [dict(row) for row in client.execute("SELECT * FROM dead_letters")]
    assert {letter.verdict for letter in said} == {"refused", "malformed"}
    assert compared(found) == compared([{name: shown(value) for name, value in row._asdict().items()} for row in said])


def test_order_states_are_to_be_read_too(client: sqlite3.Connection) -> None:
    (row,) = client.execute("SELECT * FROM order_states ORDER BY order_id, valid_from LIMIT 1").fetchall()
    (text,) = client.execute("SELECT * FROM order_states_readable ORDER BY order_id, valid_from LIMIT 1").fetchall()
    since = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=row["valid_from"])
    assert text["valid_from"] == shown(since)
    assert {**dict(text), "valid_from": None}.keys() == dict(row).keys()


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (-1_000_000, "1969-12-31T23:59:59.000000Z"),
        (1_772_439_245_000_001, "2026-03-02T08:14:05.000001Z"),
        (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
        (-62_135_596_800_000_000, "0001-01-01T00:00:00.000000Z"),
    ],
)
def test_instants_are_shown_to_the_microsecond(tmp_path: Path, microseconds: int, text: str) -> None:
    with Waybill(Settings(store=f"sqlite:///{tmp_path / 'store.db'}")) as waybill:
        sqlite.define(waybill.engine, relations(HOLD))
        with waybill.engine.begin() as connection:
            connection.exec_driver_sql(
                f"INSERT INTO {rep_periods} (rep_id, valid_from, name, level, registered) "
                "VALUES ('rep-7', ?, 'Ann', 'senior', 1)",
                (microseconds,),
            )
            found = connection.exec_driver_sql("SELECT valid_from FROM rep_periods_readable").scalar_one()
    assert found == text


def test_definitions_say_what_the_columns_mean(client: sqlite3.Connection) -> None:
    for relation in relations(HOLD):
        assert relation.description
        if relation.exact_decimals:
            assert not client.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (relation.name,)).fetchall()
            continue
        named = {"name": relation.name if relation.table is None else f"{relation.name}_readable"}
        (definition,) = client.execute("SELECT sql FROM sqlite_master WHERE name = :name", named).fetchone()
        for column, meaning in relation.column_docs.items():
            assert meaning, f"{relation.name}.{column} has no comment"
            assert f"-- {column}: {meaning}" in definition


def test_views_are_recreated_when_they_change(tmp_path: Path) -> None:
    settings = Settings(store=f"sqlite:///{tmp_path / 'store.db'}")
    with Waybill(settings) as waybill:
        # given a file that another version made
        other = [replace(r, description="Said otherwise.") if r.name == "follow_ups" else r for r in relations(HOLD)]
        assert sqlite.define(waybill.engine, other)
        assert not sqlite.define(waybill.engine, other)
        # when this one opens it to project, or migrates it
        migrate_store(settings)
        # then nothing is left to do
        assert not sqlite.define(waybill.engine, relations(HOLD))


def test_a_file_has_no_roles(tmp_path: Path) -> None:
    with Waybill(Settings(store=f"sqlite:///{tmp_path / 'store.db'}")) as waybill:
        with pytest.raises(NotAllowedError, match="the store is a file"):
            grant_analyst(waybill, "analyst")
        with pytest.raises(NotAllowedError, match="the store is a file"):
            revoke_analyst(waybill, "analyst")
