"""The stored events, read for projections and for queries about the past."""

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from datetime import datetime
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Column, Connection, select, text

from domain.derived import facts_among
from domain.fact import Fact, StreamEvent
from domain.kind import Kind
from domain.order.kind import ORDER
from domain.pruning import StreamPruned, pruned_by
from domain.streams import operator_stream, split_stream_name
from infra.store.backend import Backend, as_keys
from infra.store.engine import connected, each_statement_alone
from infra.store.events.codec import EVENT_COLUMNS, decode_event
from infra.store.events.ranges import ALL_STREAMS, StreamRange, within_ranges
from infra.store.pruned import PrunedOrdersError, pruned_streams
from projections.history import Touched

ROWS_AT_ONCE = 2_000
STREAMS_AT_ONCE = 500
LAST = 2**63 - 1
"""A position that no event has."""


class PositionedEvent(NamedTuple):
    """A stored event and its position among all events of the store."""

    position: int
    event: StreamEvent


class NewestEvent(NamedTuple):
    """The position of an event, and when it was recorded (UTC)."""

    position: int
    recorded_at: datetime


class _Recorded(msgspec.Struct):
    """The only field that is read of an event to know when it was recorded."""

    recorded_at: datetime


_RECORDED = msgspec.json.Decoder(_Recorded)


