"""order_beliefs: what was believed of each order, and when: order_states with a second axis of time.

A row of order_states says what is true for a period, by everything known today. A row here says it for a period of
recording too: it was believed from `known_from` until `known_to`. So "as of T, as known at K" is the row with
valid_from <= T < valid_to and known_from <= K < known_to.

The rows are the periods of order_states, settled from the facts known at each instant at which anything became known,
with equal rows of consecutive instants merged: about two for each message. If facts become known in the order of their
places, one settling takes them one by one, and only its last period can change. A late fact goes back to a saved
settling before it; a void settles the order anew.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

from domain.events import MessageVoided
from domain.fact import Fact, FactKey, SortKey, sort_key_of
from domain.order.kind import ORDER
from domain.settling import Moment, Settling, settle
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

_REST = 3
"""Where the columns of order_states after its period begin: order_id, valid_from and valid_to come first."""


class OrderBelief(NamedTuple):
    """One row for each period of an order, and each period of recording in which it was believed."""

    # The columns of OrderState, with the period of recording.
    order_id: Annotated[str, Key("The order.")]
    valid_from: Annotated[datetime, Key("The instant at which this period began.")]
    known_from: Annotated[datetime, Key(KNOWN_FROM)]
    valid_to: Annotated[datetime | None, "The instant at which it ended; null while it lasts."]
    known_to: Annotated[datetime | None, KNOWN_TO]
    status: Annotated[str, "open, delivered (complete) or cancelled."]
    rep_id: Annotated[str | None, "The rep who holds the order; null for none."]
    placed_rep_id: Annotated[str | None, "The rep of the placing; null for none."]
    account_id: Annotated[str | None, "The account that ordered."]
    segment: Annotated[str, "b2b or b2c."]
    channel: Annotated[str, "How the order came in."]
    reference: Annotated[str | None, "The customer's own reference."]
    placed_at: Annotated[datetime, "When the order was placed."]
    promised_by: Annotated[datetime, "The promise in force."]
    original_promised_by: Annotated[datetime, "The promise of the placing."]
    stage: Annotated[str | None, "to_book, booked, in_transit or partly_delivered; null once closed."]
    carrier: Annotated[str | None, "Carrier of the live shipment with the latest estimate, or of one with none."]
    mode: Annotated[str | None, "Its mode: courier, in_house or pickup."]
    estimated_delivery: Annotated[datetime | None, "Its estimate; null when a live shipment has none."]
    latest_estimate: Annotated[datetime | None, "The latest estimate of the live shipments that have one."]
    left_to_book: Annotated[bool, "Whether something of an open order is still to be booked."]
    expedite: Annotated[str, "none, requested, granted or declined."]
    expedites_open: Annotated[int, "Undecided expedite requests."]
    follow_ups_owed: Annotated[int, "Follow-ups owed to the customer, without what the clock leaves: delay_owed_since."]
    delay_owed_since: Annotated[
        datetime | None, "Since when word of a delay is owed once promised_by has passed; null when it is not."
    ]
    delivery_attempts: Annotated[int, "Delivery attempts so far."]
    order_value: Annotated[Decimal, "Quantities times unit prices, charges included."]
    open_value: Annotated[Decimal, "Undelivered quantities times unit prices; 0 once closed."]
    currency: Annotated[str, "The order's currency (ISO 4217)."]
    lines: Annotated[int, "How many lines it has; see order_lines."]
    shipments: Annotated[int, "How many shipments it has; see shipments."]
    closed_at: Annotated[datetime | None, "When it was completed or cancelled; null while it is open."]
    completed_at: Annotated[datetime | None, "When it was completed; null while it is not."]
    delivered_rep_id: Annotated[str | None, "The rep who held the order when it was completed; null for none."]
    last_delivered_at: Annotated[datetime | None, "When goods were delivered last."]
    short: Annotated[bool | None, "Whether it was last completed without all that was ordered; null: never completed."]
    cancel_reason: Annotated[str | None, "Why it, or its rest, was cancelled; null once that is undone."]


order_beliefs = RowTable("order_beliefs", OrderBelief)


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

SAVED_EVERY = 64
"""A settling is saved each time so many facts have taken effect."""

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


class _Saved(NamedTuple):
    """A settling before it took further facts: all after `place` can be taken again from here.

    `outcomes` are those of the facts that waited or were forbidden then, which may have another outcome later.
    """

    place: SortKey
    instant: datetime
    state: Any
    moments: int
    waiting: Mapping[str, Sequence[Fact]]
    forbidden: Sequence[tuple[SortKey, Fact]]
    applied: Sequence[Fact]
    outcomes: Mapping[FactKey, Outcome]


class _Learning:
    """What is believed of an order while more and more becomes known.

    A late fact is taken with those after it on top of a saved settling, so that a long order is not settled as a whole
    for each of them. Voids settle it as a whole.
    """

    def __init__(self, order_id: str):
        self._order_id = order_id
        self._known: dict[FactKey, Fact] = {}
        self._named_by_voids: set[FactKey] = set()
        self._settling: Settling[Any] = settle(ORDER.decider, order_id, ())
        self._in_order: list[Fact] = []
        """The facts that are settled: all that are known, without voids and voided ones, in the order of places."""
        self._saved: list[_Saved] = []
        self._first = 0
        """The moments before this one have led to periods that no later fact in place order can change."""
        self._changing: Collection[datetime] = ()
        """The beginnings of the periods from that moment on."""
        self.states = _Spans[datetime, OrderState]()
        self.unapplied = _Spans[FactKey, Unapplied]()

    def learn(self, known: Known) -> None:
        """Take what became known at one instant; `states` and `unapplied` then say what was believed up to it."""
        facts = sorted(known.facts, key=sort_key_of) if len(known.facts) > 1 else known.facts
        fits = not known.gone and not any(map(self._changes_others, facts))
        for key in known.gone:
            self._known.pop(key, None)
        self._known.update((fact.key, fact) for fact in facts)
        judged = {fact.key for fact in facts}
        counting = [fact for fact in facts if fact.held_until is None]
        if fits and come_after(self._settling.last_sort_key, facts):
            self._in_order += counting
            self._take(facts)
        elif fits and (saved := self._saved_before(counting[0])) is not None:
            for fact in counting:
                insort(self._in_order, fact, key=sort_key_of)
            self._return_to(saved)
            again = self._in_order[bisect_right(self._in_order, saved.place, key=sort_key_of) :]
            self._take([*again, *(fact for fact in facts if fact.held_until is not None)])
            judged |= saved.outcomes.keys() | {fact.key for fact in again}
        else:
            self._settle_anew()
            judged |= self._known.keys()
        # Of the others, only those that were held or refused can have another outcome now.
        for key in judged.union(self.unapplied.keys()):
            named = self._known.get(key)
            self.unapplied.say(key, None if named is None else _unapplied(named, self._settling.outcomes), known.at)
        self._restate(known.at)

    def _changes_others(self, fact: Fact) -> bool:
        """Whether more than this fact and those after it must be settled again."""
        before = self._known.get(fact.key)
        says_something_else = before is not None and before.held_until is None
        return type(fact) is MessageVoided or fact.key in self._named_by_voids or says_something_else

    def _settle_anew(self) -> None:
        weighed = weigh_voids(self._known.values())
        self._named_by_voids = {fact.names for fact in self._known.values() if isinstance(fact, MessageVoided)}
        self._settling = settle(ORDER.decider, self._order_id, ())
        self._settling.outcomes = weighed.outcomes
        standing = sorted(weighed.standing, key=sort_key_of)
        self._in_order = [fact for fact in standing if fact.held_until is None]
        self._saved = []
        self._take(standing)
        self._first, self._changing = 0, self.states.keys()

    def _take(self, facts: Sequence[Fact]) -> None:
        settling = self._settling
        for fact in facts:
            settling.take_all((fact,))
            if len(settling.moments) >= self._next_save:
                self._save()

    @property
    def _next_save(self) -> int:
        return (self._saved[-1].moments if self._saved else 0) + SAVED_EVERY

    def _save(self) -> None:
        settling = self._settling
        if settling.last_sort_key is None or settling.instant is None:
            return
        open_facts = [*(fact for facts in settling.waiting.values() for fact in facts)]
        open_facts += (fact for _, fact in settling.forbidden)
        self._saved.append(
            _Saved(
                settling.last_sort_key,
                settling.instant,
                deepcopy(settling.state),
                len(settling.moments),
                {name: tuple(facts) for name, facts in settling.waiting.items()},
                tuple(settling.forbidden),
                tuple(settling.applied),
                {fact.key: settling.outcomes[fact.key] for fact in open_facts},
            )
        )

    def _saved_before(self, fact: Fact) -> _Saved | None:
        """The latest saved settling after which this fact comes; later ones are dropped."""
        while self._saved and self._saved[-1].place >= sort_key_of(fact):
            self._saved.pop()
        return self._saved[-1] if self._saved else None

    def _return_to(self, saved: _Saved) -> None:
        before = self._settling
        settling = settle(ORDER.decider, self._order_id, ())
        settling.state = deepcopy(saved.state)
        settling.instant, settling.last_sort_key = saved.instant, saved.place
        settling.waiting = {name: list(facts) for name, facts in saved.waiting.items()}
        settling.forbidden, settling.applied = list(saved.forbidden), list(saved.applied)
        settling.outcomes = {**before.outcomes, **saved.outcomes}
        settling.moments = before.moments[: saved.moments]
        self._settling = settling
        # Whatever is taken again takes effect at the saved instant or after it.
        begun = [begins for begins in self.states.keys() if begins < saved.instant]  # noqa: SIM118  (not a mapping)
        final = max(begun, default=None)
        self._first = 0 if final is None else bisect_left(settling.moments, final, key=_at)
        self._changing = [begins for begins in self.states.keys() if final is None or begins >= final]  # noqa: SIM118

    def _restate(self, at: datetime) -> None:
        moments = self._settling.moments
        now = {state.valid_from: state for state in states_of(moments[self._first :])}
        for begins in self._changing:
            if begins not in now:
                self.states.say(begins, None, at)
        for begins, state in now.items():
            self.states.say(begins, state, at)
        # Later facts in place order take effect at the present instant or after it.
        instant = self._settling.instant
        begun = [begins for begins in now if instant is not None and begins < instant]
        if begun:
            final = begun[-1]
            self._first = bisect_left(moments, final, lo=self._first, key=_at)
            self._changing = [begins for begins in now if begins >= final]
        else:
            self._changing = list(now)


def _at(moment: Moment) -> datetime:
    return moment.at


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
            OrderBelief._make((order_id, begins, since, state.valid_to, until, *state[_REST:]))
            for begins, state, since, until in learning.states
        ],
        unapplied_beliefs.name: [
            UnappliedBelief(order_id, *key, since, until, *unapplied)
            for spans in (learning.unapplied, _waiting(believed.waiting))
            for key, unapplied, since, until in spans
        ],
        belief_reasons.name: [BeliefReason(order_id, stream) for stream in sorted(believed.follows_from)],
    }


ORDER_BELIEFS = Projection(
    name="order_beliefs",
    version=ORDER_STATES.version * 100 + VERSION,
    kind=ORDER,
    tables=(order_beliefs, unapplied_beliefs, belief_reasons),
    shape=shape,
    bitemporal=True,
    further_kinds=(STANDING_ORDER,),
)
