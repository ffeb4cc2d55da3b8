"""given a floor behind a server, then each view has a table page with filters, sort, pages, files and both clocks."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Event
from urllib.parse import quote

import pyarrow.parquet
import pytest

from consumers.contract.writing import instant_text
from consumers.sources.json_lines import JsonLines
from infra.queries.view_today import COMPARED
from infra.queries.views import Asked
from infra.web.pages.render import environment
from infra.web.pages.table_cells import COUNTS, kind_of
from infra.web.pages.table_declarations import TABLES, table_of
from infra.web.pages.table_page import ALL_OF, Widget
from projections.table import ValueType
from projections.views.catalogue import VIEWS, View, view_named
from tests.integration.messages import Document, booked, delayed, message, placed, registered
from tests.web.conftest import Served
from tests.web.floor import DATABASES, NOW, floor_on
from tests.web.reading_html import cells_of, links_of

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
HOSTILE = "<script>alert('x')</script>\"onload=\"\u202egnp.exe"
DAY = "2026-06-01T09:00:00Z"
PROMISE = "2026-06-10T16:00:00Z"
MIDSUMMER = datetime(2026, 6, 20, 12, tzinfo=UTC)


@pytest.fixture(scope="module", params=DATABASES)
def floor(request: pytest.FixtureRequest) -> Iterator[Served]:
    with floor_on(request.param, request) as served:
        yield served


@pytest.fixture(scope="module")
def light(request: pytest.FixtureRequest) -> Iterator[Served]:
    """The floor on SQLite alone, where the store makes no difference."""
    with floor_on("sqlite", request) as served:
        yield served


def html(served: Served, address: str, status: int = 200) -> str:
    answer = served.client.get(address, headers=HTML)
    assert answer.status_code == status, answer.text
    return answer.text


def first_cells(page: str) -> list[str]:
    """The first cell of each row of the page's tables, without the head and without flags."""
    return [row[0].split(" ")[0] for row in cells_of(page)[1:]]


def import_history(served: Served, *messages: Document) -> None:
    """Take messages that say when they were recorded (`recordedtime`), and project them."""
    pipeline = served.waybill.ingest(honour_recordedtime=True)
    content = b"\n".join(json.dumps(one).encode() for one in messages)
    pipeline.finish(pipeline.read(JsonLines.of_bytes("history", content)).feed_id)
    served.waybill.project()


# -- declarations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.command)
def test_every_view_is_declared_and_every_declared_column_exists(view: View) -> None:
    declared = TABLES[view.command]

    named = {*declared.columns, *declared.headings, *(one.column for one in declared.filters)}
    assert named <= set(view.columns)
    assert len(set(declared.columns)) == len(declared.columns)
    for one in declared.filters:
        kind = view.described[one.column].type
        if one.widget is Widget.CHOICE:
            assert one.column in ALL_OF
        assert (one.widget is Widget.DATES) == (kind is ValueType.INSTANT)
        assert (one.widget is Widget.YES_NO) == (kind is ValueType.BOOLEAN)


def test_no_page_is_declared_for_a_view_that_is_gone() -> None:
    assert {view.command for view in VIEWS} >= set(TABLES)


def test_a_view_without_a_declaration_shows_all_its_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    view = view_named("late")
    monkeypatch.delitem(TABLES, "late")

    assert table_of(view).columns == view.columns


def test_every_column_of_every_view_has_a_way_to_be_shown() -> None:
    macro = environment.get_template("table_macros.html")
    assert macro is not None
    counts = {column.name for view in VIEWS for column in view.described.values() if kind_of(column) == "count"}
    assert counts == set(COUNTS)


# -- rows --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.command)
def test_the_page_of_a_view_has_the_rows_of_the_view(light: Served, view: View) -> None:
    rows = light.waybill.views.ask(view, Asked(MIDSUMMER)).rows

    page = html(light, f"/{view.command}?limit=1000&columns=all&as_of={instant_text(MIDSUMMER)}")

    shown = cells_of(page)
    assert len(shown) - 1 == len(rows)
    assert len(shown[0]) == len(view.columns) + len(table_of(view).added)
    assert f"{len(rows)} row" in page
    assert f"reflects position {light.waybill.runner.position()}" in page
    if view.key[0] in ("order_id", "tracking_number", "standing_order_id", "carrier"):
        assert [row[0].split(" ")[0] for row in shown[1:]] == [str(row[view.key[0]]).split(" ")[0] for row in rows]


