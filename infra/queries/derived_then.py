"""Derived messages as they followed from what was recorded by an instant.

What the store has of them follows from what is known today. So for a question about an earlier instant they are
computed again, from the other facts that were recorded by then; the stored ones are not read.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from consumers.reactors.parcels import PARCELS, parcel_messages
from consumers.reactors.reacting import references_among
from domain.clock_holds import as_held_at
from domain.derived import STANDING_ORDERS, is_derived
from domain.fact import Fact
from domain.order.kind import ORDER
from domain.parcel.kind import PARCEL
from domain.settling import up_to
from domain.streams import split_stream_name, stream_name
from infra.queries.placed_then import PlacedThen
from infra.store.events.history import LAST, History

DERIVED_AGAIN = frozenset((PARCELS.source, STANDING_ORDERS))
"""The sources of the reactors whose messages this module derives again: it must be all of them."""

Streams = Mapping[str, list[Fact]]
"""Facts by the names of their streams."""


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
    """Replaces stored derived messages by those that followed at `known_at`, by a clock that said so.

    `time_zone` is that of accounts without one. Nothing is placed after `now`, the clock, whatever `known_at` is.
    It reads no event after the position `up_to`.
    """

    def __init__(
        self,
        history: History,
        known_at: datetime,
        clock_skew: timedelta,
        time_zone: str,
        now: datetime,
        up_to: int = LAST,
    ):
        self._history = history
        self._up_to = up_to
        self._placed = PlacedThen(history, self._recorded, min(known_at, now), time_zone, up_to)
        self._known_at = known_at
        self._clock_skew = clock_skew

    def known(self, streams: Streams) -> KnownThen:
        """What these streams said then, by the holds of that clock."""
        known = {stream: self._recorded(stream, facts) for stream, facts in streams.items()}
        orders = {stream: facts for stream, facts in known.items() if split_stream_name(stream)[0] is ORDER}
        placings = self._placed.placings([split_stream_name(stream)[1] for stream in orders])
        for order_id, placed in placings.items():
            orders[stream_name(ORDER, order_id)].append(placed)
        told, matched = self._told_of_parcels(orders)
        return KnownThen({**known, **told}, matched)

    def orders_never_stored(self) -> Iterator[tuple[str, list[Fact]]]:
        """Streams (without facts) of orders that were placed by then for standing orders and never stored."""
        return ((stream, []) for stream in self._placed.orders_never_stored())

    def _recorded(self, stream: str, facts: Iterable[Fact]) -> list[Fact]:
        """Without derived messages about orders; those about other subjects are stored for good."""
        if split_stream_name(stream)[0] is ORDER:
            facts = [fact for fact in facts if not is_derived(fact)]
        return as_held_at(up_to(facts, recorded=self._known_at), self._known_at, self._clock_skew)

    def _told_of_parcels(self, orders: Streams) -> KnownThen:
        numbers = {stream: references_among(PARCELS, facts) for stream, facts in orders.items()}
        parcels = sorted({stream_name(PARCEL, number) for named in numbers.values() for number in named})
        if not parcels:
            return KnownThen(orders, ())
        found = self._history.facts_up_to(parcels, self._up_to)
        scans = {split_stream_name(parcel)[1]: self._recorded(parcel, facts) for parcel, facts in found.items()}
        told: dict[str, list[Fact]] = {}
        matched: list[MatchedScan] = []
        for stream, facts in orders.items():
            order_id = split_stream_name(stream)[1]
            messages = parcel_messages(order_id, facts, {number: scans[number] for number in numbers[stream]})
            matched += (MatchedScan(order_id, one.cause, one.since) for one in messages)
            told[stream] = [*facts, *(message.fact for message in messages)]
        return KnownThen(told, matched)
