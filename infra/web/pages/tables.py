"""A table page for each view: `/overdue`, `/orders` and the others, and its rows as a file (`/overdue.csv`).

Filters, sort, page and clocks are in the address, as infra/queries/view_pages.py has them; `columns=all` shows every
column. What differs from today's knowledge is marked when the page is as known at an instant.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from infra.app.nearest import never_registered
from infra.app.reactor_lag import reactor_behind_view
from infra.queries.listed import Rows
from infra.queries.names import Names, names
from infra.queries.view_pages import ViewPage, WrongQueryError
from infra.queries.view_today import COMPARED, Compared, compared_with_today
from infra.queries.views import Asked
from infra.web.clocks import Clocks, clocks_of
from infra.web.context import web_of
from infra.web.pages.added_columns import added_values, with_added_columns, with_added_values
from infra.web.pages.render import page
from infra.web.pages.table_cells import COUNTS, ShownColumn, kind_of
from infra.web.pages.table_declarations import table_of
from infra.web.pages.table_filters import (
    DIFFERING,
    FORM,
    Chip,
    FilterForm,
    address,
    chips,
    clean_address,
    filter_form,
    filters_of,
    kept_pairs,
)
from infra.web.pages.table_page import Table, Widget, heading
from infra.web.problems import Problem
from infra.web.security.guard import Reader
from infra.web.security.principal import Principal
from infra.web.view_files import CSV, PARQUET, file_answer
from projections.views.catalogue import VIEWS, View, ViewColumn

router = APIRouter(include_in_schema=False)

MOST_ROWS = 1_000
ALL = "all"


class Links(NamedTuple):
    """Where a table page leads; None where there is nothing."""

    first: str | None
    next: str | None
    all_columns: str | None
    fewer_columns: str | None
    differing: str
    all_rows: str
    csv: str
    parquet: str
    json: str
    unfiltered: str


@dataclass(frozen=True)
class Shown:
    """What table.html shows of a view. `rows` is None when the query is wrong; then `fault` says why."""

    view: View
    table: Table
    columns: Sequence[ShownColumn]
    rows: ViewPage | None
    names: Names
    chips: Sequence[Chip]
    form: FilterForm
    fault: str | None
    compared: Compared | None
    missing: Rows
    """The rows that belong here by what is known today alone."""
    unknown: str | None
    """A sentence about a rep who was never registered, when there are no rows."""
    behind: str | None
    """A sentence about the reactor by which the view answers, if it has not read everything."""
    links: Links

    not_compared: bool
    """Whether the page is as known at an instant, and has too many rows to be compared with today's."""
    sorted_by: str
    """The column by which it is sorted first, with a minus for the greatest first; empty for the view's own order."""
    only_differing: bool
    """Whether rows that read the same as known today are left out."""
    opens_so: bool
    """Whether the navigation leads to the page with these filters and no others."""
    most_compared: int = COMPARED

    @property
    def hidden(self) -> Mapping[str, ShownColumn]:
        """The view's columns that are not shown, by name."""
        shown = {column.name for column in self.columns}
        return {name: _column(self.table, column) for name, column in self.view.described.items() if name not in shown}

    @property
    def currencies(self) -> Sequence[str]:
        """The currencies of the page's rows, if they are sorted by an amount, although there are several."""
        first = self.sorted_by.removeprefix("-")
        if first not in self.view.columns or kind_of(self.view.described[first]) != "money" or self.rows is None:
            return ()
        found = sorted({row["currency"] for row in self.rows.rows if row.get("currency") is not None})
        return found if len(found) > 1 else ()

    @property
    def unfolded(self) -> bool:
        """Whether the form of filters is open: where it has more than the open orders with which their page opens."""
        return self.fault is not None or (bool(self.chips) and not self.opens_so)

    def in_currency(self, currency: str) -> str:
        """The same rows of one currency alone."""
        return f"{self.links.all_rows}&{urlencode({'currency': currency})}"

    @property
    def flagged(self) -> int:
        """How many rows have messages that were not taken."""
        return sum(bool(row.get("untaken_messages")) for row in (self.rows.rows if self.rows else ()))


def table_page(request: Request, principal: Principal, view: View) -> Response:
    """The page of a view. Raises Problem (400) for clocks that cannot be read."""
    query, path = request.query_params, request.url.path
    if FORM in query:
        return RedirectResponse(clean_address(path, query), 303)
    clocks, table, filters = clocks_of(request), table_of(view), filters_of(query)
    found, fault = None, None
    try:
        found = _rows(request, view, clocks, filters)
    except WrongQueryError as e:
        fault = str(e)
    shown = _shown(request, view, table, clocks, found, fault)
    return page(request, "table.html", principal, clocks, 400 if fault else 200, shown=shown, counts=COUNTS)


def _rows(request: Request, view: View, clocks: Clocks, filters: Mapping[str, Sequence[str]]) -> ViewPage:
    """Raises WrongQueryError."""
    query = request.query_params
    unset = table_of(view).rows if clocks.asked.known_at is None else COMPARED
    text = query.get("limit", "") or str(unset)
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and 1 <= int(text) <= MOST_ROWS):
        raise WrongQueryError("limit", f"{text!r} is not a whole number from 1 to {MOST_ROWS}")
    return web_of(request).waybill.view_pages.page(
        view,
        clocks.asked,
        filters,
        sort=query.get("sort", ""),
        limit=int(text),
        cursor=query.get("cursor") or None,
        counted=True,
    )


