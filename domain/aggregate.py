"""Subjects (orders, reps, accounts, …) as aggregates. An aggregate's apply only appends facts.

`settle` decides later what the facts mean.
"""

from datetime import datetime
from typing import Any, Self

from eventsourcing.domain import BaseAggregate

from domain.events import VerdictChanged
from domain.fact import Fact
from domain.settling import Decider, Settling, settle, up_to


# No annotations in the body: the library would turn the class into a dataclass with its own __init__.
class SubjectAggregate(BaseAggregate[str]):
    """The base of all kinds of subject: it keeps facts in the order of arrival."""

    def __init__(self, subject_id: str, decider: Decider[Any]) -> None:
        self.subject_id = subject_id
        self.decider = decider
        self.facts: list[Fact] = []
        self.verdict_changes: list[VerdictChanged] = []

    @classmethod
    def open(cls, stream: str, subject_id: str, decider: Decider[Any], opened_at: datetime) -> Self:
        """The aggregate before its first event.

        In the library, a special first event constructs the aggregate. Here any event may come first, because messages
        come in any order, so the empty aggregate is constructed directly.
        """
        aggregate = cls.__new__(cls)
        aggregate.__base_init__(originator_id=stream, originator_version=0, timestamp=opened_at)
        aggregate.__init__(subject_id, decider)  # type: ignore[misc]
        return aggregate

    def file(self, fact_class: type[Fact], **said: Any) -> None:
        """Append one more fact as the stream's next event."""
        fact = fact_class(originator_id=self.id, originator_version=self.version + 1, **said)
        fact.mutate(self)
        self.pending_events.append(fact)

    def settle(self, occurred: datetime | None = None, recorded: datetime | None = None) -> Settling[Any]:
        """The subject's state by the facts that had occurred and were recorded by these instants (None: no limit)."""
        return settle(self.decider, self.subject_id, up_to(self.facts, occurred, recorded))
