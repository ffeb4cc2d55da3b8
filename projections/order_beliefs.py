"""order_beliefs: what was believed of each order, and when: order_states with a second axis of time.

A row of order_states says what is true for a period, by everything known today. A row here says it for a period of
recording too: it was believed from `known_from` until `known_to`. So "as of T, as known at K" is the row with
valid_from <= T < valid_to and known_from <= K < known_to.

The rows are the periods of order_states, settled from the facts known at each instant at which anything became known,
with equal rows of consecutive instants merged: about two for each message. If facts become known in the order of their
places, one settling takes them one by one, and only its last period can change. Any other fact (late, or a void) makes
a new settling.
"""

from collections import namedtuple
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

from domain.events import MessageVoided
from domain.fact import Fact, FactKey, sort_key_of
from domain.order.kind import ORDER
from domain.settling import Settling, settle
from domain.standing_order.kind import STANDING_ORDER
from domain.stepping import come_after
from domain.verdict import Outcome, Verdict
from domain.voids import weigh_voids
from projections.order_states import ORDER_STATES, OrderState, states_of
from projections.projection import Believed, Known, Projection
from projections.table import Key, Row, RowIndex, RowTable

VERSION = 1
"""Raise it if the meaning of these rows changes. The version of order_states is part of that of ORDER_BELIEFS."""

KNOWN_FROM = "From when this was known: an instant at which a message was recorded, or the clock let it count."
KNOWN_TO = "Until when it was known to be so; null while it is."

_PERIOD = ("order_id", "valid_from", "known_from", "valid_to", "known_to")


def _order_belief() -> Callable[..., Row]:
    """The row class of order_beliefs: the columns of order_states, with the period of recording."""
    meanings = {
        **OrderState.__annotations__,
        "known_from": Annotated[datetime, Key(KNOWN_FROM)],
        "known_to": Annotated[datetime | None, KNOWN_TO],
    }
    names = (*_PERIOD, *(name for name in OrderState._fields if name not in _PERIOD))
    make: Any = namedtuple  # its fields follow from another class, which NamedTuple cannot express
    row = make("OrderBelief", names)
    row.__annotations__ = {name: meanings[name] for name in names}
    row.__doc__ = "One row for each period of an order, and each period of recording in which it was believed."
    return row  # type: ignore[no-any-return]


OrderBelief = _order_belief()

order_beliefs: RowTable[Any] = RowTable("order_beliefs", OrderBelief)


class UnappliedBelief(NamedTuple):
    """One row for each period of recording in which a known message about an order was not applied."""

    order_id: Annotated[str, Key("The order that the message is about.")]
    source: Annotated[str, Key("The message's source.")]
    message_id: Annotated[str, Key("The message's id.")]
    known_from: Annotated[datetime, Key(KNOWN_FROM)]
    known_to: Annotated[datetime | None, KNOWN_TO]
    occurred_at: Annotated[datetime, "When it happened, by the message."]
    verdict: Annotated[str, "held, refused, duplicate, or voided (refused because a message voids it)."]


unapplied_beliefs = RowTable("unapplied_beliefs", UnappliedBelief)

UNTAKEN = (Verdict.HELD.value, Verdict.REFUSED.value)
"""The verdicts of UnappliedBelief that somebody should look at."""


class BeliefReason(NamedTuple):
    """One row for each other stream from which the beliefs of an order follow."""

    order_id: Annotated[str, Key("The order.")]
    stream: Annotated[str, Key("A parcel that it names, or the standing order and account that placed it.")]


belief_reasons = RowTable("belief_reasons", BeliefReason, indexes=(RowIndex("belief_reasons_by_stream", ("stream",)),))

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Spans(Generic[K, V]):
    """Values by key over the time of recording: those that stand, and those that no longer do."""

    def __init__(self) -> None:
        self._standing: dict[K, tuple[V, datetime]] = {}
        self._ended: list[tuple[K, V, datetime, datetime]] = []

    def say(self, key: K, value: V | None, at: datetime) -> None:
        """From `at` on, the key has this value (None: none)."""
        before = self._standing.get(key)
        if before is not None:
            if before[0] == value:
                return
            del self._standing[key]
            if before[1] != at:
                self._ended.append((key, before[0], before[1], at))
        if value is not None:
            self._standing[key] = value, at

    def keys(self) -> list[K]:
        """The keys that have a value now."""
        return list(self._standing)

    def __iter__(self) -> Iterator[tuple[K, V, datetime, datetime | None]]:
        yield from self._ended
        yield from ((key, value, since, None) for key, (value, since) in self._standing.items())


Unapplied = tuple[datetime, str]
"""The time of a message, and its verdict as UnappliedBelief has it."""


