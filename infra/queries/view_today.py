"""A page of a view as known at an instant, compared with what is known today of the same instant."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from infra.queries.differing import Differences, differences
from infra.queries.view_pages import Filters, ViewPage, ViewPages
from infra.queries.views import Asked

COMPARED = 300
"""How many rows a page that is compared has at most: each shown row is looked up today by its key."""


class Compared(NamedTuple):
    """`whole` says whether the page has all rows, and so whether `differing.missing` is complete."""

    differing: Differences
    whole: bool


def compared_with_today(pages: ViewPages, page: ViewPage, filters: Filters) -> Compared:
    """How the rows of a page as known then read today at the same T.

    A shown row is looked up by its key, whatever the filters: it may read otherwise in the column that they name. Rows
    that meet the filters today alone are found where the page has the whole answer.
    """
    view, today = page.view, Asked(as_of=page.instant)
    shown = list(page.rows)
    by_key = {_key(view.key, row) for row in shown}
    first = view.key[0]
    values = sorted({"" if row[first] is None else str(row[first]) for row in shown})
    found: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    if values:
        with pages.stream(view, today, {first: values}) as answer:
            names = list(answer.columns)
            for batch in answer.batches():
                for values_of in batch:
                    row = dict(zip(names, values_of, strict=True))
                    if (key := _key(view.key, row)) in by_key:
                        found[key] = row
    whole = page.next is None and (page.total is None or page.total == len(shown))
    missing: Sequence[Mapping[str, Any]] = ()
    if whole:
        todays = pages.page(view, today, filters, limit=COMPARED)
        whole = todays.next is None
        missing = [row for row in todays.rows if _key(view.key, row) not in by_key]
    return Compared(differences(view.key, shown, [*found.values(), *missing]), whole)


def _key(names: Sequence[str], row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)
