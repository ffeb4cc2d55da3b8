"""The only definition of which dead letters are open and which are set aside.

A well-formed message is set aside if it is voided, or if an operator discarded it. A malformed message is set aside if
an operator marked it (discarded, or edited: a corrected copy took its place), or if it is superseded: a message of the
source and id that it claims (and of the subject, if it claims one) is applied. For the latter nothing is stored, so it
follows the verdict. The view `malformed_of_register` says the same of the messages about orders.
"""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, not_, or_, select

from domain.verdict import Verdict
from infra.store.register.dead import Limit, is_dead
from infra.store.register.tables import letters_set_aside, malformed_messages, messages
from projections.views.columns import Instant

DISCARDED = "discarded"
EDITED = "edited"
"""How an operator set a letter aside: `how` of `letters_set_aside`."""
BEFORE_ACTS = ""
"""The operator of letters that were discarded before store version 0012 kept who did it."""


def is_set_aside() -> ColumnElement[bool]:
    """Of a row of messages: whether it is voided or discarded."""
    return or_(messages.c.voided, messages.c.discarded_at.is_not(None))


def is_open_dead(limit: Limit) -> ColumnElement[bool]:
    """Of a row of messages: whether it is a dead letter that waits for somebody. `limit` as in `is_dead`."""
    return and_(is_dead(limit), not_(is_set_aside()))


def is_open_malformed(by: ColumnElement[bool] | None = None) -> ColumnElement[bool]:
    """Of a row of malformed_messages: whether it waits for somebody. `by` as in `is_superseded`."""
    return and_(malformed_messages.c.discarded_at.is_(None), not_(is_superseded(by)))


def is_marked() -> ColumnElement[bool]:
    """Of a row of malformed_messages: whether an operator set it aside."""
    return malformed_messages.c.discarded_at.is_not(None)


def is_edited() -> ColumnElement[bool]:
    """Of a row of malformed_messages that is marked: whether a corrected copy took its place."""
    return exists(
        select(letters_set_aside.c.letter_id).where(
            letters_set_aside.c.letter_id == malformed_messages.c.letter_id, letters_set_aside.c.how == EDITED
        )
    )


def is_superseded(by: ColumnElement[bool] | None = None) -> ColumnElement[bool]:
    """Of a row of malformed_messages: whether the message that it claims to be is applied.

    `by` is a condition on that row of messages; None: any.
    """
    superseding = _superseding(select(messages.c.subject))
    return exists(superseding if by is None else superseding.where(by))


def superseded_at() -> ColumnElement[Any]:
    """Since when; null if it is not. One that came after the right message was superseded from the start."""
    came, right = malformed_messages.c.received_at, messages.c.recorded_at
    since = func.min(case((right < came, came), else_=right), type_=Instant())
    return _superseding(select(since)).scalar_subquery()


def set_aside_at() -> ColumnElement[Any]:
    """Of a row of messages: since when it is set aside; a voided one from the moment at which it was seen."""
    voided_at = case((messages.c.voided, messages.c.recorded_at))
    return func.coalesce(messages.c.discarded_at, voided_at, type_=Instant())


def malformed_set_aside_at() -> ColumnElement[Any]:
    """Of a row of malformed_messages: since when it is set aside; null if it is open."""
    return func.coalesce(malformed_messages.c.discarded_at, superseded_at(), type_=Instant())


def _superseding(question: Select[Any]) -> Select[Any]:
    claimed = malformed_messages.c
    return question.where(
        messages.c.source == claimed.claimed_source,
        messages.c.message_id == claimed.claimed_id,
        or_(claimed.claimed_subject.is_(None), messages.c.subject == claimed.claimed_subject),
        messages.c.verdict == Verdict.APPLIED.value,
    ).correlate(malformed_messages)
