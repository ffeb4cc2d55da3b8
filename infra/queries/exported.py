"""Every relation that can be exported, and reading several of them from one snapshot of the store.

They are the relations that analysts query with SQL (the views, the rows behind them, the dead letters), and the orders'
timelines.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, Select, Table, select

from domain.order.kind import ORDER
from infra.queries.dead_letters import dead_letters
from infra.queries.in_processes import InProcesses, in_one_process
from infra.queries.known_at import scratch_of
from infra.queries.order_timelines import COLUMNS, DESCRIPTION, ORDER_TIMELINE, Timelines
from infra.queries.orders import Orders
from infra.queries.streamed import Streamed
from infra.queries.untaken import UntakenThen
from infra.queries.views import Asked
from infra.sql_views.relations import Relation, relations
from infra.store.business_months import expect_business_months
from infra.store.engine import snapshot
from infra.store.events.history import History
from infra.store.exchange_rates import exchange_rates
from infra.store.projected.serving import answering
from infra.store.projected.unreadable import unreadable_row
from projections.order_states import ORDER_STATES
from projections.parcel_scans import PARCEL_SCANS
from projections.projection import Projection
from projections.table import Row, ValueType
from projections.views.as_of import UTC_ZONE, AsOf
from projections.views.business_months import business_month_starts, reads_business_months
from projections.views.catalogue import ANY_INSTANT, VIEWS
from projections.views.columns import UnreadableValueError
from projections.views.matched_scans import matched_scans
from projections.views.tables import value_type
from projections.views.untaken_messages import malformed_claims, untaken_messages

DEAD_LETTERS = "dead_letters"
PERIOD = ("valid_from", "valid_to")
HAPPENED = ("contacted_at", "scanned_at", "missed_at", "placed_at", "occurred_at", "recorded_at", "valid_from")
"""Of a table without periods: the column that says when a row's fact happened; the first of these that it has."""
_FOLLOWS: Mapping[Table, tuple[Projection, ...]] = {
    untaken_messages: (ORDER_STATES,),
    malformed_claims: (ORDER_STATES,),
    matched_scans: (PARCEL_SCANS,),
}
"""What is settled, with known-at, to find what the register has."""


@dataclass(frozen=True, eq=False)
class ExportedColumn:
    """A column of an exported relation, with its meaning."""

    name: str
    type: ValueType
    doc: str


@dataclass(frozen=True, eq=False)
class Exported:
    """A relation that can be exported. `command` is the verb of a view, None for other relations.

    `rows_behind` says that it has the rows behind the views: without an instant all periods, else those that held then.
    """

    relation: str
    command: str | None
    description: str
    key: Sequence[str]
    columns: Sequence[ExportedColumn]
    question: Callable[[AsOf], Select[Any]] | None
    """None if its rows are computed one by one."""
    projections: Sequence[Projection]
    rows_behind: bool = False
    counts_untaken: bool = False
    matches_scans: bool = False

    def is_named(self, name: str) -> bool:
        """Whether this is its name: its verb or its relation, with hyphens or underscores."""
        named = name.replace("-", "_")
        return named in (self.relation, (self.command or self.relation).replace("-", "_"))


@lru_cache(maxsize=8)
def exported_relations(hold: timedelta, zone: str = UTC_ZONE) -> Sequence[Exported]:
    """All of them, the views first; `hold` is how long a message may be held, `zone` the business time zone."""
    found = {relation.name: relation for relation in relations(hold, zone)}
    views = [view.relation for view in VIEWS]
    behind = (name for name in found if name not in views)
    return [*(_exported(found[name]) for name in (*views, *behind)), _TIMELINES]


_TIMELINES = Exported(
    ORDER_TIMELINE,
    None,
    DESCRIPTION,
    ["order_id", "position"],
    [ExportedColumn(name, value_type, doc) for name, (value_type, doc) in COLUMNS.items()],
    None,
    (),
)


def _exported(relation: Relation) -> Exported:
    view = next((view for view in VIEWS if view.relation == relation.name), None)
    table = relation.table
    question = relation.question if table is None else partial(_rows_of, table)
    columns = [
        ExportedColumn(str(column.name), value_type(column.type), relation.column_docs.get(str(column.name), ""))
        for column in question(ANY_INSTANT).selected_columns
    ]
    if view is not None:
        key: Sequence[str] = view.key
    elif table is not None:
        key = [column.name for column in table.primary_key.columns]
    else:
        key = ["letter_id"]
    return Exported(
        relation.name,
        view.command if view is not None else None,
        relation.description,
        key,
        columns,
        question,
        relation.projections or (_FOLLOWS.get(table, ()) if table is not None else ()),
        rows_behind=table is not None,
        counts_untaken=table in (untaken_messages, malformed_claims) or (view is not None and view.counts_untaken),
        matches_scans=table is matched_scans or (view is not None and view.matches_scans),
    )


def _rows_of(table: Table, as_of: AsOf) -> Select[Any]:
    """The rows of a table; at an instant, those that held then, or what had happened by then."""
    question = select(table).order_by(*(table.primary_key.columns or table.columns))
    if as_of.present or table in (business_month_starts, exchange_rates):
        return question
    if all(name in table.columns for name in PERIOD):
        return question.where(as_of.holds(table))
    happened = next(name for name in HAPPENED if name in table.columns)
    return question.where(table.columns[happened] <= as_of.instant)


