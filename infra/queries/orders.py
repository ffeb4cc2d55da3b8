"""One order: how it stands, what happened to it and what was not taken of it, by both clocks."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Engine

from domain.derived import MessageWithdrawn, facts_among, is_derived
from domain.fact import Fact, FactKey, StreamEvent
from domain.order.kind import ORDER
from domain.order.summary import OrderSummary
from domain.settling import Settling, up_to
from domain.streams import settle_stream, split_stream_name, stream_name
from infra.queries.untaken_of_order import UntakenOfOrder, untaken_now, untaken_then
from infra.settled_then.derived import DerivedThen
from infra.store.engine import snapshot
from infra.store.events.history import LAST, History, PositionedEvent
from projections.order_details import OrderDetails, order_details
from projections.order_timeline import NOT_TOLD, TimelineEntry, order_timeline

ORDERS_AT_ONCE = 500


class OrderReading(NamedTuple):
    """The stored events of an order's stream, and its facts that count by the two clocks, in the order of the stream.

    With `known_at`, `known` are the facts known then, whenever they occurred; without it, all facts that stand.
    """

    stream: str
    events: Sequence[PositionedEvent]
    known: Sequence[Fact]
    facts: Sequence[Fact]


class OrderAnswer(NamedTuple):
    """An order at an instant `at` (UTC), and the position that everything reflects at least.

    `summary` is None before it is placed. `untaken` are the messages about it, up to `at`, that were not taken.
    `settling` is that of the facts of `reading`.
    """

    at: datetime
    summary: OrderSummary | None
    details: OrderDetails
    untaken: Sequence[UntakenOfOrder]
    timeline: Sequence[TimelineEntry]
    position: int
    reading: OrderReading
    settling: Settling[Any]

    def fields(self) -> dict[str, Any] | None:
        """The order's own fields: those of its summary, `completed_at`, and what depends on the instant."""
        summary = self.summary
        if summary is None:
            return None
        told = {name: value for name, value in msgspec.structs.asdict(summary).items() if name not in NOT_TOLD}
        return {
            **told,
            "completed_at": summary.delivered_at,
            "on_time": summary.on_time_at(self.at),
            "follow_ups": summary.follow_ups_at(self.at),
            "untaken_messages": len(self.untaken),
        }

    def document(self) -> dict[str, Any]:
        """As JSON has it: the order with all its details (in place of their counts), and its timeline."""
        fields = self.fields()
        order = None if fields is None else {**fields, **self.details._asdict(), "untaken": self.untaken}
        return {"order": order, "timeline": [entry._asdict() for entry in self.timeline]}


