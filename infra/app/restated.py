"""Restated: which rows of a view read differently now, or at a later instant, than was known at an earlier one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from typing import Any, NamedTuple

from domain.events import MessageVoided
from domain.fact import Fact
from domain.kind import Kind
from domain.order.kind import ORDER
from domain.parcel.kind import PARCEL
from domain.standing_order.kind import STANDING_ORDER
from domain.streams import stream_name
from infra.app.container import Waybill
from infra.queries.streamed import Streamed
from infra.queries.views import Asked
from projections.diff import ChangeTally, RowChange, diff_sorted
from projections.table import Row
from projections.views.catalogue import View

CHANGES = {"added": "appeared", "gone": "vanished", "changed": "changed"}
"""What a reader of an answer sees of a row, by what the comparison of rows calls it."""
STREAMS_AT_ONCE = 500
SUBJECTS: Mapping[str, Kind] = {"order_id": ORDER, "standing_order_id": STANDING_ORDER, "tracking_number": PARCEL}
"""The kind of subject that a row is about, by the first column of the view's key; a rep's row is about many orders."""


class LaterMessage(NamedTuple):
    """A message about the subject of a restated row that was recorded between the two instants."""

    source: str
    id: str
    type: str
    recorded_at: datetime


class RestatedRow(NamedTuple):
    """A row that reads differently, with the messages about its subject that were recorded meanwhile.

    `messages` is empty for a row that is about many orders, such as a rep's.
    """

    change: RowChange
    messages: Sequence[LaterMessage]

    @property
    def kind(self) -> str:
        """appeared, vanished or changed."""
        return CHANGES[self.change.kind]


@dataclass
class Restated:
    """What reads differently, in the order of the view's key. `instant` is T, on both sides.

    `position` is what the later side reflects, and `head` the position of the newest event. `tally` counts the changes.
    """

    view: View
    instant: datetime
    position: int
    head: int
    rows: list[RestatedRow] = field(default_factory=list)
    tally: ChangeTally = field(default_factory=lambda: ChangeTally(0))

    @property
    def names_messages(self) -> bool:
        """Whether messages can be named for its rows."""
        return self.view.key[0] in SUBJECTS


def restated(
    waybill: Waybill,
    view: View,
    known_at: datetime,
    then: datetime | None = None,
    as_of: datetime | None = None,
    rep: str | None = None,
    on_row: Callable[[], None] = lambda: None,
) -> Restated:
    """Compare the view as known at `known_at` with the view now, or as known at `then`; T is the same on both sides.

    T is `as_of`, or else the clock. `rep` selects the rows that were or are this rep's. Memory holds the rows that
    differ. `on_row` is called for each of them.
    """
    now = waybill.clock()
    with ExitStack() as stack:
        before = stack.enter_context(waybill.views.stream(view, Asked(as_of, known_at), now=now))
        after = stack.enter_context(waybill.views.stream(view, Asked(as_of, then), now=now))
        found = Restated(view, as_of or now, after.position, waybill.history.head())
        names = list(before.columns)
        of_rep = _RowsOfRep(view, names, rep)
        sides = (of_rep.noted(_in_order_of_key(side, view)) for side in (before, after))
        changes = filter(of_rep, diff_sorted(names, view.key, *sides))
        while some := list(islice(changes, STREAMS_AT_ONCE)):
            found.tally.add(some)
            messages = _later_messages(waybill, view, some, _Meanwhile(known_at, then, as_of))
            for one in some:
                found.rows.append(RestatedRow(one, messages.get(one.key[0], ())))
                on_row()
    return found


def _in_order_of_key(answer: Streamed, view: View) -> Iterator[Row]:
    columns = answer.question.selected_columns
    question = answer.question.order_by(None).order_by(*(columns[name].asc().nulls_first() for name in view.key))
    streamed = Streamed(answer.connection, question, answer.position, answer.instant)
    return chain.from_iterable(streamed.batches())


class _RowsOfRep:
    """Notes which keys had a row of this rep, while the rows of both sides go by; None: every row's."""

    def __init__(self, view: View, names: Sequence[str], rep: str | None):
        self._rep = rep
        self._at = -1 if rep is None else names.index("rep_id")
        self._key = [names.index(name) for name in view.key]
        self._keys: set[Row] = set()

    def noted(self, rows: Iterator[Row]) -> Iterator[Row]:
        if self._rep is None:
            return rows
        return map(self._note, rows)

    def _note(self, row: Row) -> Row:
        if row[self._at] == self._rep:
            self._keys.add(tuple(row[index] for index in self._key))
        return row

    def __call__(self, change: RowChange) -> bool:
        return self._rep is None or change.key in self._keys


class _Meanwhile(NamedTuple):
    """Tells which facts may have changed a row: recorded between the two instants, and not about what came after T."""

    known_at: datetime
    then: datetime | None
    as_of: datetime | None

    def __call__(self, fact: Fact) -> bool:
        return (
            self.known_at < fact.recorded_at
            and (self.then is None or fact.recorded_at <= self.then)
            # A void counts whatever its time.
            and (self.as_of is None or fact.occurred_at <= self.as_of or isinstance(fact, MessageVoided))
        )


def _later_messages(
    waybill: Waybill, view: View, changes: Sequence[RowChange], meanwhile: _Meanwhile
) -> Mapping[Any, Sequence[LaterMessage]]:
    kind = SUBJECTS.get(view.key[0])
    if kind is None:
        return {}
    by_stream = {stream_name(kind, change.key[0]): change.key[0] for change in changes}
    return {
        by_stream[stream]: [
            LaterMessage(fact.source, fact.message_id, fact.TYPE, fact.recorded_at)
            for _, fact in events
            if isinstance(fact, Fact) and meanwhile(fact)
        ]
        for stream, events in waybill.history.whole_streams(by_stream)
    }
