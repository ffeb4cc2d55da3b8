"""Given what happened, when one more fact comes, then this became of it and the subject stands so.

    given(placed(), booked(9)).when(dispatched(10)).then_applied().summary(stage="in_transit")

`given` takes it that all its facts apply, and says so when one does not; `heard` takes facts of any fate.
Whatever is asked is asked of the facts in several orders of arrival, which must make no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from domain.account.kind import ACCOUNT
from domain.fact import Fact
from domain.kind import Kind
from domain.kinds import KIND_OF_TYPE
from domain.order.kind import ORDER
from domain.order.state import FollowUp
from domain.rep.kind import REP
from domain.settling import Settling, settle, up_to
from domain.verdict import Outcome, Verdict
from tests.unit.domain.facts import Hour, oclock

SUBJECT_ID = {ORDER: "SO-1", REP: "ann", ACCOUNT: "ALFKI"}


def given(*facts: Fact) -> History:
    """Facts of one subject, each of which applies without what comes later in the specification."""
    history = heard(*facts)
    for fact in facts:
        assert history.outcome_of(fact).verdict is Verdict.APPLIED, _told(fact, history.outcome_of(fact))
    return history


def heard(*facts: Fact) -> History:
    """Facts of one subject, whatever becomes of them."""
    return History(facts)


class History:
    """What was told of one subject."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        self.facts = tuple(facts)
        self.settling = settle_in_any_order(self.facts)

    def when(self, fact: Fact) -> Said:
        """One more fact comes."""
        return Said((*self.facts, fact), fact)

    def then(self, fact: Fact) -> Said:
        """Turn to a fact that was told before."""
        assert fact in self.facts, "that was never told"
        return Said(self.facts, fact)

    def outcome_of(self, fact: Fact) -> Outcome:
        return self.settling.outcomes[fact.key]

    @property
    def seen(self) -> Any:
        """What can be seen of the subject in the end."""
        return self.settling.decider.summarize(self.settling.state)

    def summary(self, **expected: Any) -> History:
        """In the end the subject stands so; instants are given as hours."""
        _compare(self.seen, expected)
        return self

    def nothing_to_see(self) -> History:
        assert self.seen is None
        return self

    def at(self, hour: Hour) -> History:
        """The same history as it was at that hour, by what had occurred until then."""
        return History(up_to(self.facts, occurred=oclock(hour)))

    def owes(self, *follow_ups: FollowUp) -> History:
        """These follow-ups are owed to the customer, and no others."""
        assert self.seen.follow_ups == follow_ups
        return self


class Said(History):
    """A history, with an eye on one fact of it."""

    def __init__(self, facts: Sequence[Fact], fact: Fact) -> None:
        super().__init__(facts)
        self.fact = fact
        self.outcome = self.outcome_of(fact)

    def then_applied(self, at: Hour | None = None) -> Said:
        """It took effect: at its own time, or later when it had to wait."""
        self._became(Verdict.APPLIED)
        assert self.outcome.took_effect_at == (self.fact.occurred_at if at is None else oclock(at))
        assert self.outcome.reason == ""
        return self

    def then_refused(self, because: str) -> Said:
        """A rule forbids it."""
        assert not self.outcome.voided
        return self._became(Verdict.REFUSED, because)

    def then_voided(self, because: str = "") -> Said:
        """Another message said that it was wrong."""
        assert self.outcome.voided, _told(self.fact, self.outcome)
        return self._became(Verdict.REFUSED, because)

    def then_duplicate(self, because: str = "") -> Said:
        return self._became(Verdict.DUPLICATE, because)

    def then_held(self, because: str = "") -> Said:
        return self._became(Verdict.HELD, because)

    def _became(self, verdict: Verdict, because: str = "") -> Said:
        assert self.outcome.verdict is verdict, _told(self.fact, self.outcome)
        assert because in self.outcome.reason
        if verdict is not Verdict.APPLIED:
            assert self.outcome.reason, "every verdict but applied gives its reason"
            assert self.outcome.took_effect_at is None
        return self


def settle_in_any_order(facts: Sequence[Fact]) -> Settling[Any]:
    """Settle facts of one subject; the order in which they came in makes no difference."""
    kind = kind_of(facts)
    settled = settle(kind.decider, SUBJECT_ID[kind], facts)
    half = len(facts) // 2
    for arrival in (facts[::-1], [*facts[half:], *facts[:half]], [*facts[::2], *facts[1::2]]):
        other = settle(kind.decider, SUBJECT_ID[kind], arrival)
        assert (other.outcomes, other.state, other.moments) == (settled.outcomes, settled.state, settled.moments)
    return settled


def kind_of(facts: Sequence[Fact]) -> Kind:
    kinds = {kind for fact in facts if (kind := KIND_OF_TYPE[fact.TYPE]) is not None}
    assert len(kinds) <= 1, "a specification is about one subject"
    return kinds.pop() if kinds else ORDER


def follow_up(about: str, since: Hour, request: str | None = None) -> FollowUp:
    return FollowUp(about, oclock(since), request)


def _compare(seen: Any, expected: dict[str, Any]) -> None:
    assert seen is not None, "there is nothing to see yet"
    actual = {name: getattr(seen, name) for name in expected}
    assert actual == {
        name: oclock(value) if isinstance(actual[name], datetime) and not isinstance(value, datetime) else value
        for name, value in expected.items()
    }


def _told(fact: Fact, outcome: Outcome) -> str:
    hour = f"{fact.occurred_at:%d %H:%M}"
    return f"{fact.TYPE} of {hour} is {outcome.verdict}{': ' if outcome.reason else ''}{outcome.reason}"
