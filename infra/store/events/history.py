"""The stored events, read for projections and for queries about the past."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from domain.derived import facts_among
from domain.fact import Fact, StreamEvent
from domain.kind import Kind
from infra.store.backend import Backend, as_keys
from infra.store.events.codec import EVENT_COLUMNS, decode_event
from projections.history import Touched

ROWS_AT_ONCE = 2_000
LAST = 2**63 - 1
"""A position that no event has."""


class PositionedEvent(NamedTuple):
    """A stored event and its position among all events of the store."""

    position: int
    event: StreamEvent


class History:
    """Implements projections.history.History, and reads streams whole, one after another."""

    def __init__(self, backend: Backend):
        self._backend = backend
        self._engine = backend.engine
        position = f"e.{backend.position}"
        self._count = text(f"SELECT count(*) FROM {backend.events_table} AS e WHERE {position} > :position")
        self._facts = text(
            f"SELECT {EVENT_COLUMNS} FROM {backend.keys(1)} JOIN {backend.events_table} AS e ON e.originator_id = k.k0 "
            f"AND {position} <= :position ORDER BY e.originator_id, e.originator_version"
        )
        self._existing = text(
            f"SELECT e.originator_id FROM {backend.keys(1)} JOIN {backend.events_table} AS e "
            "ON e.originator_id = k.k0 AND e.originator_version = 1"
        )
        self._of_kind = text(
            f"SELECT e.originator_id FROM {backend.events_table} AS e "
            "WHERE substr(e.originator_id, 1, :length) = :prefix AND e.originator_version = 1"
        )
        self._stream = text(
            f"SELECT {position}, {EVENT_COLUMNS} FROM {backend.events_table} AS e WHERE e.originator_id = :stream "
            "ORDER BY e.originator_version"
        )
        self._after = text(
            f"SELECT {position}, {EVENT_COLUMNS} FROM {backend.events_table} AS e "
            f"WHERE {position} > :position AND {position} <= :up_to ORDER BY {position} LIMIT :limit"
        )
        # "+ 0": in the order of an index of streams, not of positions, which would have to be sorted.
        self._by_stream = text(
            f"SELECT {EVENT_COLUMNS} FROM {backend.events_table} AS e WHERE {position} + 0 <= :up_to "
            "ORDER BY e.originator_id, e.originator_version"
        )

    def head(self) -> int:
        """The position of the newest event, 0 in an empty store."""
        with self._engine.connect() as connection:
            return head_seen(connection, self._backend)

    def count_after(self, position: int) -> int:
        """How many events there are after a position."""
        with self._engine.connect() as connection:
            return int(connection.execute(self._count, {"position": position}).scalar_one())

    def touched_after(self, position: int, limit: int, up_to: int | None = None) -> Touched:
        rows = self._select(self._after, position=position, limit=limit, up_to=LAST if up_to is None else up_to)
        streams: dict[str, list[StreamEvent]] = {}
        for row in rows:
            streams.setdefault(row[1], []).append(decode_event(*row[1:]))
        return Touched(streams, len(rows), rows[-1][0] if rows else position)

    def facts_up_to(self, streams: Sequence[str], position: int) -> Mapping[str, list[Fact]]:
        events: dict[str, list[StreamEvent]] = {stream: [] for stream in streams}
        for row in self._select(self._facts, keys=as_keys(streams), position=position):
            event = decode_event(*row)
            events[event.originator_id].append(event)
        return {stream: facts_among(told) for stream, told in events.items()}

    def existing(self, streams: Iterable[str]) -> set[str]:
        """Those of the streams that have events."""
        return {row[0] for row in self._select(self._existing, keys=as_keys(streams))}

    def streams_of(self, kind: Kind) -> list[str]:
        """The streams of all subjects of a kind, in no particular order."""
        prefix = f"{kind.prefix}-"
        return [row[0] for row in self._select(self._of_kind, prefix=prefix, length=len(prefix))]

    def stream(self, name: str) -> list[PositionedEvent]:
        """All events of one stream, in the order of their versions."""
        return [PositionedEvent(row[0], decode_event(*row[1:])) for row in self._select(self._stream, stream=name)]

    def after(self, position: int, limit: int) -> list[PositionedEvent]:
        """The next events after a position, in the order of the store."""
        rows = self._select(self._after, position=position, limit=limit, up_to=LAST)
        return [PositionedEvent(row[0], decode_event(*row[1:])) for row in rows]

    def streams(self, up_to: int = LAST) -> Iterator[tuple[str, list[Fact]]]:
        """Every stream with its facts up to a position, one after another; memory holds one at a time."""
        for name, events in groupby(self._events_by_stream(up_to), key=attrgetter("originator_id")):
            yield name, facts_among(events)

    def _events_by_stream(self, up_to: int) -> Iterator[StreamEvent]:
        with self._engine.connect() as connection:
            streaming = connection.execution_options(stream_results=True, yield_per=ROWS_AT_ONCE)
            for row in streaming.execute(self._by_stream, {"up_to": up_to}):
                yield decode_event(*row)

    def _select(self, statement: Any, **parameters: Any) -> Sequence[Any]:
        with self._engine.connect() as connection:
            return connection.execute(statement, parameters).all()


def head_seen(connection: Connection, backend: Backend) -> int:
    """The position of the newest event, as seen by the connection's transaction; 0 in an empty store."""
    head = text(f"SELECT coalesce(max(e.{backend.position}), 0) FROM {backend.events_table} AS e")
    return int(connection.execute(head).scalar_one())
