"""Void: makes a message count as never sent."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from consumers.ingest.register import MessageKey
from domain.derived import RESERVED_SOURCES
from domain.events import MessageVoided
from domain.operator.acts import OPERATOR_SOURCE, MessageVoidedByHand
from infra.app.container import Waybill
from infra.app.message_changes import ChangeEffect, MessageChange, effect_of
from infra.app.operator_feed import begun_or_new, message_bytes, misfit
from infra.queries.messages import MessageReport, NoLongerApplied
from infra.queries.selected_messages import SelectedMessages

PLANNED = "planned"
"""The id of an act, and the correlation id of its messages, until `begun_or_new` gives it one."""


class CannotVoidError(ValueError):
    """The message cannot be voided; the error says why and what to do."""


class VoidReport(NamedTuple):
    """The outcomes of the voided message (none, if it has not come yet) and of the void.

    `no_longer_applied` are messages that built on the voided one and lost their verdict with it.
    """

    voided: Sequence[MessageReport]
    void: Sequence[MessageReport]
    no_longer_applied: Sequence[NoLongerApplied]


def void_message(
    waybill: Waybill, source: str, message_id: str, reason: str, subject: str | None = None, *, operator: str
) -> VoidReport:
    """Void a message. Its subject is needed only if it is unknown or ambiguous.

    Raises CannotVoidError, and the errors of ingest.
    """
    subject = subject or only_subject(
        waybill.retry(lambda: waybill.messages.subjects_of(source, message_id)), source, message_id
    )
    key = MessageKey(source, message_id, subject)
    now = waybill.clock()
    (void,) = voids_of(waybill, [key], reason, now, PLANNED)
    expect_void_to_fit(waybill, void, subject)
    act = MessageVoidedByHand.by(
        operator,
        now,
        reason,
        act_id=PLANNED,
        voided_source=source,
        voided_id=message_id,
        subject=subject,
        void_id=void.message_id,
    )
    newest = waybill.retry(waybill.messages.newest_notice)
    feed = begun_or_new(waybill, act, anything_to_do=True)
    assert feed is not None, "there is a message to void"
    feed.store([(msgspec.structs.replace(void, correlation_id=feed.act_id), subject)])
    feed.finish()
    voided = waybill.retry(lambda: waybill.messages.find(source, message_id))
    return VoidReport(
        [report for report in voided if report.subject == subject],
        waybill.retry(lambda: waybill.messages.find(OPERATOR_SOURCE, void.message_id)),
        waybill.retry(lambda: waybill.messages.no_longer_applied(newest)),
    )


def plan_void(
    waybill: Waybill, source: str, message_id: str, reason: str, subject: str | None = None, *, samples: int
) -> ChangeEffect:
    """What voiding a stored message would do. Raises CannotVoidError."""
    subject = subject or only_subject(waybill.messages.subjects_of(source, message_id), source, message_id)
    key = MessageKey(source, message_id, subject)
    found = SelectedMessages(waybill.backend).of_keys([key]).get(key)
    if found is None:
        raise CannotVoidError(f"no message {message_id} of {source} about {subject} is known; nothing would differ yet")
    (void,) = voids_of(waybill, [key], reason, waybill.clock(), PLANNED)
    expect_void_to_fit(waybill, void, subject)
    change = MessageChange(found, None if found.voided else void)
    return effect_of(waybill, [(found.stream, [change])], samples=samples)


def voids_of(
    waybill: Waybill, keys: Sequence[MessageKey], reason: str, now: datetime, correlation_id: str
) -> list[MessageVoided]:
    """The voids of these messages, in their order.

    A void's id follows from the message, and from how often it was voided before (a void can be voided). So the same
    void said by two runs counts once.
    """
    ids = dict.fromkeys(keys, "")
    unnamed, times = list(keys), 0
    while unnamed:
        times += 1
        for key in unnamed:
            ids[key] = _void_id(key, times)
        said = waybill.messages.outcomes(OPERATOR_SOURCE, [ids[key] for key in unnamed])
        unnamed = [key for key in unnamed if (ids[key], key.subject) in said]
    return [_void(key, ids[key], reason, now, correlation_id) for key in keys]


def expect_reason(waybill: Waybill, reason: str, source: str = PLANNED) -> None:
    """Raises CannotVoidError if nobody says why, or if the voids of this source's messages would not fit."""
    key = MessageKey(source, PLANNED, PLANNED)
    expect_void_to_fit(waybill, _void(key, _void_id(key, 1), reason, waybill.clock(), PLANNED), PLANNED)


def expect_void_to_fit(waybill: Waybill, void: MessageVoided, subject: str) -> None:
    """Raises CannotVoidError if nobody says why, or if the message does not fit the contract."""
    if not void.reason.strip():
        raise CannotVoidError("say with --reason why it was wrong")
    if reason := misfit(waybill, message_bytes(void, subject)):
        raise CannotVoidError(reason)


def expect_upstream(source: str) -> None:
    """Raises CannotVoidError for the source of derived messages."""
    if source.startswith(RESERVED_SOURCES):
        raise CannotVoidError(
            f"{source} is a reactor of Waybill's own: its messages are withdrawn by themselves when what they follow "
            "from is voided; void that"
        )


def only_subject(subjects: Sequence[str], source: str, message_id: str) -> str:
    """Raises CannotVoidError unless there is exactly one."""
    if not subjects:
        raise CannotVoidError(f"no message {message_id} of {source} is known; name its --subject to void it ahead")
    if len(subjects) > 1:
        raise CannotVoidError(f"{source} used {message_id} for {', '.join(subjects)}; name one with --subject")
    return subjects[0]


def _void(key: MessageKey, void_id: str, reason: str, now: datetime, correlation_id: str) -> MessageVoided:
    return MessageVoided(
        occurred_at=now,
        recorded_at=now,
        source=OPERATOR_SOURCE,
        message_id=void_id,
        correlation_id=correlation_id,
        voided_source=key.source,
        voided_id=key.message_id,
        reason=reason,
    )


def _void_id(key: MessageKey, times: int) -> str:
    return f"void-{hashlib.sha256(msgspec.json.encode([*key, times])).hexdigest()[:32]}"
