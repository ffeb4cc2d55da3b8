"""The first rows of a question and how many there are, for pages that lead to all of them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select

from infra.queries.views import Reading

Rows = Sequence[Mapping[str, Any]]

NAMED = 25
"""How many rows of each kind are named; the tables have all."""


class Listed(NamedTuple):
    """The first NAMED rows of a question, and how many it has."""

    rows: Rows
    total: int


def listed(reading: Reading, question: Select[Any]) -> Listed:
    """Both from one snapshot; the rest is counted only if there is one."""
    rows = reading.dicts(question.limit(NAMED))
    return Listed(rows, counted(reading, question) if len(rows) == NAMED else len(rows))


def counted(reading: Reading, question: Select[Any]) -> int:
    """How many rows a question of this snapshot has."""
    return int(reading.rows(select(func.count()).select_from(question.order_by(None).subquery()))[0][0])
