"""Reps as a kind of subject."""

from domain.aggregate import SubjectAggregate
from domain.kind import Kind
from domain.rep.decider import RepDecider, RepState
from domain.rep.events import RepChanged, RepLeft, RepPayPlanSet, RepQuotaSet, RepRegistered


class Rep(SubjectAggregate):
    """The facts about one rep."""


REP = Kind(
    prefix="rep",
    decider=RepDecider(),
    state=RepState,
    facts=(RepRegistered, RepChanged, RepQuotaSet, RepPayPlanSet, RepLeft),
    aggregate=Rep.open,
)