def test_rows_lead_to_the_order_the_rep_and_the_account_by_the_same_clocks(light: Served) -> None:
    row = light.waybill.views.ask(view_named("overdue"), Asked(NOW)).rows[0]

    links = links_of(html(light, "/overdue?as_of=2026-07-02T09:00:00Z"))

    for kind in ("order", "rep", "account"):
        path = f"/{kind}s/{quote(row[f'{kind}_id'], safe='')}"
        assert any(link.startswith(path) and "as_of=2026-07-02T09%3A00%3A00Z" in link for link in links)


def test_a_filter_a_sort_and_a_limit_in_the_address_narrow_the_page(floor: Served) -> None:
    asked = "/orders?segment=b2b&status=open&status=delivered&min.order_value=100&sort=-order_value&columns=all&limit=7"
    expected = floor.waybill.view_pages.page(
        view_named("orders"),
        Asked(),
        {"segment": ["b2b"], "status": ["open", "delivered"], "min.order_value": ["100"]},
        sort="-order_value",
        limit=7,
        counted=True,
    )

    page = html(floor, asked)

    assert first_cells(page) == [row["order_id"] for row in expected.rows]
    assert f"{expected.total} rows" in page
    assert 'aria-sort="descending"' in page


def test_pages_of_rows_follow_one_another_to_the_last(floor: Served) -> None:
    every = [row["order_id"] for row in floor.waybill.views.ask(view_named("orders"), Asked()).rows]

    found: list[str] = []
    address: str | None = "/orders?limit=15"
    while address is not None:
        page = html(floor, address)
        found += first_cells(page)
        address = next((link for link in links_of(page) if "cursor=" in link), None)

    assert found == every


def test_a_form_leaves_out_what_was_not_asked_and_tells_null_from_nothing(light: Served) -> None:
    sent = (
        "form=1&as_of=2026-07-01T00%3A00%3A00Z&is.rep_id=%3D&is.status=%3Dopen&is.segment=&reference=+&min.placed_at="
    )

    answer = light.client.get(f"/orders?{sent}", headers=HTML)

    assert answer.status_code == 303
    assert answer.headers["Location"] == "/orders?as_of=2026-07-01T00%3A00%3A00Z&rep_id=&status=open"


def test_each_filter_in_force_is_a_chip_that_takes_it_away(light: Served) -> None:
    page = html(light, "/orders?rep_id=&status=open&min.placed_at=2026-05-01&sort=placed_at")

    for text in ("Rep: nobody", "Status: open", "Placed at from 2026-05-01"):
        assert text in page
    links = links_of(page)
    assert "/orders?status=open&min.placed_at=2026-05-01&sort=placed_at" in links
    assert "/orders?rep_id=&status=open&sort=placed_at" in links
    assert "/orders?sort=placed_at" in links


def test_a_form_keeps_the_filters_that_it_cannot_show(light: Served) -> None:
    page = html(light, "/overdue?stage=booked&stage=to_book&min.hours_overdue=5&max.promised_by=2026-06-01T10:00:00Z")

    for name, value in (
        ("is.stage", "=booked"),
        ("is.stage", "=to_book"),
        ("is.min.hours_overdue", "=5"),
        ("is.max.promised_by", "=2026-06-01T10:00:00Z"),
    ):
        assert f'<input type="hidden" name="{name}" value="{value}">' in page


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("stgae=booked", "overdue_deliveries has no column &#39;stgae&#39;; did you mean stage?"),
        ("min.hours_overdue=soon", "&#39;soon&#39; is not a number"),
        ("sort=-late", "sort: overdue_deliveries has no column"),
        ("cursor=nonsense", "cursor:"),
        ("limit=0", "limit: &#39;0&#39; is not a whole number from 1 to 1000"),
        ("as_of=yesterday", "as_of:"),
    ],
)
def test_a_wrong_address_is_told_in_the_page_with_the_fix(light: Served, query: str, told: str) -> None:
    assert told in html(light, f"/overdue?{query}", 400)


def test_an_empty_answer_says_so_in_words(sqlite_web: Served) -> None:
    for verb, declared in TABLES.items():
        assert declared.empty.replace("'", "&#39;") in html(sqlite_web, f"/{verb}")
    assert "No row meets these filters." in html(sqlite_web, "/overdue?stage=booked")


