"""One order: how it stands and what happened to it, by both clocks."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.clock_holds import as_held_at, facts_among
from domain.order.kind import ORDER
from domain.order.summary import OrderSummary
from domain.settling import up_to
from domain.streams import settle_stream, stream_name
from infra.store.events.history import History
from projections.order_timeline import TimelineEntry, order_timeline


class OrderAnswer(NamedTuple):
    """An order's state (None before it is placed), its timeline, and the position that both reflect at least."""

    summary: OrderSummary | None
    timeline: Sequence[TimelineEntry]
    position: int


class Orders:
    """Reads the streams of orders."""

    def __init__(self, history: History, clock_skew: timedelta):
        self._history = history
        self._clock_skew = clock_skew

    def order(
        self, order_id: str, as_of: datetime | None = None, known_at: datetime | None = None
    ) -> OrderAnswer | None:
        """The order's state and timeline; None when nothing is known of it by these clocks."""
        head = self._history.head()  # asked first: what is read next reflects at least this much
        events = self._history.stream(stream_name(ORDER, order_id))
        facts = up_to(facts_among(e.event for e in events), as_of, known_at)
        if known_at is not None:
            facts = as_held_at(facts, known_at, self._clock_skew)
        if not facts:
            return None
        settling = settle_stream(stream_name(ORDER, order_id), facts)
        # A change of a verdict is about the record: when it was recorded decides, and which messages are looked at.
        keys = {fact.key for fact in facts}
        told = [e for e in events if e.event.key in keys and (known_at is None or e.event.recorded_at <= known_at)]
        summary = settling.moments[-1].summary if settling.moments else None
        return OrderAnswer(summary, order_timeline(told, settling), head)
