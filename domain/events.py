"""Facts about the record itself: a message that was wrong, a verdict that changed."""

from datetime import datetime
from typing import Any, ClassVar

from domain.fact import Fact, FactKey, StreamEvent, register_event
from domain.verdict import Verdict


@register_event
class MessageVoided(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A message of the same subject was wrong and counts as never sent."""

    TOPIC: ClassVar[str] = "message.voided"
    TYPE: ClassVar[str] = "message.voided.v1"

    voided_source: str
    voided_id: str
    reason: str

    @property
    def names(self) -> FactKey:
        return (self.voided_source, self.voided_id)


@register_event
class VerdictChanged(StreamEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Ingest changed the verdict of an earlier message (`source`, `message_id`) of this stream.

    The relay and the timeline read it; settling never does.
    """

    TOPIC: ClassVar[str] = "verdict.changed"

    verdict_before: Verdict
    verdict: Verdict
    reason: str = ""
    took_effect_at: datetime | None = None
    because_of_source: str | None = None
    because_of_id: str | None = None

    def apply(self, aggregate: Any) -> None:
        aggregate.verdict_changes.append(self)
