"""The projections' tables by (name, version), and the tables of their checkpoints and live versions.

The names that analysts query point to the live version. See docs/decisions/013-tables-by-version.md.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, Table, Text, false, true
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import ClauseElement

from infra.store.register.tables import register_metadata
from projections.projection import Projection
from projections.table import RowTable
from projections.views.tables import sql_table, table_of, version_suffix

projection_positions = Table(
    "projection_positions",
    register_metadata,
    Column("name", Text, primary_key=True, comment="The projection."),
    Column("version", Integer, primary_key=True, comment="The version of its rows' meaning."),
    Column("position", BigInteger, nullable=False, comment="The last event that its rows reflect."),
    Column(
        "paused",
        Boolean,
        nullable=False,
        default=False,
        server_default=false(),
        comment="Whether an operator paused it.",
    ),
    Column(
        "filled",
        Boolean,
        nullable=False,
        default=True,
        server_default=true(),
        comment="False while a new version has not come as far as the one before it.",
    ),
    comment="How far each version of each projection has come.",
)

live_projections = Table(
    "live_projections",
    register_metadata,
    Column("name", Text, primary_key=True, comment="The projection."),
    Column("version", Integer, nullable=False, comment="The version that the analysts' names point to."),
    comment="Which version of each projection is live.",
)

Question = TypeVar("Question", bound=ClauseElement)


def tables_of(projection: Projection) -> tuple[RowTable[Any], ...]:
    """All tables of a projection: first rows, then totals."""
    return (*projection.tables, *(totals.table for totals in projection.totals))


def stored_tables(projection: Projection) -> Mapping[RowTable[Any], Table]:
    """The stored table of a declared table, for this version of the projection."""
    return _stored_tables(tables_of(projection), version_suffix(projection.version))


def over_stored_tables(question: Question, projections: Iterable[Projection]) -> Question:
    """A query on the tables of these versions; by default, this code's own."""
    return _over(question, {table_of(t): s for p in projections for t, s in stored_tables(p).items()})


def over_relations(
    question: Question, projections: Iterable[Projection], others: Mapping[Table, str] | None = None
) -> Question:
    """A query on the names that analysts query, which have no version.

    `others` names the relations of further tables.
    """
    renamed = {table: table.to_metadata(MetaData(), name=name) for table, name in (others or {}).items()}
    return _over(question, {table_of(t): _relation(t) for p in projections for t in tables_of(p)} | renamed)


def _over(question: Question, tables: Mapping[Table, Table]) -> Question:
    """The query with some tables replaced."""
    others = {table: other for table, other in tables.items() if other.name != table.name}
    if not others:
        return question

    def replacement(element: Any, **_: Any) -> Any:
        if isinstance(element, Table):
            return others.get(element)
        if isinstance(element, Column) and element.table in others:
            return others[element.table].c[element.name]
        return None

    return cast(Question, visitors.replacement_traverse(question, {}, replacement))


@cache
def _stored_tables(declared: tuple[RowTable[Any], ...], suffix: str) -> Mapping[RowTable[Any], Table]:
    return {each: _own_or_other(each, suffix) for each in declared}


def _own_or_other(declared: RowTable[Any], suffix: str) -> Table:
    own = table_of(declared)
    return own if own.name == declared.name + suffix else sql_table(declared, MetaData(), suffix)


@cache
def _relation(declared: RowTable[Any]) -> Table:
    return sql_table(declared, MetaData())
