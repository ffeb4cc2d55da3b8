"""given a year of a sales desk, then the scorecards are to the cent what an independent calculation makes of it, on
both databases and by both clocks.
"""

import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.verify import verify_store
from infra.queries.views import Asked
from infra.serialization import json_value
from infra.settings import Settings
from infra.telemetry.logs import configure_logs
from projections.views.catalogue import View
from projections.views.scorecard_totals import Grouping
from projections.views.variants import scorecard_view
from tests.oracle.floor import assert_same
from tests.oracle.naive import Naive
from tests.oracle.naive_reading import Row
from tests.oracle.naive_scorecards import Scorecards, contacts, month_at, scorecards, totals
from tests.oracle.naive_views import plain
from tests.oracle.sales_year import MONTH_ENDS, ZONE, SalesYear
from tests.stores.conftest import StoreUrl, new_databases

NOW = MONTH_ENDS[-1] + timedelta(days=300)
"""After everything was heard of."""
ORDERS, SEED = 260, 7
DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(scope="module")
def year() -> SalesYear:
    return SalesYear(ORDERS, SEED)


@pytest.fixture(scope="module")
def naive(year: SalesYear) -> Naive:
    return Naive(year.lines, clock=NOW)


@pytest.fixture(scope="module", params=DATABASES)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreUrl]:
    if request.param == "postgresql":
        with new_databases(request.getfixturevalue("postgres_server")) as make:
            yield make
    else:
        yield lambda: f"sqlite:///{tmp_path_factory.mktemp('year')}/year.db"


@pytest.fixture(scope="module")
def service(store: StoreUrl, year: SalesYear) -> Iterator[Waybill]:
    settings = Settings(store=store(), time_zone=ZONE, log_level="error", batch_events=500)
    configure_logs(settings)
    with Waybill(settings, clock=lambda: NOW) as waybill:
        ingest = waybill.ingest(honour_recordedtime=True)
        source = JsonLines("year", lambda: io.BytesIO(b"\n".join(year.lines)), batch_lines=500)
        ingest.finish(ingest.read(source).feed_id)
        waybill.project()
        yield waybill


def asked(service: Waybill, view: View, as_of: datetime | None, known_at: datetime | None = None) -> list[Row]:
    return [json_value(row) for row in service.views.ask(view, Asked(as_of, known_at)).rows]


def written(rows: list[Row]) -> list[Row]:
    return [{name: plain(value) for name, value in row.items()} for row in rows]


def compare(service: Waybill, naive: Naive, as_of: datetime | None, known_at: datetime | None = None) -> None:
    subjects, _ = naive.settled(as_of, known_at, as_of or NOW)
    found = asked(service, scorecard_view(), as_of, known_at)
    assert_same("scorecard", found, written(scorecards(subjects, ZONE)))
    assert found == sorted(found, key=by_month_and_best_first)


def by_month_and_best_first(row: Row) -> tuple[str, str, Decimal, int, str]:
    rep = row["rep_id"] or ""
    return (row["month"], row["currency"], -Decimal(row["placed_value"]), len(rep), rep)


def test_the_year_has_all_that_it_should_have(naive: Naive) -> None:
    subjects, verdicts = naive.settled(None, None, NOW)
    cards = Scorecards(subjects, ZONE)
    rows = cards.rows()
    assert list(verdicts.values()).count("applied") > 1_000
    orders = cards.orders
    assert cards.ties >= 3
    assert sum(month_at(order.placed_at, ZONE) != month_at(order.placed_at, "UTC") for order in orders) > 10
    assert sum(order.completed is not None and order.completed["rep_id"] != order.rep for order in orders) > 5
    assert sum(order.is_cancelled for order in orders) > 4
    assert sum(order.reinstated is not None for order in orders) > 2
    assert sum(order.reopened_at is not None for order in orders) > 10
    assert sum(row["bonus"] not in (None, 0) for row in rows) > 15
    assert sum(row["expedites_met"] for row in rows) > 3
    assert {row["currency"] for row in rows} == {"USD", "EUR", "JPY"}
    assert any(row["rep_id"] is None for row in rows)


def test_the_scorecards_of_the_present(service: Waybill, naive: Naive) -> None:
    compare(service, naive, None)


@pytest.mark.parametrize("as_of", MONTH_ENDS[::2])
def test_the_scorecards_as_of_month_ends(service: Waybill, naive: Naive, as_of: datetime) -> None:
    compare(service, naive, as_of)
    compare(service, naive, as_of - timedelta(microseconds=1))


@pytest.mark.parametrize("known_at", MONTH_ENDS[3::5])
def test_the_scorecards_as_known_at_month_ends(service: Waybill, naive: Naive, known_at: datetime) -> None:
    compare(service, naive, known_at, known_at)
    compare(service, naive, None, known_at)


@pytest.mark.parametrize("by", Grouping)
@pytest.mark.parametrize("as_of", [None, MONTH_ENDS[5]])
def test_the_totals_and_contacts_of_teams_and_mentors(
    service: Waybill, naive: Naive, as_of: datetime | None, by: Grouping
) -> None:
    subjects, _ = naive.settled(as_of, None, as_of or NOW)
    expected = {key(row, by.column): row for row in written(totals(subjects, ZONE, by.column))}
    found = {key(row, by.column): row for row in asked(service, scorecard_view(by, contacts=True), as_of)}
    assert found == expected
    without = [{n: v for n, v in row.items() if not n.startswith("contacts_")} for row in expected.values()]
    assert {key(row, by.column): row for row in asked(service, scorecard_view(by), as_of)} == {
        key(row, by.column): row for row in without
    }


def test_the_contacts_of_each_rep(service: Waybill, naive: Naive) -> None:
    subjects, _ = naive.settled(None, None, NOW)
    spoken = contacts(subjects, ZONE)
    rows = asked(service, scorecard_view(contacts=True), None)
    kinds = ("order", "inquiry", "account_update", "promotion")
    assert [[row[f"contacts_{kind}"] for kind in kinds] for row in rows] == [
        [spoken.get((row["rep_id"], row["month"], kind), 0) for kind in kinds] for row in rows
    ]
    # and the other columns are those without contacts
    plain_rows = asked(service, scorecard_view(), None)
    assert [{name: row[name] for name in plain_rows[0]} for row in rows] == plain_rows


def test_what_was_known_stays_known(service: Waybill, naive: Naive) -> None:
    """Later messages change the present, and not what was known; the order of arrival changes neither."""
    first, now = MONTH_ENDS[2], asked(service, scorecard_view(), MONTH_ENDS[2])
    then = asked(service, scorecard_view(), first, first)
    assert then != now
    total = sum(float(row["commission"] or 0) for row in then)
    assert total > 0


def test_nothing_that_is_kept_differs_from_what_the_events_say(service: Waybill) -> None:
    assert verify_store(service).findings == []


def key(row: dict[str, Any], by: str) -> tuple[Any, ...]:
    return row[by], row["month"], row["currency"]
