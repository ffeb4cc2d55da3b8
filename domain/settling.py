"""Settling: computes verdicts and state from all facts of a subject. It is the only source of verdicts.

Facts come late, twice, out of order and sometimes wrong. So no decision on receipt is final. `settle` takes all facts
of a subject in the order of their *places* (time, rank of type, source, id). It returns the outcome of each fact, the
state of the subject, and the moments at which the state changed.

1. Facts are taken in the order of their places.
2. A fact that names something unknown waits for it, and takes effect at the instant at which that appears.
3. A fact that a rule forbids is tried again after each other fact that applies at the same instant.
4. A voided fact is skipped, as if it had never been sent (see `domain.voids`).
5. A fact that still waits at the end is held; a fact that was forbidden at its instant is refused.

A fact with the source, type, time and data of an applied fact is a duplicate, for all kinds of subject (see
`domain.repetition`).

`settle` is a fold of `Settling.take` over the facts. So a stored settling can take more facts on top with the same
result as settling all facts again; `domain.stepping.can_be_stepped_on` says when.
"""

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec

from domain.clock_holds import outcome_of_held
from domain.events import MessageVoided
from domain.fact import Fact, FactKey, SortKey, sort_key_of
from domain.repetition import Saying, fingerprint, saying_of
from domain.verdict import APPLIED, HELD, REFUSED, Objection, Outcome, already_so
from domain.voids import weigh_voids

State = TypeVar("State")

FEW = 8


class Decider(Protocol[State]):
    """The rules of one kind of subject: an order, a rep, an account, a standing order, a parcel."""

    def initial_state(self, subject_id: str) -> State:
        """The state before the first fact."""

    def decide(self, state: State, fact: Fact) -> Objection | None:
        """None when the fact may take effect now."""

    def evolve(self, state: State, fact: Fact, at: datetime) -> None:
        """Let the fact take effect at `at`."""

    def introduces(self, fact: Fact) -> str | None:
        """The names that appear with the fact, as in `waits_for`; other facts may wait for them."""

    def summarize(self, state: State) -> Any:
        """The visible state as a frozen value; None if there is nothing to see yet."""


class Moment(NamedTuple):
    """A fact took effect at `at`, with the subject's state after it."""

    at: datetime
    fact: Fact
    summary: Any


