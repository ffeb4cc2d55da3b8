"""Streamed answers: rows are read from the store as needed, in flat memory."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from projections.table import Row, ValueType
from projections.views.tables import value_type

ROWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class Streamed:
    """An answer that can be read once, while the connection is open. `columns` has each column's name and type."""

    connection: Connection
    question: Select[Any]
    position: int
    instant: datetime

    @property
    def columns(self) -> Mapping[str, ValueType]:
        return {column.name: value_type(column.type) for column in self.question.selected_columns}

    def count(self) -> int:
        """How many rows there are."""
        counted = select(func.count()).select_from(self.question.order_by(None).subquery())
        return int(self.connection.execute(counted).scalar_one())

    def batches(self) -> Iterator[Sequence[Row]]:
        """All rows in the order of the query, some thousands at a time."""
        asked = self.connection.execution_options(stream_results=True, yield_per=ROWS_AT_ONCE)
        with asked.execute(self.question) as result:
            for batch in result.partitions():
                yield [tuple(row) for row in batch]
