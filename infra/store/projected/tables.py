"""The projections' tables by (name, version, build), and the tables of their checkpoints, live versions and builds.

The names that analysts query point to the live version, and there to the build that is in use. See
docs/decisions/013-tables-by-version.md and 021-rebuild-beside.md.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple, TypeVar, cast

from sqlalchemy import BigInteger, Boolean, Column, Connection, Integer, MetaData, Table, Text, true
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import ClauseElement

from infra.store.register.tables import register_metadata
from projections.projection import Projection
from projections.table import RowTable
from projections.views.columns import Instant
from projections.views.tables import sql_table, table_of, version_suffix

projection_positions = Table(
    "projection_positions",
    register_metadata,
    Column("name", Text, primary_key=True, comment="The projection."),
    Column("version", Integer, primary_key=True, comment="The version of its rows' meaning."),
    Column("position", BigInteger, nullable=False, comment="The last event that its rows reflect."),
    Column(
        "filled",
        Boolean,
        nullable=False,
        default=True,
        server_default=true(),
        comment="Whether the version may answer. False: it needs a rebuild.",
    ),
    Column(
        "build",
        Integer,
        nullable=False,
        default=0,
        server_default="0",
        comment="Which build's tables are in use: 0 are the first ones, others were filled by a rebuild.",
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

projection_builds = Table(
    "projection_builds",
    register_metadata,
    Column("name", Text, primary_key=True, comment="The projection."),
    Column("version", Integer, primary_key=True, comment="The version of its rows' meaning."),
    Column("build", Integer, primary_key=True, comment="The number in the names of its tables."),
    Column("position", BigInteger, nullable=False, comment="The last event that its rows reflect."),
    Column("stream", Text, comment="The last stream that was filled, empty at first; null: all are."),
    Column("served", Boolean, nullable=False, comment="Whether it was in use before another build."),
    Column("parked", Text, nullable=False, comment="Its failures while it was in use, as JSON."),
    Column("begun_at", Instant(), nullable=False, comment="When it was begun; of one that served: when it ended."),
    Column(
        "parts",
        Integer,
        nullable=False,
        default=0,
        server_default="0",
        comment="In how many parts its filling was cut; 0: it is not.",
    ),
    comment="Builds that are not in use: being filled by a rebuild, or kept to go back to.",
)

projection_build_parts = Table(
    "projection_build_parts",
    register_metadata,
    Column("name", Text, primary_key=True, comment="The projection."),
    Column("version", Integer, primary_key=True, comment="The version of its rows' meaning."),
    Column("build", Integer, primary_key=True, comment="The number in the names of its tables."),
    Column("part", Integer, primary_key=True, comment="The number of the part, from 0 on, in the order of streams."),
    Column("stream", Text, nullable=False, comment="The last stream that was filled, or the one before the part."),
    Column("until", Text, comment="The last stream of the part; null: it has all that follow."),
    comment="Parts of a build that several processes fill.",
)

Question = TypeVar("Question", bound=ClauseElement)


class StoredVersion(NamedTuple):
    """Whose tables: those of a version of a projection, and of its builds, this one."""

    version: int
    build: int = 0


def tables_of(projection: Projection) -> tuple[RowTable[Any], ...]:
    """All tables of a projection: first rows, then totals."""
    return (*projection.tables, *(totals.table for totals in projection.totals))


def stored_tables(projection: Projection, build: int = 0) -> Mapping[RowTable[Any], Table]:
    """The stored table of a declared table, for this version of the projection and this build."""
    return tables_at(projection, StoredVersion(projection.version, build))


def tables_at(projection: Projection, stored: StoredVersion) -> Mapping[RowTable[Any], Table]:
    """The same for any version, under the assumption that it has the columns of this code's version."""
    return _stored_tables(tables_of(projection), version_suffix(*stored))


def of_version(table: Table, projection: Projection) -> Any:
    """Whether a row of positions, builds or failures is of this code's version of a projection."""
    return (table.c.name == projection.name) & (table.c.version == projection.version)


def drop_tables(connection: Connection, projection: Projection, stored: StoredVersion) -> None:
    """Drop the tables of a version and build, which must not be in use."""
    for table in tables_at(projection, stored).values():
        table.drop(connection, checkfirst=True)


def over_stored_tables(
    question: Question, projections: Iterable[Projection], stored: Mapping[str, StoredVersion] | None = None
) -> Question:
    """A query on the tables of these versions, by projection name; by default the first build of this code's own."""
    versions = stored or {}
    return _over(
        question,
        {
            table_of(declared): table
            for p in projections
            for declared, table in tables_at(p, versions.get(p.name, StoredVersion(p.version))).items()
        },
    )


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