class Rows(Protocol):
    """The rows of an answer, which can be read once, with each column's name and type."""

    @property
    def columns(self) -> Mapping[str, ValueType]: ...

    @property
    def position(self) -> int: ...

    @property
    def instant(self) -> datetime: ...

    def count(self) -> int:
        """How many rows there are."""

    def batches(self) -> Iterator[Sequence[Row]]:
        """All rows, some thousands at a time."""


@dataclass(frozen=True)
class Reader:
    """Answers exports from one snapshot. `position` is what all of them reflect at least; `instant` is T (UTC)."""

    instant: datetime
    position: int
    answer: Callable[[Exported, str | None], Rows]
    """A relation's rows by the reader's clocks; only those of a rep, if one is given."""


class Exports:
    """Opens readers of relations. `hold` is how long a message may be held, `zone` an IANA name."""

    def __init__(
        self,
        engine: Engine,
        history: History,
        clock: Callable[[], datetime],
        hold: timedelta,
        clock_skew: timedelta,
        zone: str = UTC_ZONE,
        in_processes: InProcesses = in_one_process,
    ):
        self._engine = engine
        self._history = history
        self._clock = clock
        self._hold = hold
        self._clock_skew = clock_skew
        self._zone = zone
        self._in_processes = in_processes

    @property
    def relations(self) -> Sequence[Exported]:
        """All relations that can be exported."""
        return exported_relations(self._hold, self._zone)

    @contextmanager
    def reading(self, wanted: Sequence[Exported], asked: Asked) -> Iterator[Reader]:
        """One snapshot by these clocks for these relations. Memory stays flat.

        With `known_at`, the facts recorded by then are settled once for all of them.
        """
        now = self._clock()
        instant = asked.as_of or now
        projections = list(dict.fromkeys(projection for one in wanted for projection in one.projections))
        with ExitStack() as stack:
            connection = stack.enter_context(snapshot(self._engine))
            head = self._history.within(connection).head()
            letters = dead_letters(AsOf.at(_earliest(asked, now)), self._hold)

            def of_register(one: Exported) -> Rows | None:
                """The rows that no projection has and no clock but their own decides."""
                if one.relation == DEAD_LETTERS:
                    return Streamed(connection, letters, head, instant)
                if one.question is None:
                    return self._timelines(connection, asked, now, head)
                if not one.projections:  # the calendar, and what analysts fill in
                    return Streamed(connection, one.question(AsOf.at(instant)), head, instant)
                return None

            if asked.known_at is None:
                answers = answering(connection, projections) if projections else None

                def stored(one: Exported, rep: str | None) -> Rows:
                    if (found := of_register(one)) is not None:
                        return found
                    assert one.question is not None
                    as_of = AsOf.at(instant, present=asked.as_of is None, zone=self._zone)
                    question = _of_rep(one.question(as_of), rep)
                    if reads_business_months(question):
                        expect_business_months(connection, self._zone)
                    own = answering(connection, one.projections)
                    return Streamed(connection, own.over(question), own.position, instant)

                try:
                    yield Reader(instant, head if answers is None else answers.position, stored)
                except UnreadableValueError as e:
                    raise unreadable_row(connection, projections, e) from e
                return
            then: Connection | None = None
            if projections:
                then = stack.enter_context(
                    self._settled(connection, head, wanted, projections, asked, asked.known_at, now)
                )

            def settled(one: Exported, rep: str | None) -> Rows:
                if (found := of_register(one)) is not None:
                    return found
                assert one.question is not None and then is not None
                # The settled rows have nothing after T, so a view asks them for the present.
                present = asked.as_of is None or not one.rows_behind
                question = one.question(AsOf.at(instant, present=present, zone=self._zone))
                return Streamed(then, _of_rep(question, rep), head, instant)

            yield Reader(instant, head, settled)

    @contextmanager
    def _settled(
        self,
        store: Connection,
        head: int,
        wanted: Sequence[Exported],
        projections: Sequence[Projection],
        asked: Asked,
        known_at: datetime,
        now: datetime,
    ) -> Iterator[Connection]:
        counts_untaken = any(one.counts_untaken for one in wanted)
        all_periods = asked.as_of is None and any(one.rows_behind for one in wanted)
        with (
            scratch_of(
                self._history,
                projections,
                asked.as_of,
                known_at,
                self._clock_skew,
                self._zone,
                now,
                up_to=head,
                only_lasting=not all_periods,
                untaken=UntakenThen(store, self._history.within(store), known_at) if counts_untaken else None,
                matches_scans=any(one.matches_scans for one in wanted),
                in_processes=self._in_processes,
            ) as scratch,
            scratch.connect() as connection,
        ):
            yield connection

    def _timelines(self, connection: Connection, asked: Asked, now: datetime, head: int) -> Timelines:
        history = self._history.within(connection)
        orders = Orders(self._engine, history, self._clock_skew, self._zone)
        return Timelines(
            partial(orders.timelines, now, asked.as_of, asked.known_at),
            partial(history.count_of_kinds, [ORDER], head),
            head,
            asked.as_of or now,
        )


def _earliest(asked: Asked, now: datetime) -> datetime:
    return min((clock for clock in (asked.as_of, asked.known_at) if clock is not None), default=now)


def _of_rep(question: Select[Any], rep: str | None) -> Select[Any]:
    return question if rep is None else question.where(question.selected_columns["rep_id"] == rep)
