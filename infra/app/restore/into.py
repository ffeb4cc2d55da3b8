"""How the rows of one file of an archive come into their table."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection

from infra.store.restored_rows import RestoredTable


class Into(NamedTuple):
    """Into which table rows go, and whether rows with their keys may be there (`replaces`).

    `deleted` is the place of the column that says that the row is gone.
    """

    table: RestoredTable
    deleted: int | None
    replaces: bool

    def write(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write rows, within the connection's transaction; at most once in one."""
        if self.deleted is not None:
            place = self.deleted
            self.table.delete(connection, [row for row in rows if row[place]])
            rows = [(*row[:place], *row[place + 1 :]) for row in rows if not row[place]]
        if self.replaces:
            # A run may have a row several times, and a statement replaces a row only once.
            rows = list({self.table.key_of(row): row for row in rows}.values())
        if self.table.has_decimals:
            rows = [tuple(_shortest(value) for value in row) for row in rows]
        (self.table.replace if self.replaces else self.table.insert)(connection, rows)


def _shortest(value: Any) -> Any:
    """A decimal without zeros at its end: an archive fills all places."""
    return value.normalize() if isinstance(value, Decimal) else value
