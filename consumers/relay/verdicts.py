"""The records of waybill.verdicts: first verdicts other than applied, changed ones, and superseded messages."""

from datetime import datetime
from typing import Any, NamedTuple

from consumers.contract.claims import Claimed
from consumers.contract.writing import instant_text
from consumers.ingest.register import MessageKey
from consumers.relay.envelope import VERDICT_CHANGED, VERDICT_GIVEN, VerdictData, structured
from consumers.relay.identity import fact_id, verdict_id
from consumers.sinks.sink import Record
from domain.verdict import Verdict


class Told(NamedTuple):
    """A notice with the origin of its message: a topic, or a file and the line from 0.

    `key` is None for a malformed message; `named` has its claims.
    """

    key: MessageKey | None
    named: Claimed
    letter_id: str | None
    topic: str
    partition: int
    offset: int
    stream: str | None
    version: int | None
    before: Verdict | None
    verdict: Verdict
    reason: str
    took_effect_at: datetime | None
    told_at: datetime

    @property
    def is_news(self) -> bool:
        """Not of a void that moved to another stream: it has the verdict that it had. Voiding what is refused is."""
        return self.before is not self.verdict or self.stream is None


def record_of(told: Told, topic: str, source: str) -> Record:
    """Its record: a CloudEvent of `source`, with the message's source as its key, if there is one."""
    message = (*(told.key or (told.letter_id,)), told.topic, told.partition, told.offset)
    attributes: dict[str, Any] = {
        "id": verdict_id(*message, told.stream, told.version, told.before, told.verdict, told.told_at),
        "source": source,
        "type": VERDICT_GIVEN if told.before is None else VERDICT_CHANGED,
        "time": instant_text(told.told_at),
    }
    if told.named.subject is not None:
        attributes["subject"] = told.named.subject
    if told.key is not None:
        attributes["factid"] = fact_id(told.key)
    data = VerdictData(
        source=told.named.source,
        id=told.named.id,
        subject=told.named.subject,
        type=told.named.type,
        verdict=told.verdict,
        verdict_before=told.before,
        reason=told.reason,
        took_effect_at=told.took_effect_at,
        letter_id=told.letter_id,
        topic=told.topic,
        partition=told.partition,
        offset=told.offset,
        stream=told.stream,
        stream_version=told.version,
    )
    return structured(topic, told.named.source, attributes, data)
