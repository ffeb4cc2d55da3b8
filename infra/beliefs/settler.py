"""Finds what was ever known of the orders about which new events say something, for bitemporal projections.

What is believed of an order follows from its own messages, from those of the parcels that it names, and from the
standing order (and its account) that placed it. What reactors have stored is not read: it follows from what is known
today. Standing orders whose terms changed can have placed orders that no stream has; these are found too.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import partial

from consumers.reactors.parcels import PARCELS
from consumers.reactors.reactor import references_among
from consumers.reactors.standing_orders import StandingOrderReactor
from domain.account.kind import ACCOUNT
from domain.derived import PARCELS as STATED_OF_PARCELS
from domain.derived import is_derived
from domain.events import MessageVoided
from domain.fact import Fact, StreamEvent
from domain.kinds import KINDS
from domain.order.kind import ORDER
from domain.parcel.kind import PARCEL
from domain.standing_order.events import StandingOrderEstablished
from domain.standing_order.ids import can_be_cut, due_on_of, name_in, name_of
from domain.standing_order.kind import STANDING_ORDER
from domain.streams import is_waiting_room, split_stream_name, stream_name, waiting_room
from infra.beliefs.known import Placing, known_over_time
from infra.beliefs.placed import Placings, placed_over_time
from infra.store.events.history import History
from projections.batch_settling import SettledBatch
from projections.history import Touched
from projections.projection import Believed, Shapable

Facts = Mapping[str, Sequence[Fact]]
"""The facts of streams, by their names."""
HEEDED_OF_ACCOUNTS = StandingOrderReactor.heeds or frozenset()


class BeliefSettler:
    """Implements projections.batch_settling.Settler for the beliefs of orders.

    `following` gives the orders whose stored beliefs follow from one of some streams. `time_zone` is that of accounts
    without one.
    """

    def __init__(
        self,
        history: History,
        following: Callable[[Collection[str]], Collection[str]],
        skew: timedelta,
        time_zone: str,
    ):
        self._history = history
        self._following = following
        self._skew = skew
        self._time_zone = time_zone

    def settle(self, touched: Touched, start: int) -> SettledBatch:
        """The orders whose beliefs these events may change, each with all that was ever known of it up to their end."""
        orders: set[str] = set()
        changed: set[str] = set()
        for stream, events in touched.streams.items():
            kind, subject = split_stream_name(stream)
            if kind is ORDER:
                if any(map(_is_news, events)):
                    orders.add(subject)
            elif kind in (PARCEL, STANDING_ORDER) or (kind is ACCOUNT and any(map(_concerns_zones, events))):
                changed.add(stream)
            # A void waits in a room of its subject's name until its message comes, perhaps in another kind's stream.
            if is_waiting_room(stream) or any(isinstance(event, MessageVoided) for event in events):
                orders.add(subject)
        placed = self._placed_before_the_latest_news(changed, touched.end).keys()
        following = set(self._following(changed)) - orders - placed if changed else set[str]()
        names = {stream_name(ORDER, order_id): order_id for order_id in following}
        stored = {names[stream] for stream in self._history.existing(names, touched.end)} if names else set[str]()
        # The standing order never placed them, as is known now, and no message is about them.
        believed = {
            stream_name(ORDER, order_id): Believed(ORDER, order_id, lambda: iter(())) for order_id in following - stored
        }
        believed |= self._believed(sorted({*orders, *placed, *stored}), touched.end)
        return SettledBatch(believed, start, touched.end)

    def remember(self, batch: SettledBatch, touched: Touched, stood_at: Collection[int]) -> None:
        """Nothing is cached: what is believed of a subject follows from several streams."""

    def settled_up_to(self, streams: Sequence[str], position: int) -> Mapping[str, Shapable]:
        """For streams of standing orders, what was known of the orders that they once placed and that have no event."""
        orders = [subject for kind, subject in map(split_stream_name, streams) if kind is ORDER]
        standing = {stream for stream in streams if split_stream_name(stream)[0] is STANDING_ORDER}
        placed = self._placed_before_the_latest_news(standing, position)
        names = {stream_name(ORDER, order_id): order_id for order_id in placed}
        stored = self._history.existing(names, position) if names else set()
        never_stored = [order_id for stream, order_id in names.items() if stream not in stored]
        return self._believed([*orders, *never_stored], position)

    def _believed(self, orders: Sequence[str], position: int) -> dict[str, Believed]:
        """What was ever known of these orders."""
        names = {order_id: stream_name(ORDER, order_id) for order_id in orders}
        owners = self._owners(orders)
        rooms = {order_id: waiting_room(order_id) for order_id in orders}
        found = self._facts([*names.values(), *rooms.values(), *owners.values()], position)
        own = {order_id: [fact for fact in found[name] if not is_derived(fact)] for order_id, name in names.items()}
        numbers = {order_id: references_among(PARCELS, facts) for order_id, facts in own.items()}
        # What waits in a room is about an order only if there is one.
        in_rooms = {order_id: found[room] for order_id, room in rooms.items() if found[room] and own[order_id]}
        parcels = {stream_name(PARCEL, number) for named in numbers.values() for number in named}
        elsewhere = {stream_name(kind, order_id) for order_id in in_rooms for kind in KINDS if kind is not ORDER}
        further = {**found, **self._facts({*parcels, *elsewhere, *_accounts_of(found, owners.values())}, position)}
        placings = self._placings(owners, further)
        return {
            name: Believed(
                ORDER,
                order_id,
                partial(
                    known_over_time,
                    order_id,
                    own[order_id],
                    {number: further[stream_name(PARCEL, number)] for number in numbers[order_id]},
                    placings.get(order_id, ()),
                    self._skew,
                ),
                _still_waiting(order_id, in_rooms.get(order_id, ()), further),
                _follows_from(numbers[order_id], owners.get(order_id), found),
            )
            for order_id, name in names.items()
        }

    def _placings(self, owners: Mapping[str, str], found: Facts) -> Placings:
        """Of each order that a standing order may have placed, by these owners' facts."""
        orders: dict[str, list[str]] = defaultdict(list)
        for order_id, owner in owners.items():
            if found[owner]:
                orders[owner].append(order_id)
        placings: dict[str, Sequence[Placing]] = {}
        for owner, placed in orders.items():
            over_time = self._placed(owner, found, max(map(due_on_of, placed)))
            placings |= {order_id: over_time[order_id] for order_id in placed if order_id in over_time}
        return placings

    def _placed(self, owner: str, found: Facts, last: date | None) -> Placings:
        accounts = {split_stream_name(one)[1]: found[one] for one in _accounts_of(found, [owner])}
        subject = split_stream_name(owner)[1]
        return placed_over_time(subject, found[owner], accounts, self._time_zone, self._skew, last)

    def _placed_before_the_latest_news(self, changed: Collection[str], position: int) -> Placings:
        """What these standing orders, and those of these accounts, had placed before their newest message."""
        standing = {stream for stream in changed if split_stream_name(stream)[0] is STANDING_ORDER}
        accounts = {stream for stream in changed if split_stream_name(stream)[0] is ACCOUNT}
        if accounts:
            of_all = self._facts(self._history.streams_of(STANDING_ORDER), position)
            standing |= {stream for stream in of_all if not accounts.isdisjoint(_accounts_of(of_all, [stream]))}
        if not standing:
            return {}
        found = self._facts(standing, position)
        found = {**found, **self._facts(_accounts_of(found, standing), position)}
        placed: dict[str, Sequence[Placing]] = {}
        for stream in sorted(standing):
            placed |= self._placed(stream, found, None)
        return placed

    def _owners(self, orders: Iterable[str]) -> Mapping[str, str]:
        """The streams of the standing orders that may have placed these orders, by their ids."""
        names = {order_id: name for order_id in orders if (name := name_in(order_id)) is not None}
        cut: dict[str, str] = {}
        if any(map(can_be_cut, names.values())):
            ids = (split_stream_name(stream)[1] for stream in self._history.streams_of(STANDING_ORDER))
            cut = {name: one for one in ids if (name := name_of(one)) != one}
        return {order_id: stream_name(STANDING_ORDER, cut.get(name, name)) for order_id, name in names.items()}

    def _facts(self, streams: Collection[str], position: int) -> dict[str, list[Fact]]:
        return dict(self._history.facts_up_to(sorted(set(streams)), position)) if streams else {}


