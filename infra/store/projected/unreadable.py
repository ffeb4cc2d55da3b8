"""Unreadable rows: which stored row of a projection has a value that is not of its column's type. It only reads."""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from infra.store.projected.serving import tables_in_use
from projections.projection import Projection
from projections.views.columns import Unreadable, UnreadableValueError, as_stored

ROWS_AT_ONCE = 10_000


class UnreadableRowError(Exception):
    """A view has a row with an unreadable value; the message names the row and the command that mends it."""


def unreadable_row(
    connection: Connection, projections: Iterable[Projection], error: UnreadableValueError
) -> UnreadableRowError:
    """The error that names the first such row. It reads all rows, so call it only after a query has failed."""
    for projection in projections:
        for declared, table in tables_in_use(connection, projection).items():
            rows = connection.execute(
                select(*map(as_stored, table.c)), execution_options={"stream_results": True, "yield_per": ROWS_AT_ONCE}
            )
            for row in map(dict, rows.mappings()):
                for column, value in row.items():
                    if isinstance(value, Unreadable):
                        key = ", ".join(f"{name} {row[name]}" for name in declared.key)
                        return UnreadableRowError(
                            f"{table.name}, row {key}: {column} is {str(value)!r}, which is not of the column's type; "
                            "was it changed by hand? The row is rebuilt by: "
                            f"waybill rebuild {projection.name} --key {row[declared.subject]}"
                        )
    return UnreadableRowError(f"{error}; waybill diff all names the row")
