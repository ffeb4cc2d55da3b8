"""given a floor behind a server, then /v1/views answers as the command does, page by page, in three formats."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pyarrow.parquet
import pytest
import structlog
from typer.testing import CliRunner

from infra.cli.app import app
from projections.views.catalogue import VIEWS, View
from tests.integration.messages import placed
from tests.web.conftest import Served
from tests.web.floor import DATABASES, floor_on

CLOCKS = (
    {"as_of": "2026-06-20T12:00:00Z"},
    {"as_of": "2026-06-15T12:00:00Z", "known_at": "2026-06-15T12:00:00+02:00"},
)
CSV, PARQUET = {"Accept": "text/csv"}, {"Accept": "application/vnd.apache.parquet"}


@pytest.fixture(scope="module", params=DATABASES)
def floor(request: pytest.FixtureRequest) -> Iterator[Served]:
    with floor_on(request.param, request) as served:
        yield served


@pytest.fixture(scope="module")
def light(request: pytest.FixtureRequest) -> Iterator[Served]:
    """The floor on SQLite alone, where the store makes no difference."""
    with floor_on("sqlite", request) as served:
        yield served


def command(floor: Served, *arguments: str) -> Any:
    """What `waybill ... --format json` prints."""
    store, logs = floor.waybill.settings.store, structlog.get_config()
    ran = CliRunner().invoke(app, [*arguments, "--format", "json"], env={"WAYBILL_STORE": store})
    structlog.configure(**logs)
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


def rows(served: Served, view: str, **parameters: Any) -> Any:
    answer = served.client.get(f"/v1/views/{view}", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()["rows"]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.command)
def test_the_rows_of_a_view_are_those_that_the_command_prints(floor: Served, view: View) -> None:
    # Known-at reads the events alone, whichever database has them: on PostgreSQL one view is enough.
    on_sqlite = floor.waybill.settings.store.startswith("sqlite")
    for clocks in CLOCKS if on_sqlite or view.command == "overdue" else CLOCKS[:1]:
        options = [part for name, value in clocks.items() for part in (f"--{name.replace('_', '-')}", value)]
        assert rows(floor, view.command, limit=10_000, **clocks) == command(floor, view.command, *options)


def test_the_options_of_the_scorecard_and_the_workload_are_those_of_the_command(light: Served) -> None:
    clock = {"as_of": "2026-06-20T12:00:00Z"}
    for view, parameters, options in (
        ("scorecard", {"by": "team"}, ["--by", "team"]),
        ("rep_scorecard", {"month": "2026-05", "contacts": "true"}, ["--month", "2026-05", "--contacts"]),
        ("workload", {"contacts": "true"}, ["--contacts"]),
    ):
        told = command(light, view, *options, "--as-of", clock["as_of"])
        assert told
        assert rows(light, view, limit=10_000, **clock, **parameters) == told


def test_pages_follow_one_another_by_their_links(floor: Served) -> None:
    whole = rows(floor, "orders", sort="-order_value", limit=10_000)
    answer = floor.client.get("/v1/views/orders", params={"sort": "-order_value", "limit": 25, "total": "true"})
    assert answer.json()["total"] == len(whole)
    found = answer.json()["rows"]
    while "next" in answer.links:
        answer = floor.client.get(answer.links["next"]["url"])
        found += answer.json()["rows"]
    assert found == whole
    assert answer.json()["next"] is None


def test_csv_and_parquet_have_the_whole_answer_and_say_what_it_reflects(floor: Served) -> None:
    asked = {"as_of": "2026-06-20T12:00:00Z", "sort": "-hours_late"}
    whole = floor.client.get("/v1/views/late", params={**asked, "limit": 10_000}).json()
    in_csv = floor.client.get("/v1/views/late", params=asked, headers=CSV)
    in_parquet = floor.client.get("/v1/views/late", params=asked, headers=PARQUET)
    for answer in (in_csv, in_parquet):
        assert answer.headers["waybill-position"] == str(whole["position"])
        assert answer.headers["waybill-as-of"] == "2026-06-20T12:00:00Z"
    told = list(csv.DictReader(io.StringIO(in_csv.text)))
    assert [row["order_id"] for row in told] == [row["order_id"] for row in whole["rows"]]
    assert [row["hours_late"] for row in told] == [row["hours_late"] for row in whole["rows"]]
    table = pyarrow.parquet.read_table(io.BytesIO(in_parquet.content))
    assert [str(hours) for hours in table["hours_late"].to_pylist()] == [row["hours_late"] for row in whole["rows"]]


def test_a_limit_cuts_a_file_too(light: Served) -> None:
    in_csv = light.client.get("/v1/views/orders", params={"limit": 3}, headers=CSV)
    assert len(list(csv.DictReader(io.StringIO(in_csv.text)))) == 3


def test_a_file_for_spreadsheets_has_no_formulas(sqlite_web: Served) -> None:
    sqlite_web.seed(placed("=1+1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"))
    for told, first in (({}, "=1+1"), ({"for_spreadsheets": "true"}, "'=1+1")):
        answer = sqlite_web.client.get("/v1/views/orders", params=told, headers=CSV)
        assert next(csv.DictReader(io.StringIO(answer.text)))["order_id"] == first


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/json"),
        ("text/html, */*;q=0.1", "application/json"),
        ("text/csv;q=0.5, application/*;q=0.2", "text/csv; charset=utf-8"),
        ("application/json;q=0, application/*", "application/vnd.apache.parquet"),
    ],
)
def test_the_format_is_the_one_that_the_client_takes_most_gladly(light: Served, accept: str, media_type: str) -> None:
    answer = light.client.get("/v1/views/overdue", headers={"Accept": accept})
    assert answer.headers["content-type"] == media_type


WRONG = (
    ("/v1/views/orders?rep=rep-7", 400, "rep: orders has no column 'rep'; did you mean rep_id?"),
    ("/v1/views/orders?limit=0", 400, "limit: '0' is not a whole number from 1 to 10000"),
    ("/v1/views/orders?limit=5&limit=6", 400, "limit: is given 2 times; give it once"),
    ("/v1/views/orders?total=yes", 400, "total: 'yes' is neither true nor false"),
    ("/v1/views/orders?as_of=monday", 400, "as_of: 'monday' is not an instant; give one with offset, such as "),
    ("/v1/views/orders?for_spreadsheets=true", 400, "for_spreadsheets: is for CSV: send Accept: text/csv"),
    ("/v1/views/scorecard?month=2026-3", 400, "month: '2026-3' is not a month; give one as 2026-03"),
    ("/v1/views/carriers?month=2026-13", 400, "month: '2026-13' is not a month; give one as 2026-03"),
    ("/v1/views/scorecard?by=desk", 400, "by: 'desk' is not one of team, mentor"),
    ("/v1/views/overdu", 404, "there is no view 'overdu'; did you mean overdue?"),
    ("/v1/views/overdue?min_position=999999&wait=0", 503, "after 0 s the view reflects position "),
)


@pytest.mark.parametrize(("path", "status", "detail"), WRONG, ids=lambda value: str(value)[:40])
def test_what_is_wrong_is_told_as_a_problem(light: Served, path: str, status: int, detail: str) -> None:
    answer = light.client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["detail"].startswith(detail)
    assert ("retry-after" in answer.headers) == (status == 503)
    assert "--" not in answer.json()["detail"]


PARAMETERS = (
    ("as_of=2026-06-01&as_of=2026-06-02", "as_of", "is given 2 times; give it once"),
    ("known_at=monday", "known_at", "&#39;monday&#39; is not an instant"),
    ("month=2026-3", "month", "&#39;2026-3&#39; is not a month; give one as 2026-03"),
    ("rep_id=a%00", "rep_id", "no text has the character U+0000; leave it out"),
)


@pytest.mark.parametrize(("query", "parameter", "told"), PARAMETERS, ids=lambda value: str(value)[:20])
def test_a_page_and_the_api_refuse_the_same_parameters(light: Served, query: str, parameter: str, told: str) -> None:
    page = light.client.get(f"/scorecard?{query}", headers={"Accept": "text/html"})
    answer = light.client.get(f"/v1/views/scorecard?{query}")
    assert (page.status_code, answer.status_code, answer.json()["parameter"]) == (400, 400, parameter)
    assert f"{parameter}: {told}" in page.text
    assert answer.json()["detail"].startswith(f"{parameter}: {told.replace('&#39;', chr(39))}")


@pytest.mark.parametrize("query", ["", "?rep_id=", "?rep_id=a%00", "?rep_id=a&rep_id=b"])
def test_the_month_of_a_rep_needs_one_rep(light: Served, query: str) -> None:
    answer = light.client.get(f"/scorecard/month{query}")
    assert (answer.status_code, answer.json()["parameter"]) == (400, "rep_id")


def test_a_format_that_is_not_there_is_told_as_a_problem(light: Served) -> None:
    answer = light.client.get("/v1/views/overdue", headers={"Accept": "text/html"})
    assert answer.status_code == 406
    assert answer.json()["detail"].startswith("Accept: there are application/json, text/csv, ")


def test_every_view_is_listed_with_its_columns(light: Served) -> None:
    listed = light.client.get("/v1/views").json()
    assert [one["view"] for one in listed] == [view.command for view in VIEWS]
    for one in listed:
        (row, *_) = rows(light, one["view"], limit=1, as_of="2026-05-20") or [None]
        assert row is None or list(row) == [column["name"] for column in one["columns"]]
        assert all(column["meaning"] for column in one["columns"])
