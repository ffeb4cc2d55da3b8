"""Settling: what a subject's facts, taken together, come to. The one place where a verdict comes from.

Facts reach us late, twice, out of order and sometimes wrong. So nothing is decided for good when a message comes in:
`settle` takes all facts of a subject in the order of their *places* (time, rank of type, source, id) and says what
became of each one, how the subject stands, and at which moments it changed.

1. Facts are taken in the order of their places.
2. A fact that names what is not there yet waits for it, and takes effect at the instant at which that appears.
3. A fact that a rule forbids is tried again after each that applies at the same instant.
4. A voided fact is passed over as though it had never been (see `domain.voids`).
5. What waits at the end is held; what was forbidden at its instant is refused.

What an applied fact of the same source, type, time and data says already is a duplicate, whatever the kind of subject
(see `domain.repetition`).

`settle` is a fold of `Settling.take` over the facts. So a settling that was kept can take more facts on top, and ends
where settling anew would end; `domain.stepping.can_be_stepped_on` says when.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from domain.clock_holds import outcome_of_held
from domain.fact import Fact, FactKey, SortKey, sort_key_of
from domain.repetition import Saying, fingerprint, saying_of
from domain.verdict import Objection, Outcome, Verdict, already_so
from domain.voids import weigh_voids

State = TypeVar("State")

FEW = 8


class Decider(Protocol[State]):
    """The rules of one kind of subject: an order, a rep, an account."""

    def initial_state(self, subject_id: str) -> State:
        """The state before the first fact."""

    def decide(self, state: State, fact: Fact) -> Objection | None:
        """None when the fact may take effect now."""

    def evolve(self, state: State, fact: Fact, at: datetime) -> None:
        """Let the fact take effect at `at`."""

    def introduces(self, fact: Fact) -> str | None:
        """What appears with the fact, in the words of `waits_for`: what others may be waiting for."""

    def summarize(self, state: State) -> Any:
        """What can be seen of the state, as a frozen value; None while there is nothing to see."""


class Moment(NamedTuple):
    """A fact took effect at `at`, and this is how the subject stood then."""

    at: datetime
    fact: Fact
    summary: Any


@dataclass(slots=True)
class Settling(Generic[State]):
    """Facts being taken, one after another, in the order of their places.

    `instant` is the time of the facts being taken. `forbidden` holds those that a rule forbade at it and `applied`
    those that took effect at it; both are forgotten when it passes. `waiting` holds facts by the name of what each
    awaits. `outcomes` is the latest word on each fact. With `watched` false no moments are noted. `has_voids` tells
    that voids were weighed before. Where only the state was kept, `forgot_forbidden` tells that facts were forbidden at
    `instant` which are not in `forbidden`, and `fingerprints` has what was said by those that took effect at it.
    """

    decider: Decider[State]
    state: State
    instant: datetime | None = None
    last_sort_key: SortKey | None = None
    waiting: dict[str, list[Fact]] = field(default_factory=dict)
    forbidden: list[tuple[SortKey, Fact]] = field(default_factory=list)
    applied: list[Fact] = field(default_factory=list)
    outcomes: dict[FactKey, Outcome] = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)
    watched: bool = True
    has_voids: bool = False
    forgot_forbidden: bool = False
    fingerprints: frozenset[str] = frozenset()
    _said: dict[FactKey, Saying] = field(default_factory=dict)
    _sayings: set[Saying] = field(default_factory=set)

    def take(self, fact: Fact) -> None:
        """Take the next fact, and with it those that waited for it or may now be allowed at its instant."""
        if fact.occurred_at != self.instant:
            self._turn_to(fact.occurred_at)
        self.last_sort_key = sort_key = sort_key_of(fact)
        if not self.waiting and not self.forbidden:
            # The usual case: there is nobody whom the fact could wake.
            self._try(sort_key, fact, fact.occurred_at)
            return
        contenders = deque([(sort_key, fact)])
        while contenders:
            place, contender = contenders.popleft()
            if not self._try(place, contender, fact.occurred_at):
                continue
            # What waited for this fact is judged at this instant too, and what was forbidden at it once more. Of them
            # all the places decide, not who woke first. (What says what is already so is not tried again.)
            appeared = self.decider.introduces(contender)
            woken = self.waiting.pop(appeared, ()) if appeared else ()
            if woken or self.forbidden:
                again = [*contenders, *self.forbidden, *((sort_key_of(one), one) for one in woken)]
                self.forbidden = []
                contenders = deque(sorted(again))

    def _turn_to(self, instant: datetime) -> None:
        """A rule is judged at the fact's own instant: what was forbidden until now stays refused in this settling."""
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
        """Let the fact take effect if nothing speaks against it, and note what became of it; whether it did."""
        objection = self.decider.decide(self.state, fact)
        if (
            (self.applied or self.fingerprints)
            and (objection is None or objection.verdict is Verdict.REFUSED)
            and self._was_said(fact)
        ):
            objection = already_so("another message of the same source, type and time said the same")
        if objection is None:
            self.decider.evolve(self.state, fact, instant)
            self.outcomes[fact.key] = Outcome(Verdict.APPLIED, "", instant)
            self.applied.append(fact)
            if self.watched:
                self.moments.append(Moment(instant, fact, self.decider.summarize(self.state)))
            return True
        if objection.verdict is Verdict.HELD:
            self.waiting.setdefault(objection.awaits, []).append(fact)
        elif objection.verdict is Verdict.REFUSED:
            self.forbidden.append((place, fact))
        self.outcomes[fact.key] = Outcome(objection.verdict, objection.reason)
        return False

    def _was_said(self, fact: Fact) -> bool:
        """Whether a fact that took effect at this instant says the same under another id.

        Few instants have more than a few facts, and these are of different types: then there is nothing to compare.
        Where there are many, what each of them says is worked out once.
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
        """What was said by the facts that took effect at the present instant, to keep beside the state."""
        return sorted({*self.fingerprints, *(fingerprint(saying_of(fact)) for fact in self.applied)})

    @property
    def nothing_waits(self) -> bool:
        return not self.waiting and not self.forbidden


def settle(decider: Decider[State], subject_id: str, facts: Iterable[Fact], *, watched: bool = True) -> Settling[State]:
    """Settle the facts of one subject; a pure function of their set. Those that the clock holds are left out.

    With `watched` false the moments are left out, for those who want the verdicts alone.
    """
    weighed = weigh_voids(facts)
    settling = Settling(
        decider,
        decider.initial_state(subject_id),
        outcomes=weighed.outcomes,
        watched=watched,
        has_voids=bool(weighed.outcomes),
    )
    for fact in sorted(weighed.standing, key=sort_key_of):
        if fact.held_until is None:
            settling.take(fact)
        else:
            settling.outcomes[fact.key] = outcome_of_held(fact)
    return settling


def up_to(facts: Iterable[Fact], occurred: datetime | None = None, recorded: datetime | None = None) -> list[Fact]:
    """The facts that had occurred by one instant and were recorded by another (both inclusive; None: no limit).

    A void speaks of the record, not of the day, so it counts whatever its own time.
    """
    return [
        fact
        for fact in facts
        if (recorded is None or fact.recorded_at <= recorded)
        and (occurred is None or fact.occurred_at <= occurred or fact.TYPE == "message.voided.v1")
    ]
