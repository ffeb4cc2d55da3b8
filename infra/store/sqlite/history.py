"""The stored events on SQLite, read for projections and for questions about the past."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

import msgspec

from domain.fact import Fact, StreamEvent
from infra.store.mapper import decode_event
from infra.store.sqlite.recorder import RegisteringRecorder
from projections.runner import Touched

ROWS_AT_ONCE = 2_000


class PositionedEvent(NamedTuple):
    """A stored event and its position among all events of the store."""

    position: int
    event: StreamEvent


class SqliteHistory:
    """Implements projections.runner.History, and reads streams whole, one after another."""

    def __init__(self, recorder: RegisteringRecorder):
        self._recorder = recorder
        self._table = recorder.events_table_name

    def head(self) -> int:
        """The position of the newest event, 0 in an empty store."""
        with self._recorder.reading() as c:
            return self._recorder.newest_position(c)

    def count_after(self, position: int) -> int:
        """How many events there are after a position."""
        with self._recorder.reading() as c:
            c.execute(f"SELECT count(*) FROM {self._table} WHERE rowid > ?", (position,))
            return int(c.fetchone()[0])

    def touched_after(self, position: int, limit: int) -> Touched:
        with self._recorder.reading() as c:
            c.execute(
                f"SELECT rowid, originator_id FROM {self._table} WHERE rowid > ? ORDER BY rowid LIMIT ?",
                (position, limit),
            )
            rows = c.fetchall()
        return Touched(list(dict.fromkeys(row[1] for row in rows)), len(rows), rows[-1][0] if rows else position)

    def facts_up_to(self, streams: Sequence[str], position: int) -> Mapping[str, list[Fact]]:
        with self._recorder.reading() as c:
            c.execute(
                "SELECT e.originator_id, e.originator_version, e.topic, e.state FROM json_each(?) AS k "
                f"CROSS JOIN {self._table} AS e ON e.originator_id = k.value AND e.rowid <= ?",
                (msgspec.json.encode(streams).decode(), position),
            )
            rows = c.fetchall()
        facts: dict[str, list[Fact]] = {stream: [] for stream in streams}
        for row in rows:
            event = decode_event(*row)
            if isinstance(event, Fact):
                facts[event.originator_id].append(event)
        return facts

    def existing(self, streams: Iterable[str]) -> set[str]:
        """Those of the streams that have events."""
        with self._recorder.reading() as c:
            c.execute(
                f"SELECT DISTINCT e.originator_id FROM json_each(?) AS k CROSS JOIN {self._table} AS e "
                "ON e.originator_id = k.value AND e.originator_version = 1",
                (msgspec.json.encode(list(streams)).decode(),),
            )
            return {row[0] for row in c.fetchall()}

    def stream(self, name: str) -> list[PositionedEvent]:
        """All events of one stream, in the order of their versions."""
        with self._recorder.reading() as c:
            c.execute(
                f"SELECT rowid, originator_id, originator_version, topic, state FROM {self._table} "
                "WHERE originator_id = ? ORDER BY originator_version",
                (name,),
            )
            rows = c.fetchall()
        return [PositionedEvent(row[0], decode_event(*row[1:])) for row in rows]

    def streams(self) -> Iterator[tuple[str, list[Fact]]]:
        """Every stream with its facts, one after another, in the order of names; memory holds one at a time."""
        for name, events in groupby(self._by_stream(), key=attrgetter("originator_id")):
            yield name, [event for event in events if isinstance(event, Fact)]

    def _by_stream(self) -> Iterator[StreamEvent]:
        with self._recorder.reading() as c:
            c.execute(
                f"SELECT originator_id, originator_version, topic, state FROM {self._table} "
                "ORDER BY originator_id, originator_version"
            )
            while rows := c.sqlite_cursor.fetchmany(ROWS_AT_ONCE):
                for row in rows:
                    yield decode_event(*row)

    def after(self, position: int, limit: int) -> list[PositionedEvent]:
        """The next events after a position, in the order of the store."""
        with self._recorder.reading() as c:
            c.execute(
                f"SELECT rowid, originator_id, originator_version, topic, state FROM {self._table} "
                "WHERE rowid > ? ORDER BY rowid LIMIT ?",
                (position, limit),
            )
            rows = c.fetchall()
        return [PositionedEvent(row[0], decode_event(*row[1:])) for row in rows]