class History:
    """Implements projections.history.History, and reads streams whole, one after another.

    Each method reads on a connection of its own, unless `connection` is given (see `within`).
    """

    def __init__(self, backend: Backend, connection: Connection | None = None):
        self._backend = backend
        self._engine = backend.engine
        self._one_statement = each_statement_alone(backend.engine)
        self._connection = connection
        position = f"e.{backend.position}"
        self._count = text(f"SELECT count(*) FROM {backend.events_table} AS e WHERE {position} > :position")
        self._count_some = text(
            f"SELECT count(*) FROM (SELECT 1 FROM {backend.events_table} AS e WHERE {position} > :position "
            "LIMIT :at_most) AS counted"
        )
        self._newest = text(
            f"SELECT {position}, e.state FROM {backend.events_table} AS e ORDER BY {position} DESC LIMIT 1"
        )
        # That a stream is pruned is seen from any position: before it, the stream has no events left.
        self._facts = text(
            f"SELECT {EVENT_COLUMNS} FROM {backend.keys(1)} JOIN {backend.events_table} AS e ON e.originator_id = k.k0 "
            f"AND ({position} <= :position OR e.topic = '{StreamPruned.TOPIC}') "
            "ORDER BY e.originator_id, e.originator_version"
        )
        self._count_up_to = text(f"SELECT count(*) FROM {backend.events_table} AS e WHERE {position} <= :position")
        self._existing = text(
            f"SELECT e.originator_id FROM {backend.keys(1)} JOIN {backend.events_table} AS e "
            f"ON e.originator_id = k.k0 AND e.originator_version = 1 AND {position} <= :position "
            f"UNION SELECT p.stream FROM {backend.keys(1)} JOIN {pruned_streams.name} AS p "
            "ON p.stream = k.k0 AND p.first_position <= :position"
        )
        self._of_kind = text(
            f"SELECT e.originator_id FROM {backend.events_table} AS e "
            "WHERE substr(e.originator_id, 1, :length) = :prefix AND e.originator_version = 1 "
            f"UNION SELECT p.stream FROM {pruned_streams.name} AS p WHERE substr(p.stream, 1, :length) = :prefix"
        )
        self._stream = text(
            f"SELECT {position}, {EVENT_COLUMNS} FROM {backend.events_table} AS e WHERE e.originator_id = :stream "
            "ORDER BY e.originator_version"
        )
        self._after = text(
            f"SELECT {position}, {EVENT_COLUMNS} FROM {backend.events_table} AS e "
            f"WHERE {position} > :position AND {position} <= :up_to ORDER BY {position} LIMIT :limit"
        )
        self._work_after = text(
            f"SELECT {position}, {EVENT_COLUMNS} FROM {backend.events_table} AS e WHERE {position} > :position "
            f"AND substr(e.originator_id, 1, :length) <> :acts ORDER BY {position} LIMIT 1"
        )
        self._next_streams = (
            f"SELECT e.originator_id, max(e.originator_version) FROM {backend.events_table} AS e "
            "WHERE {ranges} AND ({kinds}) GROUP BY e.originator_id ORDER BY e.originator_id LIMIT :limit"
        )
        self._streams_beside = text(
            f"SELECT e.originator_id FROM {backend.events_table} AS e "
            "WHERE e.originator_id > :after AND e.originator_version = 1 ORDER BY e.originator_id LIMIT :limit"
        )
        self._count_of_kinds = (
            f"SELECT count(*) FROM {backend.events_table} AS e "
            f"WHERE {position} <= :up_to AND {{ranges}} AND ({{kinds}})"
        )
        self._sizes = (
            f"SELECT e.originator_id, max(e.originator_version) FROM {backend.events_table} AS e "
            "WHERE {ranges} AND ({kinds}) GROUP BY e.originator_id ORDER BY e.originator_id"
        )
        # "+ 0" as below. Kinds are not a condition: the planner would expect few rows of them, and sort them.
        self._in_range = (
            f"SELECT {EVENT_COLUMNS} FROM {backend.events_table} AS e WHERE {{ranges}} AND {position} + 0 <= :up_to "
            "ORDER BY e.originator_id, e.originator_version"
        )
        self._in_order = (
            f"SELECT {EVENT_COLUMNS} FROM {backend.events_table} AS e "
            f"WHERE {{ranges}} AND {position} + 0 <= :up_to AND ({{kinds}}) "
            "ORDER BY e.originator_id, e.originator_version"
        )
        # "+ 0": in the order of an index of streams, not of positions, which would have to be sorted.
        self._by_stream = text(
            f"SELECT {position}, {EVENT_COLUMNS} FROM {backend.events_table} AS e WHERE {position} + 0 <= :up_to "
            "ORDER BY e.originator_id, e.originator_version"
        )
        self._of_streams = text(
            f"SELECT {position}, {EVENT_COLUMNS} FROM {backend.keys(1)} JOIN {backend.events_table} AS e "
            "ON e.originator_id = k.k0 ORDER BY e.originator_id, e.originator_version"
        )
        self._names = text(
            f"SELECT e.originator_id FROM {backend.events_table} AS e WHERE e.originator_version = 1 "
            f"UNION SELECT p.stream FROM {pruned_streams.name} AS p ORDER BY 1"
        )
        self._archive_of_pruned = text(f"SELECT max(archive) FROM {pruned_streams.name}")
        self._count_pruned = text(f"SELECT count(*) FROM {pruned_streams.name} WHERE last_position > :position")
        self._events_pruned = text(
            f"SELECT coalesce(sum(events), 0) FROM {pruned_streams.name} WHERE last_position <= :position"
        )
        self._states = text(f"SELECT e.originator_id, e.state FROM {backend.events_table} AS e")

    def within(self, connection: Connection) -> "History":
        """The same history as this connection's transaction sees it; all methods read on this connection."""
        return History(self._backend, connection)

    def head(self) -> int:
        """The position of the newest event, 0 in an empty store."""
        with self._connected() as connection:
            return head_seen(connection, self._backend)

    def newest(self) -> NewestEvent | None:
        """The newest event of the store; None if it has none."""
        row = next(iter(self._select(self._newest)), None)
        return None if row is None else NewestEvent(row[0], _RECORDED.decode(row[1]).recorded_at)

    def count_after(self, position: int, at_most: int | None = None) -> int:
        """How many events there are after a position; counting ends at `at_most`."""
        if at_most is None:
            return int(self._select(self._count, position=position)[0][0])
        return int(self._select(self._count_some, position=position, at_most=at_most)[0][0])

    def count_up_to(self, position: int) -> int:
        """How many events there are up to a position, with those of orders that were pruned."""
        pruned = int(self._select(self._events_pruned, position=position)[0][0])
        return pruned + int(self._select(self._count_up_to, position=position)[0][0])

    def touched_after(self, position: int, limit: int, up_to: int | None = None) -> Touched:
        rows = self._select(self._after, position=position, limit=limit, up_to=LAST if up_to is None else up_to)
        streams: dict[str, list[StreamEvent]] = {}
        for row in rows:
            streams.setdefault(row[1], []).append(decode_event(*row[1:]))
        return Touched(streams, len(rows), rows[-1][0] if rows else position)

    def facts_up_to(self, streams: Sequence[str], position: int) -> Mapping[str, list[Fact]]:
        """The facts of these streams up to and including a position, in the order of their versions.

        Raises PrunedStreamError if one of them is pruned.
        """
        return {stream: facts_among(told) for stream, told in self._events_up_to(streams, position).items()}

    def facts_of_whole(self, streams: Sequence[str], position: int) -> Mapping[str, list[Fact]]:
        found = self._events_up_to(streams, position)
        return {stream: facts_among(told) for stream, told in found.items() if pruned_by(told) is None}

    def _events_up_to(self, streams: Sequence[str], position: int) -> Mapping[str, list[StreamEvent]]:
        """The events of these streams up to a position, and also a later one by which a stream is pruned."""
        events: dict[str, list[StreamEvent]] = {stream: [] for stream in streams}
        for row in self._select(self._facts, keys=as_keys(streams), position=position):
            event = decode_event(*row)
            events[event.originator_id].append(event)
        return events

    def count_pruned(self, after: int = 0) -> int:
        """How many orders are pruned that had events after a position (domain/pruning.py)."""
        return int(self._select(self._count_pruned, position=after)[0][0])

    def expect_unpruned(self, kinds: Collection[Kind], what: str, after: int = 0) -> None:
        """Raise PrunedOrdersError if events of orders after a position are pruned, and orders are among these kinds.

        `what` says in words who needs all events.
        """
        if ORDER in kinds and (count := self.count_pruned(after)):
            raise PrunedOrdersError(count, what, str(self._select(self._archive_of_pruned)[0][0]))

    def existing(self, streams: Iterable[str], position: int = LAST) -> set[str]:
        """Those of the streams that have events up to a position, or had some that are pruned."""
        return {row[0] for row in self._select(self._existing, keys=as_keys(streams), position=position)}

    def without_events(self, named: Column[str]) -> list[str]:
        """The streams that this column names and that have no events."""
        events = f"SELECT 1 FROM {self._backend.events_table} AS e WHERE e.originator_id = {named.table}.{named.name}"
        missing = select(named).where(text(f"NOT EXISTS ({events})")).distinct()
        with self._connected() as connection:
            return sorted(connection.execute(missing).scalars())

    def streams_of(self, kind: Kind) -> list[str]:
        """The streams of all subjects of a kind, in no particular order."""
        prefix = f"{kind.prefix}-"
        return [row[0] for row in self._select(self._of_kind, prefix=prefix, length=len(prefix))]

    def next_streams(
        self, after: str, kinds: Iterable[Kind], limit: int, until: str | None = None
    ) -> Sequence[tuple[str, int]]:
        """The next streams of these kinds after one, in the order of the store, with the number of their events."""
        statement, parameters = _formatted(self._next_streams, kinds, [StreamRange(after, until)])
        return [(row[0], row[1]) for row in self._select(statement, limit=limit, **parameters)]

    def streams_beside(self, after: str, limit: int) -> list[str]:
        """The next streams after this name, of whatever kind: it reads no more of the index than these."""
        return [row[0] for row in self._select(self._streams_beside, after=after, limit=limit)]

    def count_of_kinds(self, kinds: Iterable[Kind], up_to: int, ranges: Sequence[StreamRange] = ALL_STREAMS) -> int:
        """How many events up to a position the streams of these kinds have, those in one of the ranges."""
        statement, parameters = _formatted(self._count_of_kinds, kinds, ranges)
        return int(self._select(statement, up_to=up_to, **parameters)[0][0])

    def sizes(self, among: StreamRange, kinds: Iterable[Kind]) -> Iterator[tuple[str, int]]:
        """The streams of these kinds in a range, in the order of the store, with the number of their events."""
        statement, parameters = _formatted(self._sizes, kinds, [among])
        return ((row[0], row[1]) for row in self._stream_rows(statement, **parameters))

    def streams_within(self, among: StreamRange, kinds: Iterable[Kind], up_to: int) -> Mapping[str, list[StreamEvent]]:
        """The streams of these kinds in a range, in the order of the store, with all their events up to a position."""
        statement, parameters = _formatted(self._in_order, kinds, [among])
        rows = self._select(statement, up_to=up_to, **parameters)
        return {stream: [decode_event(*row) for row in told] for stream, told in groupby(rows, key=lambda row: row[0])}

    def stream(self, name: str) -> list[PositionedEvent]:
        """All events of one stream, in the order of their versions."""
        return [PositionedEvent(row[0], decode_event(*row[1:])) for row in self._select(self._stream, stream=name)]

    def after(self, position: int, limit: int) -> list[PositionedEvent]:
        """The next events after a position, in the order of the store."""
        rows = self._select(self._after, position=position, limit=limit, up_to=LAST)
        return [PositionedEvent(row[0], decode_event(*row[1:])) for row in rows]

    def first_work_after(self, position: int) -> PositionedEvent | None:
        """The first event after a position that is no operator's act: acts change no view and need no reaction."""
        rows = self._select(
            self._work_after, position=position, acts=operator_stream(""), length=len(operator_stream(""))
        )
        return next((PositionedEvent(row[0], decode_event(*row[1:])) for row in rows), None)

    def streams(self, up_to: int = LAST) -> Iterator[tuple[str, list[Fact]]]:
        """Every stream with its facts up to a position, one after another; memory holds one at a time."""
        for name, events in self.whole_streams(up_to=up_to):
            yield name, facts_among(positioned.event for positioned in events)

    def facts_of_kinds(
        self, kinds: Collection[Kind], up_to: int = LAST, among: StreamRange = ALL_STREAMS[0]
    ) -> Iterator[tuple[str, list[Fact]]]:
        """The streams of these kinds in a range, each with its facts up to a position; memory holds one at a time."""
        in_range, bounds = within_ranges([among])
        statement = text(self._in_range.format(ranges=in_range))
        with closing(self._stream_rows(statement, up_to=up_to, **bounds)) as found:
            for name, rows in groupby(found, key=itemgetter(0)):
                if split_stream_name(name)[0] in kinds:
                    yield name, facts_among(decode_event(*row) for row in rows)

    def whole_streams(
        self, names: Iterable[str] | None = None, up_to: int = LAST
    ) -> Iterator[tuple[str, list[PositionedEvent]]]:
        """Every stream (or only these) with all its events up to a position; memory holds one at a time."""
        if names is None:
            yield from _by_stream(self._stream_rows(self._by_stream, up_to=up_to))
            return
        remaining = iter(names)
        while some := list(islice(remaining, STREAMS_AT_ONCE)):
            found = _by_stream(self._select(self._of_streams, keys=as_keys(some)))
            yield from ((name, [event for event in events if event.position <= up_to]) for name, events in found)

    def stream_names(self) -> Iterator[str]:
        """The names of all streams, in their order."""
        return (row[0] for row in self._stream_rows(self._names))

    def streams_recorded_since(self, instant: datetime) -> set[str]:
        """The streams with an event recorded at this instant or later. It reads every event, but decodes only that."""
        rows = self._stream_rows(self._states)
        return {stream for stream, state in rows if _RECORDED.decode(state).recorded_at >= instant}

    def _stream_rows(self, statement: Any, **parameters: Any) -> Generator[Any]:
        streaming = {"stream_results": True, "yield_per": ROWS_AT_ONCE}
        with self._connected() as connection:
            yield from connection.execute(statement, parameters, execution_options=streaming)

    def _select(self, statement: Any, **parameters: Any) -> Sequence[Any]:
        with connected(self._one_statement, self._connection) as connection:
            return connection.execute(statement, parameters).all()

    def _connected(self) -> AbstractContextManager[Connection]:
        return connected(self._engine, self._connection)


