"""Given what happened, then these rows: the twin of tests/unit/domain/specification.py for projections.

    projecting.given(placed(8), booked(9)).then(order_states, row(valid_from=8, valid_to=9, stage="to_book"), …)

One case is run in memory, where nothing is at work but `shape` and `contribution`, and on real stores, where the facts
are stored one by one and each is projected in a step of its own. Rows are compared in the columns that are named, and
instants are given as hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import create_engine, event, insert, select

from domain.events import MessageVoided
from domain.fact import Fact
from domain.streams import settle_stream, split_stream_name, stream_name
from infra.app.container import Waybill
from infra.queries.views import Asked
from infra.store.events.codec import encode_event
from infra.store.sqlite.decimal_functions import add_decimal_functions
from projections.catalogue import PROJECTIONS
from projections.projection import Projection, Settled
from projections.runner import Runner
from projections.table import Row, RowTable
from projections.totals import sum_contributions
from projections.views.as_of import AsOf
from projections.views.catalogue import View, view_named
from projections.views.tables import metadata, table_of
from projections.views.untaken_messages import malformed_claims, untaken_messages
from tests.unit.domain.facts import oclock
from tests.unit.domain.specification import SUBJECT_ID, kind_of

Streams = Mapping[str, Sequence[Fact]]
NamedRow = dict[str, Any]


def row(**columns: Any) -> NamedRow:
    """What a row is expected to have, among other columns."""
    return columns


class Home(Protocol):
    """Where rows come to be."""

    def rows(self, streams: Streams, table: RowTable[Any]) -> list[NamedRow]:
        """All rows of a table, when these facts were told and projected."""

    def answer(self, streams: Streams, view: View, as_of: datetime) -> list[NamedRow]:
        """The rows of a view as of an instant, in its order."""


class Memory:
    """No store at all: what the projections say of the settled subjects."""

    def rows(self, streams: Streams, table: RowTable[Any]) -> list[NamedRow]:
        shaped: dict[str, list[Any]] = {}
        for projection in PROJECTIONS:
            for projected in projection.tables:
                shaped[projected.name] = list(_shaped(streams, projection, projected))
            for totals in projection.totals:
                lasting = [each for each in shaped[totals.over.name] if each.valid_to is None]
                sums = sum_contributions(totals, [], lasting)
                shaped[totals.table.name] = totals.table.rows((*key, *measures) for key, measures in sums.items())
        return [each._asdict() for each in shaped[table.name]]

    def answer(self, streams: Streams, view: View, as_of: datetime) -> list[NamedRow]:
        engine = create_engine("sqlite://")
        event.listen(engine, "connect", lambda connection, _: add_decimal_functions(connection))
        metadata.create_all(engine)
        untaken_messages.create(engine)
        malformed_claims.create(engine)
        with engine.begin() as connection:
            for table in (table for projection in view.projections for table in projection.tables):
                if rows := self.rows(streams, table):
                    connection.execute(insert(table_of(table)), rows)
            return [dict(found._mapping) for found in connection.execute(view.question(AsOf.at(as_of)))]


def _shaped(streams: Streams, projection: Projection, table: RowTable[Any]) -> Iterable[Row]:
    for stream, facts in streams.items():
        kind, subject_id = split_stream_name(stream)
        if kind is projection.kind:
            yield from projection.shape(Settled(kind, subject_id, settle_stream(stream, list(facts))))[table.name]


def shaped_rows(table: RowTable[Any], *facts: Fact) -> list[Any]:
    """The rows of a table that follow from facts of one subject, as the projection shapes them."""
    (projection,) = (each for each in PROJECTIONS if table in each.tables)
    kind = kind_of(facts)
    return list(_shaped({stream_name(kind, SUBJECT_ID[kind]): facts}, projection, table))


class Stored:
    """A store, filled and projected event by event: each step takes old contributions away and adds new ones."""

    def __init__(self, waybill: Waybill):
        self._waybill = waybill
        self._told: set[tuple[str, int]] = set()

    def rows(self, streams: Streams, table: RowTable[Any]) -> list[NamedRow]:
        self._project(streams)
        with self._waybill.engine.connect() as connection:
            return [dict(found._mapping) for found in connection.execute(select(table_of(table)))]

    def answer(self, streams: Streams, view: View, as_of: datetime) -> list[NamedRow]:
        self._project(streams)
        return [dict(found) for found in self._waybill.views.ask(view, Asked(as_of)).rows]

    def _project(self, streams: Streams) -> None:
        runner = Runner(self._waybill.history, self._waybill.rows, PROJECTIONS, batch_events=1)
        for stream, facts in streams.items():
            for version, fact in enumerate(facts, 1):
                if (stream, version) not in self._told:
                    self._told.add((stream, version))
                    with self._waybill.engine.begin() as connection:
                        self._waybill.backend.insert_events(
                            connection, [(stream, version, fact.TOPIC, encode_event(fact))]
                        )
        while runner.step():
            pass


class Projecting:
    """Begins a specification."""

    def __init__(self, home: Home):
        self._home = home

    def given(self, *facts: Fact, of: str | None = None) -> Projected:
        """Facts of one subject: of the usual one of its kind unless one is named."""
        return Projected(self._home, {}).given(*facts, of=of)


class Projected:
    """What was told so far, of one subject or of several."""

    def __init__(self, home: Home, streams: Streams):
        self._home = home
        self._streams = streams

    def given(self, *facts: Fact, of: str | None = None) -> Projected:
        """Facts of one more subject, or more facts of the same. A void alone is about the subject told of last."""
        if of is None and self._streams and all(isinstance(fact, MessageVoided) for fact in facts):
            stream = list(self._streams)[-1]
        else:
            kind = kind_of(facts)
            stream = stream_name(kind, of or SUBJECT_ID[kind])
        return Projected(self._home, {**self._streams, stream: [*self._streams.get(stream, ()), *facts]})

    def then(self, table: RowTable[Any], *expected: NamedRow) -> Projected:
        """The table has these rows and no others, in the order of their keys. A total of nothing is no row."""
        keys = table.key
        found = self._home.rows(self._streams, table)
        found.sort(key=lambda each: [each[name] for name in keys])
        assert len(found) == len(expected), found
        for actual, wanted in zip(found, expected, strict=True):
            seen = {name: actual[name] for name in wanted}
            assert seen == {name: _as_in(actual[name], value) for name, value in wanted.items()}
        return self

    def seen(self, command: str, at: float, *expected: NamedRow) -> Projected:
        """As of that hour the view has these rows and no others, in its order."""
        found = self._home.answer(self._streams, view_named(command), oclock(at))
        assert len(found) == len(expected), found
        for actual, wanted in zip(found, expected, strict=True):
            seen = {name: actual[name] for name in wanted}
            assert seen == {name: _as_in(actual[name], value) for name, value in wanted.items()}
        return self


def _as_in(actual: Any, expected: Any) -> Any:
    """An hour stands for the instant where there is one."""
    return oclock(expected) if isinstance(actual, datetime) and isinstance(expected, int | float) else expected
