"""Rows of a table of periods that were in force at a past instant, found by an index of their lengths.

A period that holds at T and is shorter than a span began within that span before T. So the index has each period's
class of length and its beginning, and a question reads one short range of each class: the rows in force, and few
others. Only the last class, of the longest periods and those that last, is read from its beginning. Why, and what
else was tried: docs/decisions/031-past-questions.md.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Integer, Table, and_, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from projections.views.as_of import AsOf
from projections.views.columns import OfTwoInstants

HOUR = timedelta(hours=1)
SPANS = tuple(HOUR * 2**power for power in range(14))
"""The periods of class n are shorter than the span n, and not shorter than the one before: from 1 hour to 11 months."""


class length_class(OfTwoInstants[int]):  # noqa: N801  (reads as a function in queries)
    """The number of the first of SPANS that is longer than a period; len(SPANS) for longer ones and those that last.

    Queries find the index by this expression, so it is the same text in both.
    """

    inherit_cache = True
    type = Integer()


@compiles(length_class, "sqlite")
def _on_sqlite(element: length_class, compiler: SQLCompiler, **kwargs: Any) -> str:
    start, end = compiler.process(element.start, **kwargs), compiler.process(element.end, **kwargs)
    shorter = (f"WHEN {end} - {start} < {span // timedelta(microseconds=1)} THEN {n}" for n, span in enumerate(SPANS))
    return f"CASE {' '.join(shorter)} ELSE {len(SPANS)} END"


@compiles(length_class, "postgresql")
def _on_postgresql(element: length_class, compiler: SQLCompiler, **kwargs: Any) -> str:
    # One function: an expression with a branch for each span takes several times as long to plan and to evaluate.
    start, end = compiler.process(element.start, **kwargs), compiler.process(element.end, **kwargs)
    spans = ",".join(f"{span // HOUR}:00:00" for span in SPANS)
    return f"coalesce(width_bucket({end} - {start}, '{{{spans}}}'::interval[]), {len(SPANS)})"


def class_of_periods(table: Table) -> length_class:
    """The class of length of the rows of a table of periods."""
    return length_class(table.c.valid_from, table.c.valid_to)


def in_force(as_of: AsOf, periods: Table, *narrowed: ColumnElement[bool]) -> ColumnElement[bool]:
    """The rows of a table of periods that are valid at T and meet further conditions.

    The table has an index of its lengths (projections/table.py), to which the conditions belong: those that its rows
    meet, and on columns that it has. The answers are the same without the index.
    """
    if as_of.present:
        return and_(as_of.holds(periods), *narrowed)
    began: Column[Any] = periods.c.valid_from
    length = class_of_periods(periods)
    # Each range has all conditions, because a database looks for an index for each of them by itself.
    everywhere = (*narrowed, began <= as_of.instant)
    ranges = [and_(length == n, began >= as_of.shifted(-span), *everywhere) for n, span in enumerate(SPANS)]
    return and_(as_of.holds(periods), or_(*ranges, and_(length == len(SPANS), *everywhere)))