def _is_news(event: StreamEvent) -> bool:
    """Whether what is believed of the event's order can change: what scans say to it follows from the scans."""
    return isinstance(event, Fact) and event.source != STATED_OF_PARCELS


def _concerns_zones(event: StreamEvent) -> bool:
    return event.TOPIC in HEEDED_OF_ACCOUNTS


def _accounts_of(found: Facts, standing_orders: Iterable[str]) -> set[str]:
    """The streams of the accounts that these standing orders name."""
    return {
        stream_name(ACCOUNT, fact.account_id)
        for stream in standing_orders
        for fact in found[stream]
        if isinstance(fact, StandingOrderEstablished)
    }


def _still_waiting(order_id: str, in_room: Sequence[Fact], found: Facts) -> Sequence[MessageVoided]:
    """The voids that have not left their room for the stream of the message that they name."""
    left = {fact.key for kind in KINDS for fact in found.get(stream_name(kind, order_id), ())} if in_room else ()
    return [fact for fact in in_room if isinstance(fact, MessageVoided) and fact.key not in left]


def _follows_from(numbers: Iterable[str], owner: str | None, found: Facts) -> set[str]:
    streams = {stream_name(PARCEL, number) for number in numbers}
    if owner is not None and found[owner]:
        streams |= {owner, *_accounts_of(found, [owner])}
    return streams
