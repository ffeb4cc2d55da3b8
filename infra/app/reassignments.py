"""Reassignments: the messages that give an account or an open order to another rep, and storing them in one act.

A message's id follows from what it reassigns, to whom, and what was said so far about who holds it. So the same act
said twice counts once, while handing an order to and fro counts each time.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import msgspec

from consumers.contract import to_cloud_event
from consumers.sources.json_lines import JsonLines
from domain.account.events import AccountAssigned
from domain.operator.acts import OPERATOR_SOURCE
from domain.order.events import OrderReassigned
from domain.verdict import Outcome
from infra.app.container import Waybill
from infra.app.ingest import ingest_source
from infra.app.operator_feed import misfit
from infra.queries.desk import Held
from infra.queries.messages import NoLongerApplied

_MICROSECOND = timedelta(microseconds=1)


class CannotReassignError(ValueError):
    """The work cannot be reassigned; the error says why and what to do."""


class Reassignment(NamedTuple):
    """One account or order that goes to another rep, and the message that says so."""

    kind: Literal["account", "order"]
    held: Held
    to_rep_id: str
    fact: AccountAssigned | OrderReassigned

    @property
    def line(self) -> bytes:
        """The message as one line of JSON, without a line end."""
        return msgspec.json.encode(to_cloud_event(self.fact, self.held.subject))


def operator_source(operator: str) -> str:
    """The source of the messages that an operator makes."""
    return f"{OPERATOR_SOURCE}/{operator}"


def reassignment(
    kind: Literal["account", "order"], held: Held, to_rep_id: str, reason: str | None, operator: str, now: datetime
) -> Reassignment:
    """The reassignment at `now` (UTC), or just after what was last said, if an upstream's clock is ahead of it.

    An assignment of an account has no reason in the contract, so there it is left out.
    """
    at = now if held.latest is None else max(now, held.latest + _MICROSECOND)
    source = operator_source(operator)
    message_id = f"reassign-{_digest(kind, held, to_rep_id)}"
    fact: AccountAssigned | OrderReassigned
    if kind == "account":
        fact = AccountAssigned(occurred_at=at, recorded_at=now, source=source, message_id=message_id, rep_id=to_rep_id)
    else:
        fact = OrderReassigned(
            occurred_at=at, recorded_at=now, source=source, message_id=message_id, rep_id=to_rep_id, reason=reason
        )
    return Reassignment(kind, held, to_rep_id, fact)


def expect_to_fit(waybill: Waybill, reassignments: Sequence[Reassignment]) -> None:
    """Raises CannotReassignError if a message does not fit the contract, such as a reason that is too long."""
    for each in reassignments:
        if reason := misfit(waybill, each.line):
            raise CannotReassignError(reason)


class Reassigned(NamedTuple):
    """What became of the messages, in their order, and other messages that are not applied any more."""

    outcomes: Sequence[Outcome]
    no_longer_applied: Sequence[NoLongerApplied]


def store_together(waybill: Waybill, reassignments: Sequence[Reassignment]) -> Reassigned:
    """Ingest the messages in one transaction: all of them or, after a failure or a kill, none; then project.

    Raises the errors of ingest.
    """
    if not reassignments:
        return Reassigned((), ())
    source = reassignments[0].fact.source
    with ingest_source(waybill, JsonLines.of_one_batch(source, [each.line for each in reassignments])) as report:
        lost = report.no_longer_applied
    ids = [each.fact.message_id for each in reassignments]
    outcomes = waybill.retry(lambda: waybill.messages.outcomes(source, ids))
    return Reassigned([outcomes[each.fact.message_id, each.held.subject] for each in reassignments], lost)


def _digest(kind: str, held: Held, to_rep_id: str) -> str:
    return hashlib.sha256(msgspec.json.encode([kind, held.subject, to_rep_id, held.said])).hexdigest()[:32]