def _by_stream(rows: Iterable[Any]) -> Iterator[tuple[str, list[PositionedEvent]]]:
    """The events of rows that are in the order of streams."""
    for name, events in groupby(rows, key=lambda row: row[1]):
        yield name, [PositionedEvent(row[0], decode_event(*row[1:])) for row in events]


def _formatted(sql: str, kinds: Iterable[Kind], ranges: Sequence[StreamRange]) -> tuple[Any, Mapping[str, str]]:
    """A statement on the streams of these kinds in these ranges, and its parameters."""
    (of_kinds, prefixes), (in_ranges, bounds) = _of_kinds(kinds), within_ranges(ranges)
    return text(sql.format(kinds=of_kinds, ranges=in_ranges)), {**prefixes, **bounds}


def _of_kinds(kinds: Iterable[Kind]) -> tuple[str, Mapping[str, str]]:
    """A condition that a stream is of one of these kinds, and its parameters."""
    prefixes = sorted({f"{kind.prefix}-" for kind in kinds})
    said = " OR ".join(
        f"substr(e.originator_id, 1, {len(prefix)}) = :prefix_{number}" for number, prefix in enumerate(prefixes)
    )
    return said, {f"prefix_{number}": prefix for number, prefix in enumerate(prefixes)}


def head_seen(connection: Connection, backend: Backend) -> int:
    """The position of the newest event, as seen by the connection's transaction; 0 in an empty store."""
    head = text(f"SELECT coalesce(max(e.{backend.position}), 0) FROM {backend.events_table} AS e")
    return int(connection.execute(head).scalar_one())