def _shown(
    request: Request, view: View, table: Table, clocks: Clocks, found: ViewPage | None, fault: str | None
) -> Shown:
    waybill, query, path = web_of(request).waybill, request.query_params, request.url.path
    filters, rows = filters_of(query), found.rows if found else ()
    compared = None
    missing: Rows = ()
    shown_page = None if found is None else with_added_values(waybill.views, found)
    if found is not None and clocks.asked.known_at is not None and len(rows) <= COMPARED:
        compared = compared_with_today(waybill.view_pages, found, filters)
        missing = added_values(waybill.views, replace(found, asked=Asked(found.instant)), compared.differing.missing)
    named = [*(shown_page.rows if shown_page else ()), *missing]
    accounts = [row["account_id"] for row in named if row.get("account_id") is not None]
    accounts += filters.get("account_id", [])
    called = names(waybill.views, clocks.asked, accounts)
    unknown = None
    if found is not None and not rows and (rep := next(iter(filters.get("rep_id", ())), "")):
        unknown = never_registered(waybill.desk, rep)
    return Shown(
        view,
        table,
        with_added_columns(table, _columns(view, table, every=query.get("columns") == ALL)),
        shown_page,
        called,
        chips(path, query, table, view, called),
        filter_form(query, table, called, _near(table, rows)),
        fault,
        compared,
        missing,
        unknown,
        reactor_behind_view(waybill, view.relation) if clocks.asked.known_at is None else None,
        _links(request, view, found),
        clocks.asked.known_at is not None and found is not None and compared is None,
        query.get("sort", "").split(",")[0],
        query.get(DIFFERING) == "only" and compared is not None,
        filters == {"status": ["open"]},
    )


def _columns(view: View, table: Table, *, every: bool) -> list[ShownColumn]:
    first = list(table.columns)
    chosen = [*first, *(name for name in view.columns if name not in first)] if every else first
    return [_column(table, view.described[name]) for name in chosen]


def _column(table: Table, column: ViewColumn) -> ShownColumn:
    return ShownColumn(column.name, heading(table, column.name), kind_of(column), column.doc)


def _near(table: Table, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Values of the page's rows, for the text fields of the form and for its choice of reps."""
    texts = [one.column for one in table.filters if one.widget in (Widget.TEXT, Widget.REP)]
    return {name: sorted({str(row[name]) for row in rows if row[name] is not None}) for name in texts}


def _links(request: Request, view: View, found: ViewPage | None) -> Links:
    query, path = request.query_params, request.url.path
    here = [pair for pair in query.multi_items() if pair[0] not in ("cursor", FORM)]
    # Files and the API know no `columns`, and an empty parameter that is no filter says nothing.
    plain = [pair for pair in here if pair[0] not in ("columns", "limit", DIFFERING)]
    fewer = [pair for pair in here if pair[0] != "columns"]
    whole = [pair for pair in query.multi_items() if pair[0] not in (DIFFERING, FORM)]
    following = found.next if found else None
    more = len(table_of(view).columns) < len(view.columns) or "columns" in query
    return Links(
        first=address(path, here) if query.get("cursor") else None,
        next=address(path, [*here, ("cursor", following)]) if following else None,
        all_columns=address(path, [*fewer, ("columns", ALL)]) if more and query.get("columns") != ALL else None,
        fewer_columns=address(path, fewer) if query.get("columns") == ALL else None,
        differing=address(path, [*whole, (DIFFERING, "only")]),
        all_rows=address(path, whole),
        csv=address(f"/{view.command}.csv", plain),
        parquet=address(f"/{view.command}.parquet", plain),
        json=address(f"/v1/views/{view.command}", plain),
        unfiltered=address(path, kept_pairs(query)),
    )


def table_file(request: Request, view: View, media_type: str) -> Response:
    """All rows of the page as a file. CSV is made for spreadsheets. Raises Problem (400, 406)."""
    query, clocks = request.query_params, clocks_of(request)
    pages = web_of(request).waybill.view_pages
    try:
        with pages.stream(view, clocks.asked, filters_of(query), sort=query.get("sort", "")) as answer:
            return file_answer(answer, view.command, media_type, for_spreadsheets=media_type == CSV)
    except WrongQueryError as e:
        raise Problem(400, str(e), parameter=e.parameter) from None


def _page_route(view: View) -> Callable[[Request, Reader], Response]:
    def show(request: Request, principal: Reader) -> Response:
        return table_page(request, principal, view)

    return show


def _file_route(view: View, media_type: str) -> Callable[[Request, Reader], Response]:
    def download(request: Request, principal: Reader) -> Response:
        return table_file(request, view, media_type)

    return download


for _view in VIEWS:
    router.add_api_route(f"/{_view.command}", _page_route(_view), methods=["GET"], response_class=Response)
    for _ending, _media_type in (("csv", CSV), ("parquet", PARQUET)):
        router.add_api_route(
            f"/{_view.command}.{_ending}", _file_route(_view, _media_type), methods=["GET"], response_class=Response
        )
