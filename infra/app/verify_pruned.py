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
from infra.store.pruned import PrunedRow, pruned_rows, pruned_standing
from infra.store.register.tables import messages
from projections.order_states import ORDER_STATES, order_states
from projections.projection import Projection
from projections.table import RowTable

STREAMS_AT_ONCE = 500
_FROM_THE_EVENT = ("archive", "archive_id", "events", "digest", "first_position", "last_position", "operator")


class PrunedFinding(NamedTuple):
    """What is wrong with a pruned order: what was expected and found."""

    check: str
    subject: str
    expected: str
    found: str


class PrunedCheck:
    """Leaves out the pruned streams while all streams go by, and checks what is left of them; memory stays flat."""

    def __init__(self, connection: Connection, tables: Mapping[Projection, Mapping[RowTable[Any], Table]]):
        self._connection = connection
        self._states = tables[ORDER_STATES][order_states] if ORDER_STATES in tables else None
        self._waiting: dict[str, StreamPruned] = {}
        self._findings: list[PrunedFinding] = []
        self.seen = 0
        """How many pruned streams were left out."""

    def left_out(
        self, streams: Iterable[tuple[str, list[PositionedEvent]]]
    ) -> Iterator[tuple[str, list[PositionedEvent]]]:
        """The streams that are whole."""
        for name, events in streams:
            pruned = None if events[0].event.originator_version == 1 else pruned_by([each.event for each in events])
            if pruned is None:
                yield name, events
                continue
            self.seen += 1
            self._waiting[name] = pruned
            if len(self._waiting) == STREAMS_AT_ONCE:
                self._check()

    def findings(self, *, whole_store: bool) -> Iterator[PrunedFinding]:
        """After all streams went by: events, table, rows and messages say the same."""
        self._check()
        yield from self._findings
        if whole_store and (named := pruned_standing(self._connection).orders) > self.seen:
            yield PrunedFinding("pruned", "the table of pruned orders", str(self.seen), str(named))

    def _check(self) -> None:
        if not self._waiting:
            return
        told = {row.stream: row for row in pruned_rows(self._connection, list(self._waiting))}
        for stream, event in self._waiting.items():
            self._findings += _as_told(stream, event, told.get(stream))
        self._findings += self._check_messages()
        self._findings += self._check_rows()
        self._waiting = {}

    def _check_messages(self) -> Iterator[PrunedFinding]:
        c, events = messages.c, self._waiting
        rows = select(c.stream, c.version).where(c.subject.in_(map(_order_id, events)), c.stream.in_(list(events)))
        found = dict.fromkeys(events, 0)
        for stream, version in self._connection.execute(rows):
            found[stream] += version < events[stream].originator_version
        for stream, count in found.items():
            if count != (expected := events[stream].messages):
                yield PrunedFinding("pruned", f"messages in {stream}", str(expected), str(count))

    def _check_rows(self) -> Iterator[PrunedFinding]:
        if self._states is None:
            return
        ids, states = {_order_id(stream): stream for stream in self._waiting}, self._states.c
        present = select(states.order_id).where(states.order_id.in_(ids), states.valid_to.is_(None))
        for order_id in sorted(ids.keys() - set(self._connection.execute(present).scalars())):
            yield PrunedFinding("row", f"order_states of {ids[order_id]}", "its rows", "no row")


def _as_told(stream: str, event: StreamPruned, row: PrunedRow | None) -> Iterator[PrunedFinding]:
    expected = (event.originator_version, *(getattr(event, name) for name in _FROM_THE_EVENT))
    found = None if row is None else (row.version, *(getattr(row, name) for name in _FROM_THE_EVENT))
    if found != expected:
        yield PrunedFinding("pruned", stream, str(expected), "not named" if found is None else str(found))


def _order_id(stream: str) -> str:
    kind, order_id = split_stream_name(stream)
    assert kind is ORDER, "only orders are pruned"
    return order_id
