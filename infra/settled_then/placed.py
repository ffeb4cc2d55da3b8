"""Orders of standing orders as they followed from what was recorded by an instant.

The orders that the store has of a standing order follow from what is known today. For a question about an earlier
instant they are computed again. A date counts as placed from when it came due, also if it was placed later because no
reactor ran; only dates that had been found missed by then are left out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property

from cachetools import LRUCache

from consumers.reactors.standing_orders import placements_at
from domain.account.kind import ACCOUNT
from domain.fact import Fact
from domain.order.kind import ORDER
from domain.standing_order.events import StandingOrderEstablished
from domain.standing_order.ids import can_be_cut, name_in, name_of
from domain.standing_order.kind import STANDING_ORDER
from domain.streams import split_stream_name, stream_name
from infra.settled_then.history import PastHistory
from infra.settled_then.recorded import RecordedThen

CACHED = 1_000
STANDING_ORDERS_AT_ONCE = 200

Placements = Mapping[str, Fact]
"""The placings of one standing order, by order id."""


class PlacedThen:
    """What standing orders had placed when the clock said `clock`, by what was `recorded` of them and their accounts.

    `time_zone` is that of accounts without one. It reads no event after the position `up_to`.
    """

    def __init__(
        self,
        history: PastHistory,
        recorded: RecordedThen,
        clock: datetime,
        time_zone: str,
        up_to: int,
    ):
        self._history = history
        self._up_to = up_to
        self._recorded = recorded
        self._clock = clock
        self._time_zone = time_zone
        self._cache: LRUCache[str, Placements] = LRUCache(CACHED)

    def placings(self, order_ids: Iterable[str]) -> Placements:
        """The placings of those of these orders that a standing order had placed, whatever the store has of them."""
        owners = {order_id: owner for order_id in order_ids if (owner := self._owner(order_id)) is not None}
        placements = self.placements(sorted(set(owners.values())))
        found = {order_id: placements.get(owner, {}).get(order_id) for order_id, owner in owners.items()}
        return {order_id: placed for order_id, placed in found.items() if placed is not None}

    def orders_never_stored(self) -> Iterator[str]:
        """The streams of orders that were placed by then, but of which the store has no event."""
        names = sorted(self._history.streams_of(STANDING_ORDER))
        for start in range(0, len(names), STANDING_ORDERS_AT_ONCE):
            ids = [split_stream_name(name)[1] for name in names[start : start + STANDING_ORDERS_AT_ONCE]]
            for placements in self.placements(ids).values():
                streams = [stream_name(ORDER, order_id) for order_id in placements]
                stored = self._history.existing(streams, self._up_to) if streams else set()
                yield from (stream for stream in streams if stream not in stored)

    def _owner(self, order_id: str) -> str | None:
        """The standing order that may have placed this order, by their ids: the stored placing may be withdrawn."""
        name = name_in(order_id)
        return self._cut.get(name, name) if name is not None and can_be_cut(name) else name

    @cached_property
    def _cut(self) -> Mapping[str, str]:
        """The standing orders whose ids are too long to be in their orders' ids whole, by what is there instead."""
        ids = (split_stream_name(stream)[1] for stream in self._history.streams_of(STANDING_ORDER))
        return {name: one for one in ids if (name := name_of(one)) != one}

    def placements(self, standing_order_ids: Sequence[str]) -> Mapping[str, Placements]:
        """What each of these standing orders had placed, by its id."""
        found = {one: self._cache[one] for one in standing_order_ids if one in self._cache}
        unknown = [one for one in standing_order_ids if one not in found]
        facts = self._facts(STANDING_ORDER.prefix, unknown)
        accounts = self._facts(
            ACCOUNT.prefix,
            sorted({f.account_id for told in facts.values() for f in told if isinstance(f, StandingOrderEstablished)}),
        )
        for one in unknown:
            placed = placements_at(one, facts[one], accounts, self._time_zone, self._clock)
            found[one] = self._cache[one] = {message.subject: message.fact for message in placed}
        return found

    def _facts(self, prefix: str, ids: Sequence[str]) -> Mapping[str, list[Fact]]:
        if not ids:
            return {}
        streams = {f"{prefix}-{one}": one for one in ids}
        stored = self._history.facts_up_to(list(streams), self._up_to)
        return {one: self._recorded.of(stream, stored.get(stream, [])) for stream, one in streams.items()}