class _Learning:
    """What is believed of an order while more and more becomes known."""

    def __init__(self, order_id: str):
        self._order_id = order_id
        self._known: dict[FactKey, Fact] = {}
        self._named_by_voids: set[FactKey] = set()
        self._settling: Settling[Any] = settle(ORDER.decider, order_id, ())
        self._first = 0
        """The moments before this one have led to periods that no later fact in place order can change."""
        self._changing: Collection[datetime] = ()
        """The beginnings of the periods from that moment on."""
        self.states = _Spans[datetime, OrderState]()
        self.unapplied = _Spans[FactKey, Unapplied]()

    def learn(self, known: Known) -> None:
        steps_on = not known.gone and self._comes_last(known.facts)
        judged: Collection[FactKey]
        for key in known.gone:
            self._known.pop(key, None)
        self._known.update((fact.key, fact) for fact in known.facts)
        if steps_on:
            # Of the others, only those that were held or refused can have another outcome now.
            judged = {*self.unapplied.keys(), *(fact.key for fact in known.facts)}
            self._settling.take_all(sorted(known.facts, key=sort_key_of))
            changing = self._changing
        else:
            self._named_by_voids = {fact.names for fact in self._known.values() if isinstance(fact, MessageVoided)}
            self._settling = settle(ORDER.decider, self._order_id, self._known.values())
            judged = {*self.unapplied.keys(), *self._known}
            changing = self.states.keys()
            self._first = 0
        for key in judged:
            fact = self._known.get(key)
            self.unapplied.say(key, None if fact is None else _unapplied(fact, self._settling.outcomes), known.at)
        self._restate(changing, known.at)

    def _comes_last(self, facts: Iterable[Fact]) -> bool:
        """Whether these facts go on top of the settling: after all others, without voids, and named by none."""
        facts = list(facts)
        return come_after(self._settling.last_sort_key, facts) and not any(
            fact.key in self._named_by_voids
            or ((before := self._known.get(fact.key)) is not None and before.held_until is None)
            for fact in facts
        )

    def _restate(self, changing: Collection[datetime], at: datetime) -> None:
        moments = self._settling.moments
        now = {state.valid_from: state for state in states_of(moments[self._first :])}
        for begins in {*changing, *now}:
            self.states.say(begins, now.get(begins), at)
        # Later facts in place order take effect at the present instant or after it.
        instant = self._settling.instant
        final = max((begins for begins in now if instant is not None and begins < instant), default=None)
        if final is not None:
            while moments[self._first].at < final:
                self._first += 1
        self._changing = [begins for begins in now if final is None or begins >= final]


def _unapplied(fact: Fact, outcomes: dict[FactKey, Outcome]) -> Unapplied | None:
    outcome = outcomes.get(fact.key)
    if outcome is None or outcome.verdict is Verdict.APPLIED:
        return None
    return fact.occurred_at, "voided" if outcome.voided else outcome.verdict.value


def _waiting(voids: Iterable[MessageVoided]) -> _Spans[FactKey, Unapplied]:
    """What was believed of voids that still wait for their message."""
    found = _Spans[FactKey, Unapplied]()
    voids = list(voids)
    for at in sorted({void.recorded_at for void in voids}):
        known = [void for void in voids if void.recorded_at <= at]
        outcomes = weigh_voids(known).outcomes
        for void in known:
            found.say(void.key, _unapplied(void, outcomes), at)
    return found


def shape(believed: Believed) -> dict[str, Iterable[Row]]:
    """What was believed of the order, and when."""
    order_id, learning = believed.subject_id, _Learning(believed.subject_id)
    for known in believed.known():
        learning.learn(known)
    return {
        order_beliefs.name: [
            OrderBelief(order_id, begins, since, state.valid_to, until, *state[_REST:])
            for begins, state, since, until in learning.states
        ],
        unapplied_beliefs.name: [
            UnappliedBelief(order_id, *key, since, until, *unapplied)
            for spans in (learning.unapplied, _waiting(believed.waiting))
            for key, unapplied, since, until in spans
        ],
        belief_reasons.name: [BeliefReason(order_id, stream) for stream in sorted(believed.follows_from)],
    }


_REST = 3
"""The columns of order_states after its period: order_id, valid_from and valid_to come first."""

ORDER_BELIEFS = Projection(
    name="order_beliefs",
    version=ORDER_STATES.version * 100 + VERSION,
    kind=ORDER,
    tables=(order_beliefs, unapplied_beliefs, belief_reasons),
    shape=shape,
    bitemporal=True,
    further_kinds=(STANDING_ORDER,),
)
