"""Void: makes a message count as never sent."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import uuid4

import msgspec

from consumers.contract import Malformed, read_message, to_cloud_event
from consumers.sources.json_lines import JsonLines
from domain.events import MessageVoided
from domain.operator.acts import OPERATOR_SOURCE
from infra.app.container import Waybill
from infra.app.ingest import ingest_source
from infra.queries.messages import MessageReport, NoLongerApplied


class CannotVoidError(ValueError):
    """The message cannot be voided; the error says why and what to do."""


class VoidReport(NamedTuple):
    """The outcomes of the voided message (none, if it has not come yet) and of the void.

    `no_longer_applied` are messages that built on the voided one and lost their verdict with it.
    """

    voided: Sequence[MessageReport]
    void: Sequence[MessageReport]
    no_longer_applied: Sequence[NoLongerApplied]


def void_message(waybill: Waybill, source: str, message_id: str, reason: str, subject: str | None = None) -> VoidReport:
    """Void a message. Its subject is needed only if it is unknown or ambiguous.

    Raises CannotVoidError, and the errors of ingest.
    """
    subject = subject or _only_subject(
        waybill.retry(lambda: waybill.messages.subjects_of(source, message_id)), source, message_id
    )
    now = waybill.clock()
    fact = MessageVoided(
        occurred_at=now,
        recorded_at=now,
        source=OPERATOR_SOURCE,
        message_id=str(uuid4()),
        voided_source=source,
        voided_id=message_id,
        reason=reason,
    )
    body = msgspec.json.encode(to_cloud_event(fact, subject)) + b"\n"
    fits = read_message(body, now, waybill.reading_rules())
    if isinstance(fits, Malformed):
        raise CannotVoidError(fits.reason.replace("data.", ""))
    with ingest_source(waybill, JsonLines.of_bytes(OPERATOR_SOURCE, body)) as ingested:
        lost = ingested.no_longer_applied
    voided = waybill.retry(lambda: waybill.messages.find(source, message_id))
    return VoidReport(
        [report for report in voided if report.subject == subject],
        waybill.retry(lambda: waybill.messages.find(OPERATOR_SOURCE, fact.message_id)),
        lost,
    )


def _only_subject(subjects: Sequence[str], source: str, message_id: str) -> str:
    if not subjects:
        raise CannotVoidError(f"no message {message_id} of {source} is known; name its --subject to void it ahead")
    if len(subjects) > 1:
        raise CannotVoidError(f"{source} used {message_id} for {', '.join(subjects)}; name one with --subject")
    return subjects[0]