class Settling(msgspec.Struct, Generic[State]):
    """A settling in progress: it takes facts one by one in the order of their places.

    `instant` is the time of the facts being taken. `forbidden` has the facts that a rule forbade at that instant, and
    `applied` those that took effect at it; both are cleared when the instant passes. `waiting` has facts by the name
    that each awaits. `outcomes` has the latest outcome of each fact. `moments` has the facts that took effect, and
    `without_effect` those that were voided or met an objection, also if they took effect after it. With `watched` false
    neither is recorded. `has_voids` says that voids were considered before. If only the state was stored,
    `forgot_forbidden` says that facts were forbidden at `instant` that are not in `forbidden`, and `fingerprints` has
    the content of those that took effect at it. (An empty default is copied for each settling.)
    """

    decider: Decider[State]
    state: State
    instant: datetime | None = None
    last_sort_key: SortKey | None = None
    waiting: dict[str, list[Fact]] = {}
    forbidden: list[tuple[SortKey, Fact]] = []
    applied: list[Fact] = []
    outcomes: dict[FactKey, Outcome] = {}
    moments: list[Moment] = []
    without_effect: dict[FactKey, Fact] = {}
    watched: bool = True
    has_voids: bool = False
    forgot_forbidden: bool = False
    fingerprints: frozenset[str] = frozenset()
    _said: dict[FactKey, Saying] = {}
    _sayings: set[Saying] = set()

    def take_all(self, facts: Iterable[Fact]) -> None:
        """Take the next facts, in the order of their places; those that the clock holds are ignored."""
        for fact in facts:
            if fact.held_until is None:
                self.take(fact)
            else:
                self.outcomes[fact.key] = outcome_of_held(fact)

    def take(self, fact: Fact) -> None:
        """Take the next fact, and then those that waited for it or may now be allowed at its instant."""
        if fact.occurred_at != self.instant:
            self._turn_to(fact.occurred_at)
        self.last_sort_key = sort_key = sort_key_of(fact)
        if not self.waiting and not self.forbidden:
            # The usual case: no other fact waits.
            self._try(sort_key, fact, fact.occurred_at)
            return
        contenders = deque([(sort_key, fact)])
        while contenders:
            place, contender = contenders.popleft()
            if not self._try(place, contender, fact.occurred_at):
                continue
            # Facts that waited for this one are judged at this instant too, and forbidden facts are judged again. Their
            # places decide the order, not which woke first. (Duplicates are not tried again.)
            appeared = self.decider.introduces(contender)
            woken = self.waiting.pop(appeared, ()) if appeared else ()
            if woken or self.forbidden:
                again = [*contenders, *self.forbidden, *((sort_key_of(one), one) for one in woken)]
                self.forbidden = []
                contenders = deque(sorted(again))

    def _turn_to(self, instant: datetime) -> None:
        """A rule is judged at the fact's own instant: facts forbidden so far stay refused in this settling."""
        self.instant = instant
        self.forgot_forbidden = False
        if self.forbidden:
            self.forbidden = []
        if self.applied:
            self.applied = []
        if self._said:
            self._said, self._sayings = {}, set()
        if self.fingerprints:
            self.fingerprints = frozenset()

    def _try(self, place: SortKey, fact: Fact, instant: datetime) -> bool:
        """Let the fact take effect unless a rule objects, and record its outcome; returns whether it took effect."""
        objection = self.decider.decide(self.state, fact)
        if (
            (self.applied or self.fingerprints)
            and (objection is None or objection.verdict is REFUSED)
            and self._was_said(fact)
        ):
            objection = already_so("another message of the same source, type and time said the same")
        if objection is None:
            self.decider.evolve(self.state, fact, instant)
            self.outcomes[fact.key] = Outcome(APPLIED, "", instant)
            self.applied.append(fact)
            if self.watched:
                self.moments.append(Moment(instant, fact, self.decider.summarize(self.state)))
            return True
        if objection.verdict is HELD:
            self.waiting.setdefault(objection.awaits, []).append(fact)
        elif objection.verdict is REFUSED:
            self.forbidden.append((place, fact))
        self.outcomes[fact.key] = Outcome(objection.verdict, objection.reason)
        if self.watched:
            self.without_effect[fact.key] = fact
        return False

    def _was_said(self, fact: Fact) -> bool:
        """Whether a fact that took effect at this instant has the same content under another id.

        Most instants have few facts of different types, so there is nothing to compare. If there are many, the content
        of each is computed once.
        """
        if len(self.applied) < FEW and not self.fingerprints:
            kind = type(fact)
            return any(type(one) is kind and saying_of(one) == saying_of(fact) for one in self.applied)
        saying = self._said.get(fact.key)
        if saying is None:
            saying = self._said[fact.key] = saying_of(fact)
        self._sayings.update(map(saying_of, self.applied[len(self._sayings) :]))
        return saying in self._sayings or (bool(self.fingerprints) and fingerprint(saying) in self.fingerprints)

    def fingerprints_of_instant(self) -> list[str]:
        """The fingerprints of the facts that took effect at the present instant, to store with the state."""
        return sorted({*self.fingerprints, *(fingerprint(saying_of(fact)) for fact in self.applied)})

    @property
    def nothing_waits(self) -> bool:
        return not self.waiting and not self.forbidden


def settle(decider: Decider[State], subject_id: str, facts: Iterable[Fact], *, watched: bool = True) -> Settling[State]:
    """Settle the facts of one subject: a pure function of their set. Facts that the clock holds are ignored.

    With `watched` false the moments are left out, for callers that need only verdicts.
    """
    weighed = weigh_voids(facts)
    settling = Settling(
        decider,
        decider.initial_state(subject_id),
        outcomes=weighed.outcomes,
        without_effect={fact.key: fact for fact in weighed.voided} if watched else {},
        watched=watched,
        has_voids=bool(weighed.outcomes),
    )
    standing = weighed.standing
    settling.take_all(sorted(standing, key=sort_key_of) if len(standing) > 1 else standing)
    return settling


def up_to(facts: Iterable[Fact], occurred: datetime | None = None, recorded: datetime | None = None) -> list[Fact]:
    """The facts that had occurred by one instant and were recorded by another (both inclusive; None: no limit).

    A void is about the record, not about its own time, so it counts whatever its time.
    """
    return [
        fact
        for fact in facts
        if (recorded is None or fact.recorded_at <= recorded)
        and (occurred is None or fact.occurred_at <= occurred or isinstance(fact, MessageVoided))
    ]
