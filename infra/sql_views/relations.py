"""The relations for plain SQL: every view by its name, and the tables that the views query.

The list is the same for both databases. postgres.py defines it as a schema with views and functions, sqlite.py as
views of the file.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, select

from infra.queries.dead_letters import DEAD_LETTERS_COLUMN_DOCS, DEAD_LETTERS_DESCRIPTION, dead_letters
from infra.queries.malformed_history import malformed_history as malformed_history_rows
from infra.store.exchange_rates import exchange_rates
from infra.store.projected.tables import StoredVersion, over_relations, over_stored_tables
from projections.order_beliefs import ORDER_BELIEFS, order_beliefs, unapplied_beliefs
from projections.projection import Projection
from projections.table import RowTable
from projections.views.as_of import UTC_ZONE, AsOf
from projections.views.beliefs import as_known_at, can_be_believed, malformed_history
from projections.views.business_months import business_month_starts
from projections.views.catalogue import VIEWS, View
from projections.views.matched_scans import matched_scans
from projections.views.tables import table_of
from projections.views.untaken_messages import malformed_claims, untaken_messages

OF_REGISTER = {
    untaken_messages: "untaken_messages",
    malformed_claims: "malformed_claims",
    matched_scans: "matched_scans",
    business_month_starts: "business_months",
    exchange_rates: exchange_rates.name,
}
"""Relations besides the projections' rows, by name: parts of the register and the calendar, which views read, and the
rates that analysts fill."""
BELIEFS = (order_beliefs, unapplied_beliefs)
"""The tables that questions known at an instant read. A store has them only if it is bitemporal."""


Wanted = Callable[[Connection], Sequence["Relation"]]
"""The relations to define, as a transaction sees which tables serve."""


class NotAllowedError(Exception):
    """A role must not do this, or must not be granted it; the message says why and what to do."""


@dataclass(frozen=True, eq=False)
class Relation:
    """Rows with a name. `column_docs` says what each column means, in the order of the columns.

    `table` is the table of these rows; a view has none, and is queried as of an instant. `projections` are those whose
    tables the query reads.
    """

    name: str
    description: str
    column_docs: Mapping[str, str]
    question: Callable[[AsOf], Select[Any]]
    table: Table | None = None
    reads_more: bool = False
    """Whether the query reads tables that are not relations themselves, so that it needs its owner's rights."""
    projections: tuple[Projection, ...] = ()
    exact_decimals: bool = False
    """Whether it needs exact decimals, which a foreign client of an SQLite file does not have."""
    zone: str = UTC_ZONE
    """The business time zone, for months."""
    can_be_believed: bool = False
    """Whether it can be asked as known at an instant, of a store that keeps beliefs."""
    stored: Mapping[str, StoredVersion] = field(default_factory=dict)
    """Whose tables to read, by projection name; by default the first build of this code's versions."""

    def stored_question(self, as_of: AsOf) -> Select[Any]:
        """The query on the stored tables of the projections."""
        return over_stored_tables(self.question(as_of.in_zone(self.zone)), self.projections, self.stored)

    def relations_question(self, as_of: AsOf) -> Select[Any]:
        """The same query on relations that analysts may read."""
        return over_relations(self.question(as_of.in_zone(self.zone)), self.projections, OF_REGISTER)

    def believed_question(self, as_of: AsOf, known_at: ColumnElement[Any]) -> Select[Any]:
        """The query as known at an instant, on relations that analysts may read."""

        def over(rows: Select[Any]) -> Select[Any]:
            return over_relations(rows, (ORDER_BELIEFS,), {malformed_history: malformed_history.name})

        return as_known_at(self.question(as_of.in_zone(self.zone)), known_at, over)

    @property
    def description_now(self) -> str:
        """The query without an instant."""
        return self.description if self.table is not None else f"{self.description} As of now."


def relations(
    hold: timedelta, zone: str = UTC_ZONE, stored: Mapping[str, StoredVersion] | None = None
) -> Sequence[Relation]:
    """The tables of rows first, since the views' functions read these.

    `hold` is how long a message may be held, `zone` the business time zone, and `stored` whose tables they read. The
    same arguments give the same objects, so that what is computed from them can be kept. Those of beliefs are among
    them if `stored` has beliefs.
    """
    return _relations(hold, zone, frozenset((stored or {}).items()), tuple(VIEWS))


@lru_cache(maxsize=8)
def _relations(
    hold: timedelta, zone: str, stored: frozenset[tuple[str, StoredVersion]], views: tuple[View, ...]
) -> Sequence[Relation]:
    tables = {t: projection for view in views for projection in view.projections for t in projection.tables}
    letters = Relation(
        "dead_letters",
        DEAD_LETTERS_DESCRIPTION,
        DEAD_LETTERS_COLUMN_DOCS,
        lambda as_of: dead_letters(as_of, hold),
        reads_more=True,
    )
    of_tables = [_of_table(table, projection) for table, projection in tables.items()]
    of_views = [_of_view(view, zone) for view in views]
    of_beliefs = belief_relations() if ORDER_BELIEFS.name in dict(stored) else ()
    found = [*of_tables, *map(_of_register, OF_REGISTER), *of_beliefs, *of_views, letters]
    return tuple(replace(relation, stored=dict(stored)) for relation in found)


def belief_relations() -> Sequence[Relation]:
    """The relations that only a bitemporal store has."""
    docs = {column.name: column.comment or "" for column in malformed_history.c}
    letters = Relation(
        malformed_history.name,
        malformed_history.comment or "",
        docs,
        lambda _: malformed_history_rows(),
        malformed_history,
        projections=(ORDER_BELIEFS,),
    )
    return [*(_of_table(table, ORDER_BELIEFS) for table in BELIEFS), letters]


def _of_register(table: Table) -> Relation:
    column_docs = {column.name: column.comment or "" for column in table.c}
    return Relation(OF_REGISTER[table], table.comment or "", column_docs, lambda _: select(table), table)


def _of_table(declared: RowTable[Any], projection: Projection) -> Relation:
    column_docs = {column.name: column.doc for column in declared.columns}
    table = table_of(declared)
    return Relation(declared.name, declared.doc, column_docs, lambda _: select(table), table, projections=(projection,))


def _of_view(view: View, zone: str) -> Relation:
    column_docs = {name: column.doc for name, column in view.described.items()}
    return Relation(
        view.relation,
        view.description,
        column_docs,
        view.question,
        projections=view.projections,
        exact_decimals=view.exact_decimals,
        zone=zone,
        can_be_believed=can_be_believed(view),
    )