class Orders:
    """Reads the streams of orders, and of the register what was not taken."""

    def __init__(self, engine: Engine, history: History, clock_skew: timedelta, time_zone: str):
        self._engine = engine
        self._history = history
        self._clock_skew = clock_skew
        self._time_zone = time_zone

    def order(
        self, order_id: str, now: datetime, as_of: datetime | None = None, known_at: datetime | None = None
    ) -> OrderAnswer | None:
        """The order at `as_of`, or `now`; None when nothing is known of it by these clocks.

        Raises PrunedStreamError if its events were pruned.
        """
        at = as_of or now
        if known_at is None:
            head = self._history.head()  # asked first: what is read next reflects at least this much
            reading = self.read(order_id, now, as_of)
            untaken = untaken_now(self._engine, order_id, at)
        else:
            with snapshot(self._engine) as connection:
                history = self._history.within(connection)
                head = history.head()
                reading = self._read(history, order_id, now, as_of, known_at)
                untaken = untaken_then(connection, history, self._clock_skew, order_id, reading.known, at, known_at)
        stream, events, _, facts = reading
        if not facts and not untaken:
            return None
        settling = settle_stream(stream, [*facts])
        told = _of_now(events, facts, as_of) if known_at is None else _of_then(events, facts, known_at)
        summary = settling.moments[-1].summary if settling.moments else None
        timeline = order_timeline(told, settling)
        return OrderAnswer(at, summary, order_details(settling), untaken, timeline, head, reading, settling)

    def read(
        self, order_id: str, now: datetime, as_of: datetime | None = None, known_at: datetime | None = None
    ) -> OrderReading:
        """The order's events and facts; empty when nothing is known of it."""
        return self._read(self._history, order_id, now, as_of, known_at)

    def _read(
        self, history: History, order_id: str, now: datetime, as_of: datetime | None, known_at: datetime | None
    ) -> OrderReading:
        stream = stream_name(ORDER, order_id)
        events = history.stream(stream)
        known = facts_among(e.event for e in events)
        if known_at is not None:
            then = DerivedThen.at(history, known_at, self._clock_skew, self._time_zone, now, LAST)
            known = list(then.known({stream: known}).streams[stream])
        return OrderReading(stream, events, known, up_to(known, as_of))

    def timelines(
        self, now: datetime, as_of: datetime | None = None, known_at: datetime | None = None
    ) -> Iterator[tuple[str, Sequence[TimelineEntry]]]:
        """Every order of which something is known by these clocks, with its timeline, as `order` gives it.

        They come in the order of their streams; memory holds some at a time. Raises PrunedOrdersError.
        """
        self._history.expect_unpruned([ORDER], "timelines are made from events")
        stored = ((stream, events) for stream, events in self._history.whole_streams() if _is_orders(stream))
        if known_at is None:
            for stream, events in stored:
                facts = up_to(facts_among(event for _, event in events), as_of)
                if facts:
                    told = _of_now(events, facts, as_of)
                    yield split_stream_name(stream)[1], order_timeline(told, settle_stream(stream, [*facts]))
            return
        then = DerivedThen.at(self._history, known_at, self._clock_skew, self._time_zone, now, LAST)
        never_stored: Iterator[tuple[str, list[PositionedEvent]]] = (
            (stream, []) for stream, _ in then.orders_never_stored()
        )
        streams = chain(stored, never_stored)
        while some := dict(islice(streams, ORDERS_AT_ONCE)):
            known = then.known({stream: facts_among(event for _, event in events) for stream, events in some.items()})
            for stream, events in some.items():
                facts = up_to(known.streams[stream], as_of)
                if facts:
                    told = _of_then(events, facts, known_at)
                    yield split_stream_name(stream)[1], order_timeline(told, settle_stream(stream, [*facts]))


def _is_orders(stream: str) -> bool:
    return split_stream_name(stream)[0] is ORDER


def _of_now(
    events: Sequence[PositionedEvent], facts: Sequence[Fact], as_of: datetime | None
) -> list[tuple[int | None, StreamEvent]]:
    """The events of the settled facts, and of derived messages that were withdrawn (by `as_of`, None: all)."""
    withdrawn = {event.key for _, event in events if isinstance(event, MessageWithdrawn)}
    keys = {fact.key for fact in facts} | {
        event.key
        for _, event in events
        if event.key in withdrawn and isinstance(event, Fact) and (as_of is None or event.occurred_at <= as_of)
    }
    return [(position, event) for position, event in events if event.key in keys]


def _of_then(
    events: Sequence[PositionedEvent], facts: Sequence[Fact], known_at: datetime
) -> list[tuple[int | None, StreamEvent]]:
    """The events recorded by then of the settled facts, and the derived messages that followed then.

    A change of a verdict is about the record: when it was recorded decides, and which messages are looked at. A derived
    message has the position of its event, if the store ever had one.
    """
    keys = {fact.key for fact in facts}
    positions: dict[FactKey, int] = {}
    told: list[tuple[int | None, StreamEvent]] = []
    for position, event in events:
        if is_derived(event):
            if isinstance(event, Fact):
                positions[event.key] = position
        elif event.key in keys and event.recorded_at <= known_at:
            told.append((position, event))
    return [*told, *((positions.get(fact.key), fact) for fact in facts if is_derived(fact))]
