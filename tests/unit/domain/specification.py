"""Given what happened, when one more fact comes, then this became of it and the subject stands so.

    given(placed(), booked(9)).when(dispatched(10)).then_applied().summary(stage="in_transit")

`given` takes it that all its facts apply, and says so when one does not; `heard` takes facts of any fate.
Whatever is asked is asked of the facts in several orders of arrival, which must make no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.account.kind import ACCOUNT
from domain.fact import Fact
from domain.kind import Kind
from domain.kinds import KIND_OF_TYPE
from domain.order.events import as_line
from domain.order.kind import ORDER
from domain.order.state import FollowUp
from domain.order.summary import OrderLineSummary, ShipmentSummary, lines_of, shipments_of
from domain.parcel.kind import PARCEL
from domain.rep.kind import REP
from domain.settling import Settling, settle, up_to
from domain.standing_order.kind import STANDING_ORDER
from domain.verdict import Outcome, Verdict
from tests.unit.domain.facts import Hour, oclock

SUBJECT_ID = {ORDER: "SO-1", REP: "ann", ACCOUNT: "ALFKI", STANDING_ORDER: "12", PARCEL: "1Z999AA1"}


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
        """These follow-ups are owed to the customer, and no others, while the promise has not passed."""
        assert self.seen.follow_ups == follow_ups
        return self

    def owes_at(self, hour: Hour, *follow_ups: FollowUp) -> History:
        """These follow-ups are owed at that hour, by what had occurred until then, and no others."""
        seen = self.at(hour).seen
        owed = () if seen is None else seen.follow_ups_at(oclock(hour))
        assert sorted(owed, key=repr) == sorted(follow_ups, key=repr)
        return self

    def line(self, line: int | str, **expected: Any) -> History:
        """In the end the order's line stands so; quantities are given as they are written."""
        _compare(lines_seen(self.settling)[as_line(line)], _quantities(expected))
        return self

    def no_line(self, line: int | str) -> History:
        """There is no such line, or it is gone without a trace."""
        assert as_line(line) not in lines_seen(self.settling)
        return self

    def shipment(self, shipment_id: str, **expected: Any) -> History:
        """In the end the shipment stands so."""
        _compare(shipments_seen(self.settling)[shipment_id], _quantities(expected))
        return self

    def expedite(self, request_id: str, **expected: Any) -> History:
        """In the end the request stands so."""
        seen = {one.request_id: one for moment in self.settling.moments for one in moment.summary.changed_expedites}
        _compare(seen[request_id], _quantities(expected))
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
    if kind is ORDER:
        what_changed_adds_up_to_what_is(settled)
    return settled


def lines_seen(settling: Settling[Any]) -> dict[str, OrderLineSummary]:
    """An order's lines as the moments tell them: of each the latest word, those left out that are gone."""
    changed = [change for moment in settling.moments for change in moment.summary.changed_lines]
    return {line: seen for line, seen in dict(changed).items() if seen is not None}


def shipments_seen(settling: Settling[Any]) -> dict[str, ShipmentSummary]:
    """An order's shipments as the moments tell them: of each the latest word."""
    return {seen.shipment_id: seen for moment in settling.moments for seen in moment.summary.changed_shipments}


def what_changed_adds_up_to_what_is(settling: Settling[Any]) -> None:
    """The moments tell only what changed; taken together that is all there is, and the counts are right."""
    state = settling.state
    lines, shipments = lines_seen(settling), shipments_seen(settling)
    assert lines == {line: seen for line, seen in lines_of(state, state.lines) if seen is not None}
    assert shipments == {seen.shipment_id: seen for seen in shipments_of(state, state.shipments)}
    if settling.moments:
        assert (settling.moments[-1].summary.lines, settling.moments[-1].summary.shipments) == (
            len(lines),
            len(shipments),
        )


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


def _quantities(expected: dict[str, Any]) -> dict[str, Any]:
    """Quantities and amounts are given as text."""
    measured = ("quantity", "booked", "delivered", "over_delivered", "returned", "unit_price", "cost", "surcharge")
    return {
        name: Decimal(value) if name in measured and isinstance(value, int | str) else value
        for name, value in expected.items()
    }


def _told(fact: Fact, outcome: Outcome) -> str:
    hour = f"{fact.occurred_at:%d %H:%M}"
    return f"{fact.TYPE} of {hour} is {outcome.verdict}{': ' if outcome.reason else ''}{outcome.reason}"
