"""The standing order decider."""

from datetime import date, datetime

import msgspec

from domain.fact import Fact
from domain.standing_order.events import Every, StandingOrderEstablished, StandingOrderMissed, StandingOrderStopped
from domain.verdict import Objection, already_so, waits_for


class StandingOrderSummary(msgspec.Struct, frozen=True):
    """The terms in force, whether the standing order is stopped, and the due dates found missed, ascending.

    Before it is established, `account_id`, `every` and `first_on` are None.
    """

    standing_order_id: str
    account_id: str | None = None
    every: Every | None = None
    first_on: date | None = None
    until: date | None = None
    lead_days: int = 0
    stopped: bool = False
    missed: tuple[date, ...] = ()


class StandingOrderState(msgspec.Struct):
    summary: StandingOrderSummary


class StandingOrderDecider:
    """The decider for standing orders. A stop waits for the establishing; a marker "missed" waits for nothing."""

    def initial_state(self, subject_id: str) -> StandingOrderState:
        return StandingOrderState(StandingOrderSummary(subject_id))

    def decide(self, state: StandingOrderState, fact: Fact) -> Objection | None:
        if not isinstance(fact, StandingOrderStopped):
            return None
        if state.summary.every is None:
            return waits_for("standing order", state.summary.standing_order_id)
        return already_so("the standing order is stopped already") if state.summary.stopped else None

    def evolve(self, state: StandingOrderState, fact: Fact, at: datetime) -> None:
        if isinstance(fact, StandingOrderEstablished):
            state.summary = StandingOrderSummary(
                state.summary.standing_order_id,
                fact.account_id,
                fact.every,
                fact.first_on,
                fact.until,
                fact.lead_days,
                missed=state.summary.missed,
            )
        elif isinstance(fact, StandingOrderStopped):
            state.summary = msgspec.structs.replace(state.summary, stopped=True)
        elif isinstance(fact, StandingOrderMissed):
            missed = tuple(sorted({*state.summary.missed, fact.due_on}))
            state.summary = msgspec.structs.replace(state.summary, missed=missed)

    def introduces(self, fact: Fact) -> str | None:
        return "standing order" if isinstance(fact, StandingOrderEstablished) else None

    def summarize(self, state: StandingOrderState) -> StandingOrderSummary:
        return state.summary
