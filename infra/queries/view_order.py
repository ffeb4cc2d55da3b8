"""The order of a view's rows, and where in it the next page begins (a keyset).

Rows are sorted by columns of the view, then by its key, so that no two rows are at one place. Nulls are last in both
directions. Without a sort, rows come in the view's own order.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Boolean, Column, ColumnElement, Float, Integer, Select, UnaryExpression, and_, false, or_
from sqlalchemy.sql.operators import desc_op

from infra.queries.view_filters import WrongQueryError, comparable, constant, expect_column
from projections.views.catalogue import View
from projections.views.columns import Amount, Hours, Instant


class SortTerm(NamedTuple):
    """One column to sort by. `name` is the name that its value has in a row of the answer."""

    name: str
    column: ColumnElement[Any]
    descending: bool
    nullable: bool
    hidden: bool
    """Whether the view's own order has it and its columns do not, so that it must be read beside them."""

    @property
    def type(self) -> type:
        """The type of its values in Python."""
        for declared, python in _PYTHON_TYPES:
            if isinstance(self.column.type, declared):
                return python
        return str

    def clause(self) -> ColumnElement[Any]:
        """Its part of ORDER BY."""
        compared = comparable(self.column)
        directed = compared.desc() if self.descending else compared.asc()
        return directed.nulls_last() if self.nullable else directed

    def equals(self, value: Any) -> ColumnElement[bool]:
        return self.column.is_(None) if value is None else comparable(self.column) == constant(value, self.column.type)

    def beyond(self, value: Any, *, inclusive: bool = False) -> ColumnElement[bool] | None:
        """What comes after this value; None after a null, because nothing does."""
        if value is None:
            return None
        compared, given = comparable(self.column), constant(value, self.column.type)
        if inclusive:
            passed = compared <= given if self.descending else compared >= given
        else:
            passed = compared < given if self.descending else compared > given
        return or_(passed, self.column.is_(None)) if self.nullable else passed


_PYTHON_TYPES: Sequence[tuple[Any, type]] = (
    (Instant, datetime),
    (Amount, Decimal),
    (Hours, Decimal),
    (Boolean, bool),
    (Integer, int),
    (Float, float),
)


def sort_terms(view: View, columns: Mapping[str, ColumnElement[Any]], sort: str) -> list[SortTerm]:
    """The terms of a sort such as "-hours_overdue,rep_id", then those of the key. Raises WrongQueryError."""
    terms: dict[str, SortTerm] = {}
    for part in sort.split(","):
        name = part.removeprefix("-")
        expect_column(view, name, "sort")
        if name in terms:
            raise WrongQueryError("sort", f"{name} is named twice; name each column once")
        terms[name] = _by_column(name, columns[name], descending=part.startswith("-"))
    for name in view.key:
        terms.setdefault(name, _by_column(name, columns[name], descending=False))
    return list(terms.values())


def _by_column(name: str, column: ColumnElement[Any], *, descending: bool) -> SortTerm:
    # An index can give the order of a column that is never null; NULLS LAST would make PostgreSQL sort.
    nullable = not isinstance(column, Column) or bool(column.nullable)
    return SortTerm(name, column, descending, nullable, hidden=False)


def own_terms(question: Select[Any]) -> list[SortTerm]:
    """The terms of the view's own order, which is never changed, so that its index serves."""
    selected = {id(column): column.name for column in question.selected_columns}
    terms = []
    for place, clause in enumerate(question._order_by_clauses):
        descending = isinstance(clause, UnaryExpression) and clause.modifier is desc_op
        column = clause.element if descending else clause
        assert isinstance(column, ColumnElement)
        name = selected.get(id(column))
        terms.append(
            SortTerm(
                name or f"_place_{place}",
                column,
                descending,
                nullable=not isinstance(column, Column) or bool(column.nullable),
                hidden=name is None,
            )
        )
    return terms


def after(terms: Sequence[SortTerm], values: Sequence[Any]) -> ColumnElement[bool]:
    """The rows that come after the row with these values of the terms."""
    ways = []
    for place, (term, value) in enumerate(zip(terms, values, strict=True)):
        beyond = term.beyond(value)
        if beyond is not None:
            earlier = zip(terms[:place], values[:place], strict=True)
            ways.append(and_(*(one.equals(given) for one, given in earlier), beyond))
    if not ways:
        return false()
    first = terms[0].beyond(values[0], inclusive=True)
    if first is None or isinstance(terms[0].column.type, Amount):
        return or_(*ways)
    # Said once more of the first term alone, because an index can begin at that.
    return and_(first, or_(*ways))
