"""The rep decider."""

from datetime import datetime

import msgspec

from domain.fact import Fact
from domain.rep.events import Level, RepChanged, RepLeft, RepRegistered
from domain.verdict import Objection, already_so, waits_for


class RepSummary(msgspec.Struct, frozen=True):
    """A rep as registered and changed so far. A rep who left is no longer registered; the name stays known."""

    rep_id: str
    name: str
    level: Level
    team: str | None
    mentor_id: str | None
    registered: bool = True


class RepState(msgspec.Struct):
    """`known` is None until the rep is registered. Quotas and pay plans stay facts and are aggregated by month."""

    rep_id: str
    known: RepSummary | None = None


class RepDecider:
    """The decider for reps. Changes and leaving wait for the registration."""

    def initial_state(self, subject_id: str) -> RepState:
        return RepState(rep_id=subject_id)

    def decide(self, state: RepState, fact: Fact) -> Objection | None:
        if not isinstance(fact, RepChanged | RepLeft):
            return None
        if state.known is None:
            return waits_for("rep", state.rep_id)
        if isinstance(fact, RepLeft) and not state.known.registered:
            return already_so("the rep left before")
        return None

    def evolve(self, state: RepState, fact: Fact, at: datetime) -> None:
        if isinstance(fact, RepRegistered):
            state.known = RepSummary(state.rep_id, fact.name, fact.level, fact.team, fact.mentor_id)
        elif isinstance(fact, RepChanged) and state.known is not None:
            changed = {name: value for name in fact.DATA_FIELDS if (value := getattr(fact, name)) is not msgspec.UNSET}
            state.known = msgspec.structs.replace(state.known, **changed)
        elif isinstance(fact, RepLeft) and state.known is not None:
            state.known = msgspec.structs.replace(state.known, registered=False)

    def introduces(self, fact: Fact) -> str | None:
        return "rep" if isinstance(fact, RepRegistered) else None

    def summarize(self, state: RepState) -> RepSummary | None:
        return state.known