def test_the_reps_who_are_meant_are_named_when_there_is_no_such_rep(sqlite_web: Served) -> None:
    sqlite_web.seed(registered("rep-12", DAY, "Ann"))

    assert "no rep rep-1 was ever registered; the nearest: rep-12 (Ann)" in html(sqlite_web, "/overdue?rep_id=rep-1")


def test_a_row_with_messages_that_were_not_taken_is_flagged_and_leads_to_them(sqlite_web: Served) -> None:
    sqlite_web.seed(placed("SO/1", DAY, PROMISE), delayed("SO/1", "2026-06-02T09:00:00Z", PROMISE, shipment="S9"))

    page = html(sqlite_web, "/overdue")

    assert "<strong>1 order</strong> here has messages that were not taken" in page
    assert "/orders/SO%2F1#untaken" in links_of(page)


def test_a_table_says_when_the_reactor_behind_it_has_not_read_everything(sqlite_web: Served) -> None:
    scan = {"recordedtime": DAY}
    import_history(sqlite_web, message("parcel.dispatched", "1Z999", DAY, {"carrier": "Swift"}, **scan))

    assert "the reactors are 1 event behind" in html(sqlite_web, "/unmatched-parcels")
    sqlite_web.waybill.react(Event(), once=True)
    assert "behind" not in html(sqlite_web, "/unmatched-parcels")


# -- files -------------------------------------------------------------------------------------------------------------


def test_the_rows_of_the_page_are_files_too_all_of_them(floor: Served) -> None:
    query = "segment=b2b&sort=-promised_by&limit=2&columns=all"
    rows = [row["order_id"] for row in _sorted_overdue(floor)]
    links = links_of(html(floor, f"/overdue?{query}"))

    lines = csv.DictReader(io.StringIO(floor.client.get(_only(links, "/overdue.csv")).text))
    parquet = pyarrow.parquet.read_table(io.BytesIO(floor.client.get(_only(links, "/overdue.parquet")).content))
    told = floor.client.get(_only(links, "/v1/views/overdue"), headers=HTML)

    assert [line["order_id"] for line in lines] == rows
    assert parquet["order_id"].to_pylist() == rows
    assert [row["order_id"] for row in told.json()["rows"]] == rows


def _sorted_overdue(floor: Served) -> list[dict[str, object]]:
    page = floor.waybill.view_pages.page(view_named("overdue"), Asked(), {"segment": ["b2b"]}, sort="-promised_by")
    return [dict(row) for row in page.rows]


def _only(links: list[str], path: str) -> str:
    found = [link for link in links if link.startswith(f"{path}?")]
    assert len(found) == 1, links
    return found[0]


def test_a_file_of_a_wrong_query_is_a_problem_that_names_the_parameter(light: Served) -> None:
    answer = light.client.get("/overdue.csv?stgae=booked")

    assert (answer.status_code, answer.json()["parameter"]) == (400, "stgae")


# -- both clocks -------------------------------------------------------------------------------------------------------


def test_what_reads_differently_by_todays_knowledge_is_marked(web: Served) -> None:
    with_recorded = {"recordedtime": "2026-06-01T10:00:00Z"}
    late_news = {"recordedtime": "2026-06-20T10:00:00Z"}
    history = [
        placed("SO-1", DAY, PROMISE, **with_recorded),
        booked("SO-1", "2026-06-02T09:00:00Z", PROMISE, **late_news),
        placed("SO-2", DAY, PROMISE, **late_news),
        placed("SO-3", DAY, PROMISE, **with_recorded),
        placed("SO-4", DAY, PROMISE, **with_recorded),
        message("order.cancelled", "SO-4", "2026-06-05T09:00:00Z", {"reason": "gone"}, **late_news),
    ]
    import_history(web, *history)

    page = html(web, "/overdue?as_of=2026-06-12T00:00:00Z&known_at=2026-06-12T00:00:00Z")

    rows = {row[0].split(" ")[0]: row for row in cells_of(page)}
    assert "3 rows</strong> as of" in page
    assert "<strong>2 rows</strong> here read differently" in page
    assert "<strong>1 row</strong> was not known then" in page
    assert any("to book" in cell and "as known today booked" in cell for cell in rows["SO-1"])
    assert "today" not in " ".join(rows["SO-3"])
    assert "as known today, not overdue then" in rows["SO-4"][0]
    assert "SO-2" in rows
    assert 'id="first-differing"' in page
    only = cells_of(html(web, "/overdue?as_of=2026-06-12T00:00:00Z&known_at=2026-06-12T00:00:00Z&differing=only"))
    assert {row[0].split(" ")[0] for row in only[1:]} >= {"SO-1", "SO-4", "SO-2"}
    assert "SO-3" not in [row[0] for row in only]


