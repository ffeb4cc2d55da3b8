"""The CloudEvents that Waybill publishes: their types and extra attributes."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from consumers.contract.kafka_records import TRACE_CONTEXT, is_trace_context
from consumers.sinks.sink import STRUCTURED, Headers, Record
from domain.verdict import Verdict

REVERTED = "waybill.fact.reverted.v1"
VERDICT_GIVEN = "waybill.verdict.given.v1"
VERDICT_CHANGED = "waybill.verdict.changed.v1"

HEADERS = (("content-type", STRUCTURED.encode()),)

Whole = Annotated[int, Meta(ge=0)]


class RelayedAttributes(msgspec.Struct, frozen=True):
    """The extension attributes of each event of waybill.events."""

    factid: Annotated[str, Meta(description="The fact that took effect or ceased to: one UUID for all its revisions.")]
    revision: Annotated[
        int, Meta(ge=1, description="Odd: the fact took effect. Even: it ceased to. The greatest one counts.")
    ]
    stream: Annotated[str, Meta(description="The stream of the subject, such as order-SO-10248; also the key.")]
    streamversion: Annotated[int, Meta(ge=1, description="The version of the event in that stream.")]
    messagesource: Annotated[str, Meta(description="The source of the message that stated the fact.")]
    messageid: Annotated[str, Meta(description="The id of that message.")]


class FactRevertedData(msgspec.Struct, frozen=True):
    """A fact ceased to be in effect: it was voided or withdrawn, or a later message forbids it at its place."""

    reverts: Annotated[str, Meta(description="The id of the event that reported that it took effect.")]
    type: Annotated[str, Meta(description="The type of the message that stated the fact.")]
    occurred_at: Annotated[datetime, Meta(tz=True, description="The time of that message.")]
    verdict: Annotated[
        Verdict | None, Meta(description="The verdict that the message has now; null for a withdrawn derived message.")
    ]
    reason: Annotated[str, Meta(description="Why.")]
    because_of_source: Annotated[str | None, Meta(description="The source of the message that changed it, if known.")]
    because_of_id: Annotated[str | None, Meta(description="The id of that message.")]


class VerdictData(msgspec.Struct, frozen=True):
    """The verdict of one message. Fields without a value are null."""

    source: Annotated[str | None, Meta(description="The message's source; for a malformed message, its claim.")]
    id: Annotated[str | None, Meta(description="The message's id, or its claim.")]
    subject: Annotated[str | None, Meta(description="The message's subject, or its claim.")]
    type: Annotated[str | None, Meta(description="The message's type, or its claim.")]
    verdict: Annotated[Verdict, Meta(description="The verdict from now on.")]
    verdict_before: Annotated[Verdict | None, Meta(description="The previous verdict; null on receipt.")]
    reason: Annotated[str, Meta(description="Why.")]
    took_effect_at: Annotated[
        Annotated[datetime, Meta(tz=True)] | None, Meta(description="If applied: the instant from which it counts.")
    ]
    letter_id: Annotated[
        str | None, Meta(description="Of what was not taken, or of the superseded malformed message: its dead letter.")
    ]
    topic: Annotated[str, Meta(description="The topic or file that the message came from.")]
    partition: Annotated[Whole, Meta(description="Its partition; 0 for a file.")]
    offset: Annotated[Whole, Meta(description="Its offset; for a file, the line number from 0.")]
    stream: Annotated[str | None, Meta(description="The stream of its event; null if nothing new was stored.")]
    stream_version: Annotated[int | None, Meta(description="The version of the event in that stream.")]


def structured(topic: str, key: str | None, attributes: dict[str, Any], data: Any) -> Record:
    """A CloudEvent in structured JSON, its data last."""
    event = {"specversion": "1.0", **attributes, "data": data}
    return Record(topic, None if key is None else key.encode(), msgspec.json.encode(event), HEADERS)


def trace_headers(traceparent: str) -> Headers:
    """The Kafka header of a W3C trace context; none for other text, which a tracing library would reject."""
    content = traceparent.encode()
    return ((TRACE_CONTEXT, content),) if is_trace_context(content) else ()
