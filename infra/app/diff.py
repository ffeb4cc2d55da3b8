"""Diff: which rows a rebuild of a view would change, before it does.

The rows that people query (those of the live version) are compared with the rows that this code shapes from the events
up to the live version's position. So it may run beside writers. It only reads.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, MetaData, Table, inspect, select

from domain.nearest import did_you_mean
from domain.streams import stream_name
from infra.app.believed_anew import believed_batches
from infra.app.container import Waybill
from infra.app.settled_anew import STREAMS_AT_ONCE, ShapedBatch, shaped_batches
from infra.store.engine import read_in_snapshot
from infra.store.events.history import History
from infra.store.projected.serving import LiveVersion, live_versions
from infra.store.projected.tables import StoredVersion
from projections.catalogue import PROJECTIONS, every_projection
from projections.diff import ChangeTally, RowChange, diff
from projections.projection import Projection
from projections.table import Row, RowTable
from projections.totals import Totals, TotalsTally
from projections.views.catalogue import VIEWS, view_named
from projections.views.columns import Unreadable, as_stored
from projections.views.tables import SQL_TYPES, version_suffix

SAMPLES = 5
"""The number of changed rows that are shown for each table, unless the caller asks for more."""


class TableDiff(NamedTuple):
    """What a rebuild would change in one table: its rows as queried now (`before`) and as shaped again (`after`).

    `columns` counts the changed rows in which a column differs. `new_columns` and `old_columns` exist only in this
    code or only in the live version; their values are not compared. `samples` are the first changes by key.
    """

    projection: str
    table: str
    live_version: int
    version: int
    position: int
    rows: int
    added: int
    gone: int
    changed: int
    columns: Mapping[str, int]
    new_columns: Sequence[str]
    old_columns: Sequence[str]
    samples: Sequence[RowChange]

    @property
    def differs(self) -> bool:
        return bool(self.added or self.gone or self.changed or self.new_columns or self.old_columns)


class ShapeFailsError(Exception):
    """A projection's shape raised, so a rebuild would stop; the message names the subject and the reason."""


class UnknownViewError(ValueError):
    """No view and no projection has this name; the message lists the names."""


def projections_named(name: str) -> Sequence[Projection]:
    """The projections of a view, or the one with this name. Raises UnknownViewError."""
    own = [projection for projection in every_projection() if projection.name == name.replace("-", "_")]
    if own:
        return own
    try:
        return view_named(name).projections
    except KeyError:
        known = [projection.name for projection in PROJECTIONS]
        nearest = did_you_mean(name, [*(view.command for view in VIEWS), *known])
        raise UnknownViewError(
            f"{name!r} is neither a view nor a projection; the projections are {', '.join(known)}{nearest}"
        ) from None


def diff_projections(
    waybill: Waybill,
    projections: Sequence[Projection],
    as_of: datetime | None = None,
    *,
    samples: int = SAMPLES,
    on_stream: Callable[[], None] | None = None,
) -> list[TableDiff]:
    """Compare all rows, or only those that are valid at `as_of`; memory stays flat. `on_stream` is called for each."""

    def compared(connection: Connection) -> list[TableDiff]:
        kinds = {kind for projection in projections for kind in projection.kinds}
        waybill.history.within(connection).expect_unpruned(kinds, "a comparison of all rows needs all events")
        live = live_versions(connection, projections)
        found = [
            _Comparison(connection, projection, declared, live[projection.name], as_of, samples)
            for projection in projections
            for declared in projection.tables
        ]
        _compare(waybill, waybill.history.within(connection), found, on_stream)
        totals = [
            _compare_totals(connection, projection, totals, live[projection.name], found, samples)
            for projection in projections
            for totals in projection.totals
            if as_of is None
        ]
        return [each.result() for each in (*found, *totals)]

    return read_in_snapshot(waybill.engine, compared)


