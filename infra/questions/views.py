"""Asking a view: as of any instant from the kept tables, and as known at any instant by settling the facts again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Select

from infra.questions.known_at import scratch_of
from infra.store.history import History
from infra.store.rows import ProjectedRows
from projections.asof import AsOf
from projections.catalogue import View


@dataclass(frozen=True)
class Asked:
    """The clocks of a question: what was true at `as_of`, by what was known at `known_at` (UTC; None: no limit)."""

    as_of: datetime | None = None
    known_at: datetime | None = None


@dataclass(frozen=True)
class Answer:
    """Rows in the order of the view, each a mapping of column to value, and the position that they reflect."""

    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    position: int
    instant: datetime


class Views:
    """Answers questions to views."""

    def __init__(self, engine: Engine, rows: ProjectedRows, history: History, clock: Callable[[], datetime]):
        self._engine = engine
        self._rows = rows
        self._history = history
        self._clock = clock

    def ask(self, view: View, asked: Asked, filters: Mapping[str, str] | None = None) -> Answer:
        """Answer by the asked clocks; `filters` keeps the rows with these values, such as {"rep_id": "rep-7"}."""
        instant = asked.as_of or self._clock()
        if asked.known_at is None:
            question = view.question(AsOf.at(instant, present=asked.as_of is None))
            return self._answer(self._engine, _filtered(question, filters), instant, self._reflected(view))
        head = self._history.head()
        with scratch_of(self._history, view.projections, asked.as_of, asked.known_at) as scratch:
            question = view.question(AsOf.at(instant, present=True))
            return self._answer(scratch, _filtered(question, filters), instant, head)

    def _reflected(self, view: View) -> int:
        return min(self._rows.positions(view.projections).values())

    @staticmethod
    def _answer(engine: Engine, question: Select[Any], instant: datetime, position: int) -> Answer:
        with engine.connect() as connection:
            result = connection.execute(question)
            columns = list(result.keys())
            rows = [dict(row) for row in result.mappings()]
        return Answer(columns, rows, position, instant)


def _filtered(question: Select[Any], filters: Mapping[str, str] | None) -> Select[Any]:
    for column, value in (filters or {}).items():
        question = question.where(question.selected_columns[column] == value)
    return question
