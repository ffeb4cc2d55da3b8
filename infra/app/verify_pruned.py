"""Verify, for pruned orders: what is left of them in the store, their rows and messages, and the table that names them.

That the archive has their events is checked by `waybill archive verify`.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, select

from domain.order.kind import ORDER
from domain.pruning import StreamPruned, pruned_by
from domain.streams import split_stream_name
from infra.store.events.history import PositionedEvent
from infra.store.pruned import PrunedRow, pruned_rows
from infra.store.register.tables import messages
from projections.order_states import ORDER_STATES, order_states
from projections.projection import Projection
from projections.table import RowTable

STREAMS_AT_ONCE = 500
_FROM_THE_EVENT = ("version", "archive", "archive_id", "events", "first_position", "last_position", "operator")


class PrunedFinding(NamedTuple):
    """What is wrong with a pruned order: what was expected and found."""

    check: str
    subject: str
    expected: str
    found: str


class PrunedCheck:
    """Leaves out the pruned streams while all streams go by, and then checks what is left of them."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self._events: dict[str, StreamPruned] = {}

    @property
    def seen(self) -> int:
        """How many pruned streams were left out."""
        return len(self._events)

    def left_out(
        self, streams: Iterable[tuple[str, list[PositionedEvent]]]
    ) -> Iterator[tuple[str, list[PositionedEvent]]]:
        """The streams that are whole. Memory holds an event for each that is not."""
        for name, events in streams:
            if (pruned := pruned_by([each.event for each in events])) is None:
                yield name, events
            else:
                self._events[name] = pruned

    def findings(
        self, tables: Mapping[Projection, Mapping[RowTable[Any], Table]], *, whole_store: bool
    ) -> Iterator[PrunedFinding]:
        """After all streams went by: the table and the events say the same, and rows and messages are there."""
        told = {row.stream: row for row in pruned_rows(self._connection)} if self._events or whole_store else {}
        for stream, event in self._events.items():
            yield from _as_told(stream, event, told.pop(stream, None))
        if whole_store:
            yield from (PrunedFinding("pruned", stream, "a pruned stream", "its events") for stream in told)
        for some in _at_once(sorted(self._events)):
            yield from self._check_messages(some)
            if ORDER_STATES in tables:
                yield from self._check_rows(some, tables[ORDER_STATES][order_states])

    def _check_messages(self, streams: list[str]) -> Iterator[PrunedFinding]:
        c = messages.c
        rows = self._connection.execute(
            select(c.stream, c.version).where(c.subject.in_(map(_order_id, streams)), c.stream.in_(streams))
        )
        found = dict.fromkeys(streams, 0)
        for stream, version in rows:
            found[stream] += version < self._events[stream].originator_version
        for stream, count in found.items():
            if count != (expected := self._events[stream].messages):
                yield PrunedFinding("pruned", f"messages in {stream}", str(expected), str(count))

    def _check_rows(self, streams: list[str], states: Table) -> Iterator[PrunedFinding]:
        ids = {_order_id(stream): stream for stream in streams}
        present = select(states.c.order_id).where(states.c.order_id.in_(ids), states.c.valid_to.is_(None))
        there = set(self._connection.execute(present).scalars())
        for order_id in ids.keys() - there:
            yield PrunedFinding("row", f"order_states of {ids[order_id]}", "its rows", "no row")


def _as_told(stream: str, event: StreamPruned, row: PrunedRow | None) -> Iterator[PrunedFinding]:
    expected = (event.originator_version, *(getattr(event, name) for name in _FROM_THE_EVENT[1:]))
    found = None if row is None else tuple(getattr(row, name) for name in _FROM_THE_EVENT)
    if found != expected:
        yield PrunedFinding("pruned", stream, str(expected), "not named" if found is None else str(found))


def _at_once(streams: list[str]) -> Iterator[list[str]]:
    return (streams[start : start + STREAMS_AT_ONCE] for start in range(0, len(streams), STREAMS_AT_ONCE))


def _order_id(stream: str) -> str:
    kind, order_id = split_stream_name(stream)
    assert kind is ORDER, "only orders are pruned"
    return order_id