@dataclass
class _Comparison:
    """The comparison of one table, batch by batch."""

    connection: Connection
    projection: Projection
    declared: RowTable[Any]
    live: LiveVersion
    as_of: datetime | None
    most_samples: int
    rows: int = 0

    def __post_init__(self) -> None:
        self.stored, self.names, self.new_columns, self.old_columns = _stored(
            self.connection, self.declared, self.live.stored
        )
        self.indexes = [self.declared.names.index(name) for name in self.names]
        self.tally = ChangeTally(self.most_samples)
        self.totals = [TotalsTally(totals) for totals in self.projection.totals if totals.over is self.declared]

    def take(self, subjects: Sequence[str], shaped: Iterable[Row]) -> None:
        """Compare the stored rows of these subjects with the rows shaped from their facts."""
        fresh = list(shaped)
        for totals in self.totals:
            totals.add((), fresh)
        after = self._comparable(fresh)
        before: list[Row] = []
        if self.stored is not None:
            subject = self.stored.c[self.declared.subject]
            before += map(
                tuple, self.connection.execute(select(*map(as_stored, self.stored.c)).where(subject.in_(subjects)))
            )
        self.rows += len(before)
        self.tally.add(diff(self.names, self.declared.key, self._valid(before), self._valid(after)))

    def take_totals(self, sums: Mapping[Row, Sequence[int]]) -> None:
        """Compare all stored totals with these; they are few. Those of 0 are as good as none."""
        keys = len(self.declared.key)
        before: list[Row] = [] if self.stored is None else [*map(tuple, self.connection.execute(select(self.stored)))]
        self.rows += len(before)
        after = self._comparable((*key, *measures) for key, measures in sums.items())
        self.tally.add(diff(self.names, self.declared.key, [row for row in before if any(row[keys:])], after))

    def take_orphans(self, history: History, without_events: Collection[str] = ()) -> None:
        """Stored rows of subjects without a stream would be gone, unless the subjects need none."""
        if self.stored is None:
            return
        subject = self.stored.c[self.declared.subject]
        subjects = iter(self.connection.execute(select(subject).distinct().order_by(subject)).scalars().all())
        while batch := list(islice(subjects, STREAMS_AT_ONCE)):
            streams = {stream_name(self.projection.kind, subject_id): subject_id for subject_id in batch}
            existing = history.existing(streams) | (streams.keys() & set(without_events))
            if orphans := [subject_id for stream, subject_id in streams.items() if stream not in existing]:
                self.take(orphans, ())

    def result(self) -> TableDiff:
        return TableDiff(
            self.projection.name,
            self.declared.name,
            self.live.version,
            self.projection.version,
            self.live.position,
            self.rows,
            self.tally.added,
            self.tally.gone,
            self.tally.changed,
            self.tally.columns,
            self.new_columns,
            self.old_columns,
            self.tally.samples,
        )

    def _comparable(self, fresh: Iterable[Row]) -> list[Row]:
        """The rows with the columns of both sides alone."""
        return [tuple(row[index] for index in self.indexes) for row in fresh]

    def _valid(self, rows: list[Row]) -> list[Row]:
        """The rows that are valid at the asked instant; all without one, or in a table without periods."""
        as_of = self.as_of
        if as_of is None or not {"valid_from", "valid_to"} <= set(self.names):
            return rows
        begins, ends = self.names.index("valid_from"), self.names.index("valid_to")
        return [
            row
            for row in rows
            if isinstance(row[begins], Unreadable)
            or isinstance(row[ends], Unreadable)
            or (row[begins] <= as_of and (row[ends] is None or as_of < row[ends]))
        ]


def _compare(
    waybill: Waybill, history: History, compared: Sequence[_Comparison], on_stream: Callable[[], None] | None
) -> None:
    settled = [each for each in compared if not each.projection.bitemporal]
    believed = [each for each in compared if each.projection.bitemporal]
    if settled:
        positions = {each.projection: each.live.position for each in settled}
        for batch in shaped_batches(history.whole_streams(), positions, on_stream):
            _take(batch, settled)
    without_events: set[str] = set()
    for projection, position in {each.projection: each.live.position for each in believed}.items():
        for batch in believed_batches(waybill, history, projection, position):
            _take(batch, [each for each in believed if each.projection is projection])
            streams = {stream_name(projection.kind, subject) for subject in batch.subjects[projection.kind]}
            without_events |= streams - history.existing(streams)
    for each in compared:
        each.take_orphans(history, without_events)


def _take(batch: ShapedBatch, compared: Sequence[_Comparison]) -> None:
    for failed in batch.failures:
        raise ShapeFailsError(f"{failed.projection.name} cannot take {failed.stream}: {failed.reason}")
    for each in compared:
        if subjects := batch.subjects.get(each.projection.kind):
            each.take(subjects, batch.rows.get(each.declared.name, ()))


def _compare_totals(
    connection: Connection,
    projection: Projection,
    totals: Totals,
    live: LiveVersion,
    compared: Sequence[_Comparison],
    samples: int,
) -> _Comparison:
    """The comparison of a table of totals, by the sums over the rows that were compared before."""
    (sums,) = (tally.sums for each in compared for tally in each.totals if tally.totals is totals)
    found = _Comparison(connection, projection, totals.table, live, None, samples)
    found.take_totals(sums)
    return found


class _Stored(NamedTuple):
    """A stored table with the columns `names` that this code has too, and the columns of one side alone.

    The table is None if the version does not have it, or has it with another key: then every row is new.
    """

    table: Table | None
    names: Sequence[str]
    new_columns: Sequence[str]
    old_columns: Sequence[str]


def _stored(connection: Connection, declared: RowTable[Any], live: StoredVersion) -> _Stored:
    name = declared.name + version_suffix(*live)
    inspector = inspect(connection)
    there = [column["name"] for column in inspector.get_columns(name)] if inspector.has_table(name) else []
    new = [column for column in declared.names if column not in there]
    old = [column for column in there if column not in declared.names]
    if set(declared.key) & set(new):
        return _Stored(None, declared.names, new, old)
    common = [column for column in declared.columns if column.name in there]
    table = Table(name, MetaData(), *(Column(column.name, SQL_TYPES[column.type]) for column in common))
    return _Stored(table, [column.name for column in common], new, old)
