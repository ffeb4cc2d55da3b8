"""A question names the tables of the versions and builds that answer, and no others."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Select, create_engine, literal
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect

from infra.queries.believed import believed_question
from infra.sql_views.relations import relations
from infra.store.projected.serving import Answering
from infra.store.projected.tables import StoredVersion, over_stored_tables
from projections.catalogue import every_projection
from projections.views.as_of import AsOf
from projections.views.beliefs import can_be_believed
from projections.views.catalogue import VIEWS, View
from projections.views.columns import Instant

T = datetime(2025, 3, 12, tzinfo=UTC)
PROJECTIONS = tuple(every_projection())
BUILD = 3
STORED = {projection.name: StoredVersion(projection.version, BUILD) for projection in PROJECTIONS}
TABLE = re.compile(r"\b\w+_v\d+(?:_b\d+)?\b")
CLOCKS = (AsOf.at(T), AsOf.at(T, present=True))
DIALECTS: dict[str, Dialect] = {
    "sqlite": sqlite.dialect(),
    "postgresql": postgresql.dialect(),  # type: ignore[no-untyped-call]
}
in_each_dialect = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
believed = pytest.mark.parametrize("view", [view for view in VIEWS if can_be_believed(view)], ids=lambda v: v.command)


def builds_in(question: Select[Any], dialect: Dialect) -> set[str]:
    """How the names of the stored tables end that a question reads."""
    names = TABLE.findall(str(question.compile(dialect=dialect)))
    return {name[name.rindex("_") :] for name in names}


@in_each_dialect
@pytest.mark.parametrize("view", VIEWS, ids=lambda v: v.command)
def test_a_view_reads_the_tables_of_the_build_in_use(view: View, dialect: Dialect) -> None:
    for as_of in CLOCKS:
        assert builds_in(over_stored_tables(view.question(as_of), view.projections, STORED), dialect) == {f"_b{BUILD}"}


@in_each_dialect
@believed
def test_a_view_as_known_at_an_instant_reads_the_beliefs_of_the_build_in_use(view: View, dialect: Dialect) -> None:
    with create_engine("sqlite://").connect() as connection:
        beliefs = Answering(connection, PROJECTIONS, STORED, position=1)
        for as_of in CLOCKS:
            assert builds_in(believed_question(beliefs, view.question(as_of), T), dialect) == {f"_b{BUILD}"}


@in_each_dialect
def test_the_functions_of_two_instants_read_relations_without_a_version(dialect: Dialect) -> None:
    found = [one for one in relations(hold=T - T, stored=STORED) if one.can_be_believed]
    assert found
    for one in found:
        for as_of in CLOCKS:
            question = one.believed_question(as_of, literal(T, Instant()))
            assert builds_in(question, dialect) == set(), one.name
            assert builds_in(one.stored_question(as_of), dialect) == {f"_b{BUILD}"}
