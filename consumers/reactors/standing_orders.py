"""The standing orders reactor: places the order of each date that has come due, once.

The order is placed as of when the date came due, so the messages follow from the facts alone, whenever they are stored.
The clock decides two things only: which dates have come due, and which are *missed*. A date is missed when the clock is
more than WAYBILL_STANDING_CATCH_UP past the end of its local day and its order was never placed. That is stored as a
message of the standing order's own, and never decided anew. See docs/standing-orders.md.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from datetime import date, datetime, timedelta

from consumers.reactors.reactor import DerivedMessage, Reaction
from domain.account.events import AccountRegistered
from domain.account.kind import ACCOUNT
from domain.clock_holds import ClockHoldEnded
from domain.derived import STANDING_ORDERS as SOURCE
from domain.events import MessageVoided
from domain.fact import Fact
from domain.order.events import OrderPlaced
from domain.settling import settle
from domain.standing_order.due import Due, Zones, dates_to_look_at, terms_of
from domain.standing_order.events import StandingOrderEstablished, StandingOrderMissed
from domain.standing_order.ids import due_on_of, missing_id_of, order_id_of, placing_id_of
from domain.standing_order.kind import STANDING_ORDER

_DAY = timedelta(days=1)
_NEVER = object()


class StandingOrderReactor:
    """Implements consumers.reactors.reactor.Reactor: by standing order, from its messages and its accounts'.

    `time_zone` (an IANA name) is that of accounts without one. `catch_up` is how long after the end of its local day a
    date may still be placed. An order that was placed before is placed again when its reason returns, however late.
    """

    name = "standing-orders"
    source = SOURCE
    kind = STANDING_ORDER
    referred_kind = ACCOUNT
    naming: tuple[type[Fact], ...] = (StandingOrderEstablished,)
    needs_referred = False
    heeds: Set[str] | None = frozenset((AccountRegistered.TOPIC, MessageVoided.TOPIC, ClockHoldEnded.TOPIC))
    remembers = True

    def __init__(self, time_zone: str, catch_up: timedelta):
        self._time_zone = time_zone
        self._catch_up = catch_up

    def references(self, fact: Fact) -> Iterator[str]:
        if isinstance(fact, StandingOrderEstablished):
            yield fact.account_id

    def react(
        self,
        key: str,
        facts: Sequence[Fact],
        referred: Mapping[str, Sequence[Fact]],
        now: datetime,
        stated: Mapping[str, datetime | None],
    ) -> Reaction:
        found_missed = _found_missed(facts)
        latest = max((*map(due_on_of, stated), *found_missed), default=None)
        placements: list[DerivedMessage] = []
        missed: list[DerivedMessage] = []
        wake_at: datetime | None = None
        for due in _dates_to_look_at(key, facts, referred, self._time_zone, now, latest):
            if due.on in found_missed:
                continue
            placement = _placement(key, due)
            before = stated.get(placement.fact.message_id, _NEVER)
            if due.comes_due <= now:
                if before is _NEVER and now - due.ends > self._catch_up:
                    missed.append(_missed(key, due, due.ends + self._catch_up, now))
                else:
                    placements.append(placement)
            elif before == due.comes_due:
                placements.append(placement)  # the clock was set back
            else:
                # A day early, because in another time zone a later date can come due first.
                at = due.comes_due - _DAY if due.comes_due - _DAY > now else due.comes_due
                wake_at = at if wake_at is None else min(wake_at, at)
        return Reaction(placements, missed, wake_at)


def placements_at(
    standing_order_id: str,
    facts: Sequence[Fact],
    account_facts: Mapping[str, Sequence[Fact]],
    time_zone: str,
    clock: datetime,
) -> Sequence[DerivedMessage]:
    """The orders that follow from these facts when the clock says so: a pure function, whatever is stored.

    Only dates that these facts say were missed are left out.
    """
    found_missed = _found_missed(facts)
    return [
        _placement(standing_order_id, due)
        for due in _dates_to_look_at(standing_order_id, facts, account_facts, time_zone, clock, None)
        if due.comes_due <= clock and due.on not in found_missed
    ]


def _dates_to_look_at(
    standing_order_id: str,
    facts: Sequence[Fact],
    account_facts: Mapping[str, Sequence[Fact]],
    time_zone: str,
    clock: datetime,
    at_least: date | None,
) -> Iterator[Due]:
    terms = terms_of(settle(STANDING_ORDER.decider, standing_order_id, facts).moments)
    accounts = {one.said.account_id for one in terms}
    zones = {account: Zones(account_facts.get(account, ()), time_zone) for account in accounts}
    return dates_to_look_at(terms, zones, clock, at_least)


def _found_missed(facts: Sequence[Fact]) -> Collection[date]:
    """The dates of all markers, voided or not: what was found is not decided anew."""
    return {fact.due_on for fact in facts if isinstance(fact, StandingOrderMissed)}


def _placement(standing_order_id: str, due: Due) -> DerivedMessage:
    said, order_id = due.terms, order_id_of(standing_order_id, due.on)
    placed = OrderPlaced(
        source=SOURCE,
        message_id=placing_id_of(standing_order_id, due.on),
        occurred_at=due.comes_due,
        recorded_at=due.known_at,
        correlation_id=said.correlation_id,
        causation_id=said.message_id,
        account_id=said.account_id,
        rep_id=said.rep_id,
        segment=said.segment,
        channel="standing_order",
        currency=said.currency,
        lines=said.lines,
        promised_by=due.ends,
        standing_order_id=standing_order_id,
    )
    return DerivedMessage(order_id, placed, since=due.comes_due)


def _missed(standing_order_id: str, due: Due, since: datetime, now: datetime) -> DerivedMessage:
    missed = StandingOrderMissed(
        source=SOURCE,
        message_id=missing_id_of(standing_order_id, due.on),
        occurred_at=since,
        recorded_at=now,
        correlation_id=due.terms.correlation_id,
        causation_id=due.terms.message_id,
        due_on=due.on,
    )
    return DerivedMessage(standing_order_id, missed)
