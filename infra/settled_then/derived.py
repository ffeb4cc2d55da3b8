"""Derived messages as they followed from what was recorded by an instant.

What the store has of them follows from what is known today. So for a question about an earlier instant they are
computed again, from the other facts that were recorded by then; the stored ones are not read.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol, Self

from consumers.reactors.parcels import PARCELS, parcel_messages
from consumers.reactors.reactor import references_among
from domain.derived import STANDING_ORDERS
from domain.fact import Fact
from domain.order.kind import ORDER
from domain.parcel.kind import PARCEL
from domain.streams import split_stream_name, stream_name
from infra.settled_then.history import PastHistory
from infra.settled_then.placed import PlacedThen
from infra.settled_then.recorded import RecordedThen

DERIVED_AGAIN = frozenset((PARCELS.source, STANDING_ORDERS))
"""The sources of the reactors whose messages this module derives again: it must be all of them."""

Streams = Mapping[str, list[Fact]]
"""Facts by the names of their streams."""


class Placed(Protocol):
    """What standing orders had placed then; `PlacedThen` finds it in a history."""

    def placings(self, order_ids: Iterable[str]) -> Mapping[str, Fact]:
        """The placings of those of these orders that a standing order had placed, by order id."""

    def orders_never_stored(self) -> Iterator[str]:
        """The streams of orders that were placed by then, but of which the history has no event."""


class MatchedScan(NamedTuple):
    """A scan, identified by its digest, that was said to an order, and from when it is about the order's shipment."""

    order_id: str
    scan: str | None
    valid_from: datetime | None


class KnownThen(NamedTuple):
    """The facts of some streams with the derived messages that followed then, and the scans that the orders among them
    were told of."""

    streams: Streams
    matched: Sequence[MatchedScan]


class DerivedThen:
    """Replaces stored derived messages by those that followed then, by a clock that said so.

    `recorded` says what was known; `placed`, what standing orders had placed by then. It reads no event after the
    position `up_to`.
    """

    def __init__(self, history: PastHistory, recorded: RecordedThen, placed: Placed, up_to: int):
        self._history = history
        self._recorded = recorded
        self._placed = placed
        self._up_to = up_to

    @classmethod
    def at(
        cls,
        history: PastHistory,
        known_at: datetime,
        clock_skew: timedelta,
        time_zone: str,
        now: datetime,
        up_to: int,
    ) -> Self:
        """At `known_at`; `time_zone` is that of accounts without one.

        Nothing is placed after `now`, the clock, whatever `known_at` is.
        """
        recorded = RecordedThen(known_at, clock_skew)
        return cls(history, recorded, PlacedThen(history, recorded, min(known_at, now), time_zone, up_to), up_to)

    def known(self, streams: Streams) -> KnownThen:
        """What these streams said then, by the holds of that clock."""
        known = {stream: self._recorded.of(stream, facts) for stream, facts in streams.items()}
        orders = {stream: facts for stream, facts in known.items() if split_stream_name(stream)[0] is ORDER}
        placings = self._placed.placings([split_stream_name(stream)[1] for stream in orders])
        for order_id, placed in placings.items():
            orders[stream_name(ORDER, order_id)].append(placed)
        told, matched = self._told_of_parcels(orders)
        return KnownThen({**known, **told}, matched)

    def orders_never_stored(self) -> Iterator[tuple[str, list[Fact]]]:
        """Streams (without facts) of orders that were placed by then for standing orders and never stored."""
        return ((stream, []) for stream in self._placed.orders_never_stored())

    def _told_of_parcels(self, orders: Streams) -> KnownThen:
        numbers = {stream: references_among(PARCELS, facts) for stream, facts in orders.items()}
        parcels = sorted({stream_name(PARCEL, number) for named in numbers.values() for number in named})
        if not parcels:
            return KnownThen(orders, ())
        found = self._history.facts_up_to(parcels, self._up_to)
        scans = {split_stream_name(parcel)[1]: self._recorded.of(parcel, facts) for parcel, facts in found.items()}
        told: dict[str, list[Fact]] = {}
        matched: list[MatchedScan] = []
        for stream, facts in orders.items():
            order_id = split_stream_name(stream)[1]
            messages = parcel_messages(order_id, facts, {number: scans[number] for number in numbers[stream]})
            matched += (MatchedScan(order_id, one.cause, one.since) for one in messages)
            told[stream] = [*facts, *(message.fact for message in messages)]
        return KnownThen(told, matched)