def test_a_value_that_changed_in_a_hidden_column_is_told_beside_the_key(sqlite_web: Served) -> None:
    import_history(
        sqlite_web,
        placed("SO-1", DAY, PROMISE, recordedtime="2026-06-01T10:00:00Z"),
        booked("SO-1", "2026-06-02T09:00:00Z", PROMISE, mode="courier", recordedtime="2026-06-20T10:00:00Z"),
    )

    page = html(sqlite_web, "/overdue?as_of=2026-06-12T00:00:00Z&known_at=2026-06-12T00:00:00Z")

    assert "Mode: nothing, as known today courier" in cells_of(page)[1][0]


def test_a_sort_over_several_currencies_says_that_amounts_are_not_converted(sqlite_web: Served) -> None:
    sqlite_web.seed(placed("SO-1", DAY, PROMISE), placed("SO-2", DAY, PROMISE, currency="JPY"))

    sorted_page = html(sqlite_web, "/overdue?sort=-open_value")

    assert "amounts of JPY, USD are not converted" in sorted_page
    assert "/overdue?sort=-open_value&currency=JPY" in links_of(sorted_page)
    assert "not converted" not in html(sqlite_web, "/overdue?sort=-hours_overdue")
    assert "not converted" not in html(sqlite_web, "/overdue?sort=-open_value&currency=JPY")


def test_a_filter_does_not_hide_what_the_filtered_column_reads_today(sqlite_web: Served) -> None:
    import_history(
        sqlite_web,
        placed("SO-1", DAY, PROMISE, recordedtime="2026-06-01T10:00:00Z"),
        message("order.reassigned", "SO-1", "2026-06-02T09:00:00Z", {"rep_id": "rep-2"}),
    )

    page = html(sqlite_web, "/overdue?rep_id=rep-1&as_of=2026-06-12T00:00:00Z&known_at=2026-06-12T00:00:00Z")

    assert any("rep-1as known today rep-2" in cell for cell in cells_of(page)[1])


def test_a_page_says_what_of_it_is_not_compared(sqlite_web: Served) -> None:
    recorded = {"recordedtime": "2026-06-01T10:00:00Z"}
    import_history(sqlite_web, *(placed(f"SO-{n}", DAY, PROMISE, **recorded) for n in range(COMPARED + 1)))
    clocks = "as_of=2026-06-12T00:00:00Z&known_at=2026-06-12T00:00:00Z"

    a_part = html(sqlite_web, f"/overdue?{clocks}&limit=2")
    too_many = html(sqlite_web, f"/overdue?{clocks}&limit={COMPARED + 1}")
    all_of_them = html(sqlite_web, f"/overdue?{clocks}&limit=2&order_id=SO-1")

    only_shown, not_compared = "Only the rows shown here are compared", "These rows are not compared"
    assert (only_shown in a_part, not_compared in a_part) == (True, False)
    assert (only_shown in too_many, not_compared in too_many) == (False, True)
    assert f"at most {COMPARED} rows a page" in too_many
    assert (only_shown in all_of_them, not_compared in all_of_them) == (False, False)


# -- what upstreams wrote ----------------------------------------------------------------------------------------------


def test_hostile_text_is_text_on_every_page(sqlite_web: Served) -> None:
    order = f"SO{HOSTILE}"
    sqlite_web.seed(
        registered(f"rep{HOSTILE}", DAY, f"Ann {HOSTILE}"),
        placed(order, DAY, PROMISE, rep_id=f"rep{HOSTILE}", account_id=f"AC{HOSTILE}", reference=HOSTILE),
        booked(order, DAY, PROMISE, carrier=HOSTILE, tracking_number=HOSTILE),
    )

    addresses = [f"/{view.command}?columns=all" for view in VIEWS]
    for address in [*addresses, f"/orders?reference={quote(HOSTILE)}", f"/orders?{quote(HOSTILE)}={quote(HOSTILE)}"]:
        page = sqlite_web.client.get(address, headers=HTML).text
        assert "<script>alert" not in page
        assert 'onload="' not in page
        assert "\u202e" not in page
    assert "&lt;script&gt;alert" in html(sqlite_web, "/orders")
