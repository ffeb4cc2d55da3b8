"""The rows of a store's tables as rows of datasets."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Select, Table, TextClause, func, select, text

from infra.archive.dataset import DELETED, Dataset
from infra.archive.writing import Row
from infra.store.backend import Backend, as_keys

ROWS_AT_ONCE = 2_000
KEYS_AT_ONCE = 500
_BYTES_OF_A_ROW = 100
"""About how much the values take that are neither text nor bytes."""


class TableRows:
    """Reads the rows of one table, with values in the order of the dataset's columns."""

    def __init__(self, dataset: Dataset, table: Table, backend: Backend):
        self._names = [name for name in dataset.names if name != DELETED]
        self._columns = [table.c[name] for name in self._names]
        self._is_deleted: Row = (False,) if DELETED in dataset.names else ()
        self._deleted = [*(None for _ in self._names), True]
        self._key = [self._names.index(name) for name in dataset.key]
        self._table = table
        self._backend = backend

    def all(self, order_by: Sequence[str] = ()) -> Select[Any]:
        """A query of all rows, in the order of these columns."""
        return select(*self._columns).order_by(*(self._table.c[name] for name in order_by))

    def count(self, connection: Connection) -> int:
        """How many rows the table has."""
        return int(connection.execute(select(func.count()).select_from(self._table)).scalar_one())

    def by(self, columns: Sequence[str], condition: str = "TRUE") -> TextClause:
        """A query of the rows in which these columns have the values of a key, as `m`, and the condition holds."""
        quote = self._backend.engine.dialect.identifier_preparer.quote
        wanted = ", ".join(f"m.{quote(name)}" for name in self._names)
        same = " AND ".join(f"m.{quote(name)} = k.k{place}" for place, name in enumerate(columns))
        return text(
            f"SELECT {wanted} FROM {self._backend.keys(len(columns))} JOIN {self._table.name} AS m "
            f"ON {same} AND {condition}"
        ).columns(*self._columns)  # type: ignore[return-value]

    def stream(self, connection: Connection, question: Select[Any]) -> Iterator[Row]:
        """The rows of a query; memory holds some at a time."""
        streaming = {"stream_results": True, "yield_per": ROWS_AT_ONCE}
        for row in connection.execute(question, execution_options=streaming):
            yield (*row, *self._is_deleted)

    def found(self, connection: Connection, question: TextClause, keys: Sequence[Any]) -> list[Row]:
        """The rows of a query of `by` for some keys."""
        rows = connection.execute(question, {"keys": as_keys(keys)})
        return [(*row, *self._is_deleted) for row in rows]

    def deleted(self, key: Sequence[Any]) -> Row:
        """The row that says that the store has no row of this key any more."""
        row = list(self._deleted)
        for place, value in zip(self._key, key, strict=True):
            row[place] = value
        return tuple(row)


def size_of(row: Row) -> int:
    """About how many bytes the row's contents have."""
    return _BYTES_OF_A_ROW + sum(len(value) for value in row if isinstance(value, (str, bytes)))


def in_pages(keys: Iterable[Any], most: int | None = None) -> Iterator[list[Any]]:
    """Keys, at most so many at a time; None: KEYS_AT_ONCE."""
    most = most or KEYS_AT_ONCE
    page: list[Any] = []
    for key in keys:
        page.append(key)
        if len(page) >= most:
            yield page
            page = []
    if page:
        yield page
