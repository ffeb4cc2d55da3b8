"""Columns that a table page adds to those of its view: what people need beside them.

Follow-ups get the customer, what to say, and the form that says it was said.
"""

from collections.abc import Sequence
from dataclasses import replace

from infra.queries.customers_to_tell import customers_to_tell
from infra.queries.listed import Rows
from infra.queries.view_pages import ViewPage
from infra.queries.views import Views
from infra.web.pages.table_cells import BY_NAME, ShownColumn
from infra.web.pages.table_page import Table, heading

DOCS = {
    "account_id": "The account that ordered.",
    "say": "What the customer was promised and what is expected now.",
    "inform": "The form that records that the customer was told.",
}
FOLLOW_UPS = "follow-ups"


def added_column(table: Table, name: str) -> ShownColumn:
    return ShownColumn(name, heading(table, name), BY_NAME[name], DOCS[name], sortable=False)


def with_added_columns(table: Table, columns: Sequence[ShownColumn]) -> list[ShownColumn]:
    """The columns with those that the page adds, each in its place."""
    found: list[ShownColumn] = []
    for column in columns:
        found.append(column)
        found += [added_column(table, name) for name, after in table.added.items() if after == column.name]
    return found


def with_added_values(views: Views, page: ViewPage) -> ViewPage:
    """The page with the values of the columns that are added to its view."""
    if page.view.command != FOLLOW_UPS:
        return page
    return replace(page, rows=customers_to_tell(views, page.asked, page.rows))


def added_values(views: Views, page: ViewPage, rows: Rows) -> Rows:
    """The same for other rows of the page's view, by its clocks."""
    return with_added_values(views, replace(page, rows=rows)).rows
