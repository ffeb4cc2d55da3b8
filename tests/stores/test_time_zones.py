"""PostgreSQL on a machine in any time zone: instants at both ends of the calendar are read as they were written."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.export import export_rows, relation_named
from infra.app.verify import verify_store
from infra.queries.views import Asked
from infra.settings import Settings
from projections.views.catalogue import VIEWS, view_named
from tests.integration.messages import Document, booked, placed
from tests.stores.conftest import StoreUrl, lent_server, new_databases

pytestmark = pytest.mark.postgres

FIRST, LAST = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"
ORDINARY = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")
NEVER = placed("SO-2", "2025-03-03T09:00:00Z", LAST)
ANCIENT = placed("SO-3", FIRST, "0001-01-02T00:00:00Z")


@pytest.fixture(scope="module", params=["Pacific/Kiritimati", "America/Los_Angeles"])
def zone(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def server(zone: str) -> Iterator[str]:
    with lent_server(zone) as url:
        with psycopg.connect(url) as connection:
            assert connection.execute("SHOW timezone").fetchone() == (zone,)
        yield url


@pytest.fixture
def store(server: str) -> Iterator[StoreUrl]:
    with new_databases(server) as make:
        yield make


def read_in(waybill: Waybill, name: str, *messages: Document) -> None:
    waybill.ingest().read(JsonLines.of_bytes(name, "\n".join(map(json.dumps, messages)).encode()))
    waybill.project()


def test_a_promise_at_the_end_of_the_calendar_breaks_no_view_export_or_verify(store: StoreUrl, tmp_path: Path) -> None:
    with Waybill(Settings(store=store())) as waybill:
        # given an order that is promised for never, the usual way, and whose estimate has passed, among others
        read_in(waybill, "first", ORDINARY, NEVER, booked("SO-2", "2025-03-03T10:00:00Z", "2025-03-04T10:00:00Z"))
        # then all views answer, by both clocks
        for view in VIEWS:
            for asked in (Asked(), Asked(known_at=waybill.clock())):
                waybill.views.ask(view, asked)
        # and the promise is exported as it was written
        at_risk = relation_named(waybill.exports.relations, "at-risk")
        export_rows(waybill, at_risk, tmp_path / "orders.jsonl", Asked())
        exported = {row["order_id"]: row for row in map(json.loads, (tmp_path / "orders.jsonl").open())}
        assert exported["SO-2"]["promised_by"] == LAST
        assert list(verify_store(waybill).findings) == []


def test_an_order_of_the_first_day_breaks_no_view_and_no_batch_that_repeats_it(store: StoreUrl) -> None:
    with Waybill(Settings(store=store())) as waybill:
        # given an order of the year 1
        read_in(waybill, "first", ANCIENT)
        (row,) = waybill.views.ask(view_named("overdue"), Asked()).rows
        assert row["placed_at"].isoformat() == "0001-01-01T00:00:00+00:00"
        # when it is repeated among good messages, then these are taken
        read_in(waybill, "second", ANCIENT, ORDINARY, NEVER)
        orders = {row["order_id"] for row in waybill.views.ask(view_named("overdue"), Asked()).rows}
        assert orders == {"SO-1", "SO-3"}
        assert list(verify_store(waybill).findings) == []


def test_analysts_get_the_same_values_in_whatever_zone_their_session_is(store: StoreUrl, zone: str) -> None:
    with Waybill(Settings(store=store())) as waybill:
        read_in(waybill, "first", ORDINARY, NEVER, ANCIENT)
        url = waybill.settings.store

    def answers(session_zone: str) -> list[Any]:
        with psycopg.connect(url) as connection:
            connection.execute(f"SET TIME ZONE '{session_zone}'")
            return connection.execute(
                "SELECT order_id, extract(epoch FROM promised_by), hours_overdue, stage "
                "FROM waybill.overdue_deliveries('2025-06-15T12:00:00Z') ORDER BY order_id"
            ).fetchall()

    assert len(answers("UTC")) == 2
    assert answers(zone) == answers("UTC")


def test_every_session_sets_its_own_zone_and_formats(store: StoreUrl) -> None:
    url = store()
    name = url.rsplit("/", 1)[1]
    with psycopg.connect(url, autocommit=True) as connection:
        # given a database that would have its sessions speak of time in another way
        connection.execute(f"ALTER DATABASE {name} SET datestyle = 'German'")
        connection.execute(f"ALTER DATABASE {name} SET intervalstyle = 'iso_8601'")
    with Waybill(Settings(store=url)) as waybill:
        read_in(waybill, "first", ORDINARY, NEVER, ANCIENT)
        with waybill.engine.connect() as connection:
            assert connection.exec_driver_sql("SHOW timezone").scalar_one() == "UTC"
        recorder: Any = waybill.application.recorder
        with recorder.datastore.get_connection() as pooled:
            assert pooled.execute("SHOW timezone").fetchone() == {"TimeZone": "UTC"}
        assert list(verify_store(waybill).findings) == []
