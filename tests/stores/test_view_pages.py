"""Pages of views: filters, sorts and cursors give the same on both databases, and together the whole answer."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.contract.writing import instant_text
from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.queries.view_cursors import cursor_text, read_cursor
from infra.queries.view_filters import MOST_VALUES
from infra.queries.view_pages import ViewPage, ViewPages, WrongQueryError
from infra.queries.views import Asked, Views
from infra.settings import Settings
from infra.simulation import DEFAULT_UNTIL, simulate
from projections.table import ValueType
from projections.views.catalogue import ALL_ORDER_STATES, VIEWS, View, view_named
from projections.views.scorecard_totals import Grouping
from projections.views.variants import scorecard_view, workload_view
from tests.stores.conftest import new_databases

NOW = DEFAULT_UNTIL + timedelta(hours=3)
PRESENT, PAST = Asked(), Asked(as_of=datetime(2026, 6, 15, 12, tzinfo=UTC))
KNOWN = Asked(known_at=datetime(2026, 6, 20, tzinfo=UTC))
VARIANTS = (
    *VIEWS,
    scorecard_view(Grouping.TEAM),
    scorecard_view(Grouping.MENTOR, contacts=True),
    workload_view(contacts=True),
)
EXAMPLES = (settings.get_profile(settings.get_current_profile_name()).max_examples + 1) // 2
RANGED = (ValueType.INSTANT, ValueType.WHOLE, ValueType.AMOUNT, ValueType.HOURS)


class Floor(NamedTuple):
    waybill: Waybill
    pages: ViewPages
    answers: dict[Any, Sequence[Mapping[str, Any]]]

    def whole(self, view: View, asked: Asked) -> Sequence[Mapping[str, Any]]:
        """The whole answer, asked for once: nothing changes the floor."""
        name = (view.relation, *view.columns)
        if (name, asked) not in self.answers:
            self.answers[name, asked] = self.waybill.views.ask(view, asked).rows
        return self.answers[name, asked]

    def page(self, view: View, asked: Asked = PRESENT, **how: Any) -> ViewPage:
        filters = how.pop("filters", None)
        return self.pages.page(view, asked, filters, **how)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def floor(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    """A simulated floor with wrong messages among the others."""
    if request.param == "sqlite":
        yield from _floor_on(f"sqlite:///{tmp_path_factory.mktemp('pages') / 'waybill.db'}")
    else:
        with new_databases(request.getfixturevalue("postgres_server")) as make:
            yield from _floor_on(make())


def _floor_on(url: str) -> Iterator[Floor]:
    with Waybill(Settings(store=url), clock=lambda: NOW) as waybill:
        pipeline = waybill.ingest()
        content = b"\n".join(simulate(120, 5, DEFAULT_UNTIL, 0.15))
        pipeline.finish(pipeline.read(JsonLines.of_bytes("floor", content)).feed_id)
        waybill.project()
        yield Floor(waybill, waybill.view_pages, {})


@pytest.mark.parametrize("view", [*VARIANTS, ALL_ORDER_STATES], ids=lambda view: f"{view.relation}-{view.key[0]}")
def test_the_key_of_a_view_is_different_in_every_row(floor: Floor, view: View) -> None:
    answers = [floor.whole(view, asked) for asked in (PRESENT, PAST)]
    assert any(answers)
    for rows in answers:
        assert len({tuple(row[name] for name in view.key) for row in rows}) == len(rows)


@pytest.mark.parametrize("view", VARIANTS[:-2], ids=lambda view: f"{view.relation}-{view.key[0]}")
def test_a_view_page_by_page_in_its_own_order_is_the_whole_answer(floor: Floor, view: View) -> None:
    for asked in (PRESENT, PAST):
        whole = floor.whole(view, asked)
        assert concatenated(floor, view, asked, limit=max(1, len(whole) // 3)) == whole


def test_a_view_known_at_an_instant_is_cut_into_pages_too(floor: Floor) -> None:
    for verb in ("expedites", "unmatched-parcels"):
        view = view_named(verb)
        assert concatenated(floor, view, KNOWN, limit=20) == floor.whole(view, KNOWN)


@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_pages_of_any_sort_and_filters_are_the_rows_sorted_and_filtered(floor: Floor, data: st.DataObject) -> None:
    view = data.draw(st.sampled_from(VARIANTS))
    asked = data.draw(st.sampled_from([PRESENT, PAST]))
    rows = floor.whole(view, asked)
    # given a sort by some columns, and filters by values of some rows
    columns = data.draw(st.lists(st.sampled_from(view.columns), min_size=1, max_size=3, unique=True))
    directions = [data.draw(st.sampled_from(["", "-"])) for _ in columns]
    filters = {} if data.draw(st.booleans()) else data.draw(filters_of(view, rows))
    # when the pages are asked for one after another
    sort = ",".join(map("".join, zip(directions, columns, strict=True)))
    kept = [row for row in rows if meets(row, view, filters)]
    limit = data.draw(st.integers(1 + len(kept) // 5, 1 + len(kept) // 2))
    cut = concatenated(floor, view, asked, filters=filters, sort=sort, limit=limit)
    # then they are what a list of all rows, filtered and sorted by value, is
    order = [*zip(columns, directions, strict=True), *((name, "") for name in view.key if name not in columns)]
    for name, direction in reversed(order):
        empty = [row for row in kept if row[name] is None]
        filled = [row for row in kept if row[name] is not None]
        kept = [*sorted(filled, key=itemgetter(name), reverse=direction == "-"), *empty]
    assert cut == kept
    assert floor.pages.count(view, asked, filters) == len(kept)


def test_a_page_says_how_many_rows_there_are_only_when_asked(floor: Floor) -> None:
    orders = view_named("orders")
    everything = len(floor.whole(orders, PRESENT))
    assert floor.page(orders, limit=3).total is None
    first = floor.page(orders, limit=3, counted=True)
    assert (len(first.rows), first.total) == (3, everything)
    assert floor.page(orders, limit=3, counted=True, cursor=first.next).total == everything


def test_all_pages_have_the_instant_of_the_first(floor: Floor) -> None:
    # given a clock that moves between the pages
    ticking = ViewPages(
        Views(floor.waybill.engine, floor.waybill.history, Ticking(), timedelta(hours=1)), floor.waybill.settings.zone
    )
    overdue = view_named("overdue")
    first = ticking.page(overdue, PRESENT, limit=2)
    second = ticking.page(overdue, PRESENT, limit=2, cursor=first.next)
    assert second.instant == first.instant
    assert [*first.rows, *second.rows] == floor.page(overdue, Asked(as_of=first.instant), limit=4).rows


def test_a_page_says_the_type_and_the_meaning_of_its_columns(floor: Floor) -> None:
    columns = floor.page(view_named("late"), limit=1).columns
    assert columns["order_id"] == ("order_id", ValueType.TEXT, "The order.", True)
    assert columns["hours_late"].type is ValueType.HOURS
    assert all(column.doc for view in VARIANTS for column in view.described.values())


def test_an_exported_stream_has_the_same_rows_as_the_pages(floor: Floor) -> None:
    for view in VARIANTS[::3]:
        how: dict[str, Any] = {"sort": f"-{view.key[0]}", "limit": 30}
        with floor.pages.stream(view, PAST, **how) as answer:
            names = list(answer.columns)
            rows = [dict(zip(names, row, strict=True)) for batch in answer.batches() for row in batch]
        assert rows == floor.page(view, PAST, **how).rows
        assert names == list(view.columns)


def test_amounts_and_hours_are_compared_by_value(floor: Floor) -> None:
    orders = floor.whole(view_named("orders"), PRESENT)
    value = next(row["order_value"] for row in orders if row["order_value"])
    assert floor.page(view_named("orders"), filters={"order_value": [f"0{value}000"]}).rows
    assert not floor.page(view_named("orders"), filters={"order_value": [f"{value}001"]}).rows
    late = floor.whole(view_named("late"), PRESENT)
    hours = max(row["hours_late"] for row in late)
    for limit, found in ((f"{hours}", 1), (f"{hours}1", 0)):
        assert len(floor.page(view_named("late"), filters={"min.hours_late": [limit]}).rows) == found
    assert len(floor.page(view_named("late"), filters={"max.hours_late": [f"{hours}1"]}).rows) == len(late)
    assert not floor.page(view_named("late"), filters={"hours_late": [f"{hours}1"]}).rows


@pytest.mark.parametrize(("view", "column"), [("late", "rep_id"), ("late", "hours_late"), ("orders", "order_value")])
def test_a_column_may_have_many_values_and_null(floor: Floor, view: str, column: str) -> None:
    rows = floor.whole(view_named(view), PRESENT)
    wanted = sorted({written(row[column]) for row in rows})[:5]
    kind = view_named(view).described[column].type
    others = [f"none-{n}" if kind is ValueType.TEXT else str(10**9 + n) for n in range(MOST_VALUES - len(wanted) - 1)]
    found = floor.page(view_named(view), filters={column: [*others, "", *wanted]}, limit=10_000).rows
    assert found == [row for row in rows if written(row[column]) in ("", *wanted)]
    with pytest.raises(WrongQueryError, match=f"{column}: is given 1001 times; give at most 1000 values"):
        floor.page(view_named(view), filters={column: [str(n) for n in range(MOST_VALUES + 1)]})


WRONG: Sequence[tuple[dict[str, Any], str]] = (
    ({"filters": {"rep": ["rep-7"]}}, "rep: orders has no column 'rep'; did you mean rep_id?"),
    ({"filters": {"colour": ["red"]}}, "colour: orders has no column 'colour'; it has order_id, status, "),
    ({"filters": {"short": ["yes"]}}, "short: 'yes' is neither true nor false"),
    ({"filters": {"lines": ["1.5"]}}, "lines: '1.5' is not a whole number; give one such as 3"),
    ({"filters": {"lines": ["9" * 19]}}, f"lines: '{'9' * 19}' is not a whole number; give one such as 3"),
    ({"filters": {"order_value": ["1,5"]}}, "order_value: '1,5' is not a number; give one such as 129.50"),
    ({"filters": {"placed_at": ["monday"]}}, "placed_at: 'monday' is not an instant; give one with offset, such as "),
    ({"filters": {"min.placed_at": ["2026-03-01T09:00:00"]}}, "min.placed_at: '2026-03-01T09:00:00' has no offset; "),
    ({"filters": {"min.rep_id": ["a"]}}, "min.rep_id: min. is for instants and numbers, and rep_id is text"),
    ({"filters": {"max.lines": ["1", "2"]}}, "max.lines: needs one value, such as max.lines=3"),
    ({"filters": {"max.lines": [""]}}, "max.lines: needs one value, such as max.lines=3"),
    ({"filters": {"rep_id": ["a\0"]}}, "rep_id: no text has the character U+0000; leave it out"),
    ({"sort": "-placed"}, "sort: orders has no column 'placed'; did you mean "),
    ({"sort": "lines,-lines"}, "sort: lines is named twice; name each column once"),
    ({"sort": "lines,"}, "sort: orders has no column ''; it has order_id, "),
    ({"cursor": "abc"}, "cursor: it is not one of ours; give the `next` of an answer, or leave it out"),
    ({"cursor": "é"}, "cursor: it is not one of ours; give the `next` of an answer, or leave it out"),
)


@pytest.mark.parametrize(("how", "problem"), WRONG, ids=lambda value: value if isinstance(value, str) else "")
def test_a_wrong_query_is_told_by_parameter_with_the_fix(floor: Floor, how: dict[str, Any], problem: str) -> None:
    with pytest.raises(WrongQueryError) as told:
        floor.page(view_named("orders"), **how)
    assert str(told.value).startswith(problem)
    assert told.value.parameter == problem.split(":")[0]


@pytest.mark.parametrize(
    "other",
    [{"sort": "lines"}, {"filters": {"short": ["true"]}}, {"asked": PAST}, {"view": view_named("late")}],
    ids=["sort", "filters", "clock", "view"],
)
def test_a_cursor_of_another_query_is_refused(floor: Floor, other: dict[str, Any]) -> None:
    cursor = floor.page(view_named("orders"), limit=1).next
    with pytest.raises(WrongQueryError, match="cursor: it belongs to another query"):
        floor.page(**{"view": view_named("orders"), "cursor": cursor, **other})


def test_a_cursor_that_was_tampered_with_is_refused(floor: Floor) -> None:
    orders = view_named("orders")
    begun = read_cursor(floor.page(orders, limit=1, sort="lines").next or "")
    for values in ([], [1], ["1", "SO-1"], [2**63, "SO-1"], [1.5, "SO-1"], [1, "SO\0"], [1, {}]):
        with pytest.raises(WrongQueryError, match="cursor: it does not fit the query"):
            floor.page(orders, limit=1, sort="lines", cursor=cursor_text(begun._replace(values=values)))


class Ticking:
    """A clock that is a minute later at each look."""

    def __init__(self) -> None:
        self._at = NOW

    def __call__(self) -> datetime:
        self._at += timedelta(minutes=1)
        return self._at


def concatenated(floor: Floor, view: View, asked: Asked, **how: Any) -> list[Mapping[str, Any]]:
    """The rows of the pages, one after another."""
    page = floor.page(view, asked, **how)
    rows = [*page.rows]
    while page.next is not None:
        page = floor.page(view, asked, cursor=page.next, **how)
        assert page.rows
        rows += page.rows
    return rows


@st.composite
def filters_of(draw: st.DrawFn, view: View, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    filters: dict[str, list[str]] = {}
    for name in draw(st.lists(st.sampled_from(view.columns), min_size=1, max_size=2, unique=True)):
        values = sorted({written(row[name]) for row in rows})
        if view.described[name].type in RANGED and any(values) and draw(st.booleans()):
            limit = draw(st.sampled_from(["min.", "max."]))
            filters[limit + name] = [draw(st.sampled_from([value for value in values if value]))]
        elif values:
            filters[name] = draw(st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True))
    return filters


def written(value: Any) -> str:
    """The value in an address."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return instant_text(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def meets(row: Mapping[str, Any], view: View, filters: Mapping[str, Sequence[str]]) -> bool:
    for name, values in filters.items():
        value = row[name.removeprefix("min.").removeprefix("max.")]
        if name.startswith(("min.", "max.")):
            if value is None:
                return False
            limit = datetime.fromisoformat(values[0]) if isinstance(value, datetime) else Decimal(values[0])
            if value < limit if name.startswith("min.") else value >= limit:
                return False
        elif written(value) not in values:
            return False
    return True
