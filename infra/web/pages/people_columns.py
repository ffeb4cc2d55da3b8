"""The columns of the small tables on the pages of a rep and of an account."""

from collections.abc import Sequence

from infra.web.pages.added_columns import added_column
from infra.web.pages.table_cells import ShownColumn, kind_of
from infra.web.pages.table_declarations import table_of
from infra.web.pages.table_page import Table, heading
from projections.views.catalogue import view_named


def columns_of(command: str, *names: str) -> Sequence[ShownColumn]:
    """These columns of a view, and of those that its table page adds, as that shows them."""
    view = view_named(command)
    table: Table = table_of(view)
    return [
        ShownColumn(name, heading(table, name), kind_of(view.described[name]), view.described[name].doc)
        if name in view.described
        else added_column(table, name)
        for name in names
    ]
