"""Pages of a view: filtered, sorted, cut, by both clocks. The HTTP API and the pages' tables stand on it.

    page = waybill.view_pages.page(
        view_named("overdue"), Asked(), {"rep_id": ["rep-7"], "min.hours_overdue": ["24"]},
        sort="-open_value,order_id", limit=50, counted=True,
    )
    page.rows       -> [{"order_id": "SO-1", "hours_overdue": Decimal("30.25"), "promised_by": datetime, ...}, ...]
    page.columns    -> {"order_id": ViewColumn(name, type, doc, key), ...}, in order
    page.next       -> the cursor of the next page, or None after the last one
    page.total      -> how many rows meet the filters; None unless `counted`
    page.instant    -> T;  page.position -> the position that the rows reflect

Filters are texts as in an address, each with a list of values, so that `parse_qs` fits:

| filter | keeps the rows |
| --- | --- |
| `COLUMN: [a, b]` | whose value is a or b; an empty text is null |
| `min.COLUMN: [a]` | whose value is a or more; of instants and numbers |
| `max.COLUMN: [a]` | whose value is less than a; of instants and numbers |

Values: true or false; instants with offset, or a date, which is its start in the business zone; numbers as 129.50;
texts are compared whole, by code point. Amounts are compared and sorted by value on both databases.

`sort` names columns, each with a minus in front for descending; the view's key columns follow by themselves, so that
the order is total. Nulls are last in both directions. Without a sort the rows come in the view's own order, which its
index serves: a page of it is quick however many rows there are. Any other sort reads all rows that meet the filters.

`cursor` is `next` of the page before, and is given with the same view, clocks, filters and sort; `limit` may differ.
It holds T, so that all pages have the same one. Without `as_of` a row that changes meanwhile is shown as it is then:
give `as_of` for pages of one moment. `counted` costs a count of all rows; ask for it where it is shown.

Whatever is wrong with these raises WrongQueryError, which names the parameter and the fix (`.parameter`, `str(e)`).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, Select, select

from infra.queries.streamed import Streamed
from infra.queries.view_cursors import CURSOR, Cursor, cursor_text, digest_of, read_cursor, values_for
from infra.queries.view_filters import WrongQueryError, conditions
from infra.queries.view_order import SortTerm, after, own_terms, sort_terms
from infra.queries.views import Asked, Views
from projections.views.catalogue import View, ViewColumn

__all__ = ["PAGE", "Filters", "ViewPage", "ViewPages", "WrongQueryError"]

Filters = Mapping[str, Sequence[str]]
"""Filters by name, as in an address; see above."""
PAGE = 100
"""How many rows a page has unless told otherwise."""


@dataclass(frozen=True)
class ViewPage:
    """Some rows of a view in order, each a mapping of column to value, and how the page was asked for."""

    view: View
    asked: Asked
    rows: Sequence[Mapping[str, Any]]
    next: str | None
    """The cursor of the next page; None after the last row."""
    total: int | None
    """How many rows meet the filters; None if they were not counted."""
    position: int
    """The position of the newest event that the rows reflect."""
    instant: datetime
    """T, in UTC: `asked.as_of`, or the clock when the first page was asked for."""

    @property
    def columns(self) -> Mapping[str, ViewColumn]:
        """The columns by name, in order, with their types and meanings."""
        return self.view.described


class ViewPages:
    """Pages of views. `zone` is the business time zone, in which a date begins."""

    def __init__(self, views: Views, zone: tzinfo):
        self._views = views
        self._zone = zone

    def page(
        self,
        view: View,
        asked: Asked,
        filters: Filters | None = None,
        *,
        sort: str = "",
        limit: int = PAGE,
        cursor: str | None = None,
        counted: bool = False,
    ) -> ViewPage:
        """The first `limit` rows after `cursor`, or from the beginning. Raises WrongQueryError.

        Also raises NotFilledError, if the store has no rows of the view yet.
        """
        wanted = filters or {}
        digest = digest_of(view.relation, view.columns, asked.as_of, asked.known_at, sorted(wanted.items()), sort)
        begun = read_cursor(cursor) if cursor else None
        if begun is not None and begun.query != digest:
            raise WrongQueryError(
                CURSOR, "it belongs to another query; give it with the same view, clocks, filters and sort"
            )
        with self._narrowed(view, asked, wanted, sort, begun) as (answer, terms):
            question = (
                answer.question if begun is None else answer.question.where(after(terms, values_for(begun, terms)))
            )
            # One more than the page has, to know whether there is another page.
            found = answer.connection.execute(question.limit(limit + 1)).mappings().all()
            rows = found[:limit]
            cursor_of_next = None
            if len(found) > limit:
                values = [rows[-1][term.name] for term in terms] if rows else []
                cursor_of_next = cursor_text(Cursor(digest, answer.instant, values))
            whole = begun is None and cursor_of_next is None
            total = None if not counted else len(rows) if whole else answer.count()
        shown = [{name: row[name] for name in view.columns} for row in rows]
        return ViewPage(view, asked, shown, cursor_of_next, total, answer.position, answer.instant)

    def count(self, view: View, asked: Asked, filters: Filters | None = None) -> int:
        """How many rows meet the filters. Raises WrongQueryError and NotFilledError."""
        with self._narrowed(view, asked, filters or {}, "", None) as (answer, _):
            return answer.count()

    @contextmanager
    def stream(
        self, view: View, asked: Asked, filters: Filters | None = None, *, sort: str = "", limit: int | None = None
    ) -> Iterator[Streamed]:
        """All rows, or the first `limit`, to be read in flat memory. Raises WrongQueryError and NotFilledError."""
        with self._narrowed(view, asked, filters or {}, sort, None) as (answer, _):
            shown = [column for column in answer.question.selected_columns if column.name in view.columns]
            yield replace(answer, question=answer.question.with_only_columns(*shown).limit(limit))

    @contextmanager
    def _narrowed(
        self, view: View, asked: Asked, filters: Filters, sort: str, begun: Cursor | None
    ) -> Iterator[tuple[Streamed, list[SortTerm]]]:
        # Before the store is opened: with known-at it may take long.
        _look_over(view, filters, sort, self._zone)
        with self._views.stream(view, asked, now=None if begun is None else begun.instant) as answer:
            question, terms = _sortable(view, answer.question, sort)
            narrowed = question.where(*conditions(view, _columns(question), filters, self._zone))
            if sort:
                narrowed = narrowed.order_by(None).order_by(*(term.clause() for term in terms))
            yield replace(answer, question=narrowed), terms


def _look_over(view: View, filters: Filters, sort: str, zone: tzinfo) -> None:
    """Raises WrongQueryError."""
    columns = view.sample_columns
    conditions(view, columns, filters, zone)
    if sort:
        sort_terms(view, columns, sort)


def _sortable(view: View, question: Select[Any], sort: str) -> tuple[Select[Any], list[SortTerm]]:
    """A question to which conditions can be added, and the terms of its order, which it reads."""
    terms = sort_terms(view, _columns(question), sort) if sort else own_terms(question)
    hidden = [term.column.label(term.name) for term in terms if term.hidden]
    question = question.add_columns(*hidden)
    if not question._group_by_clauses:
        return question, terms
    # A condition on a group's column is one on the rows of a subquery.
    grouped = question.order_by(None).subquery("grouped").c
    terms = [term._replace(column=grouped[term.name], nullable=True) for term in terms]
    outer = select(*grouped).order_by(*((term.column.desc() if term.descending else term.column) for term in terms))
    return outer, terms


def _columns(question: Select[Any]) -> Mapping[str, ColumnElement[Any]]:
    return {column.name: column for column in question.selected_columns}
