"""Orders, reps and accounts as aggregates: each a stream of events, of which an aggregate's apply only files the facts.

What the facts mean is settled when someone asks.
"""

from datetime import datetime
from typing import Any, Self

from eventsourcing.domain import BaseAggregate

from domain.fact import Fact
from domain.record import VerdictChanged
from domain.settling import Decider, Settling, settle, up_to


# No annotations in the body: the library would make a dataclass of it, with an __init__ of its own.
class SubjectAggregate(BaseAggregate[str]):
    """What all kinds of subject have in common: facts are filed, in the order of arrival."""

    def __init__(self, subject_id: str, decider: Decider[Any]) -> None:
        self.subject_id = subject_id
        self.decider = decider
        self.facts: list[Fact] = []
        self.verdict_changes: list[VerdictChanged] = []

    @classmethod
    def open(cls, stream: str, subject_id: str, decider: Decider[Any], opened_at: datetime) -> Self:
        """The aggregate before its first event.

        The library makes the first event a special one that constructs the aggregate. Here any event may come first,
        since messages come in any order, so the empty aggregate is made by hand.
        """
        aggregate = cls.__new__(cls)
        aggregate.__base_init__(originator_id=stream, originator_version=0, timestamp=opened_at)
        aggregate.__init__(subject_id, decider)  # type: ignore[misc]
        return aggregate

    def file(self, fact_class: type[Fact], **said: Any) -> None:
        """File one more fact as the stream's next event."""
        fact = fact_class(originator_id=self.id, originator_version=self.version + 1, **said)
        fact.mutate(self)
        self.pending_events.append(fact)

    def settle(self, occurred: datetime | None = None, recorded: datetime | None = None) -> Settling[Any]:
        """How the subject stands by what had occurred and was recorded by these instants (None: all there is)."""
        return settle(self.decider, self.subject_id, up_to(self.facts, occurred, recorded))
