"""The rep as a decider."""

from datetime import datetime

import msgspec

from domain.fact import Fact
from domain.rep.events import Level, RepChanged, RepRegistered
from domain.verdict import Objection, waits_for


class RepSummary(msgspec.Struct, frozen=True):
    """A rep as registered and changed so far."""

    rep_id: str
    name: str
    level: Level
    team: str | None
    mentor_id: str | None


class RepState(msgspec.Struct):
    """`registered` is None until the rep is. Quotas and pay plans stay facts: they are summed up by the month."""

    rep_id: str
    registered: RepSummary | None = None


class RepDecider:
    """How facts about a rep are settled. Only a change waits for the rep to be registered."""

    def initial_state(self, subject_id: str) -> RepState:
        return RepState(rep_id=subject_id)

    def decide(self, state: RepState, fact: Fact) -> Objection | None:
        if isinstance(fact, RepChanged) and state.registered is None:
            return waits_for("rep", state.rep_id)
        return None

    def evolve(self, state: RepState, fact: Fact, at: datetime) -> None:
        if isinstance(fact, RepRegistered):
            state.registered = RepSummary(state.rep_id, fact.name, fact.level, fact.team, fact.mentor_id)
        elif isinstance(fact, RepChanged) and state.registered is not None:
            changed = {name: value for name in fact.DATA_FIELDS if (value := getattr(fact, name)) is not msgspec.UNSET}
            state.registered = msgspec.structs.replace(state.registered, **changed)

    def introduces(self, fact: Fact) -> str | None:
        return "rep" if isinstance(fact, RepRegistered) else None

    def summarize(self, state: RepState) -> RepSummary | None:
        return state.registered
