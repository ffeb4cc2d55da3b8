"""Superseded malformed messages: the right one came.

A malformed message is superseded while a message of the source and id that it claims (and of the subject, if it claims
one) is applied. Nothing is stored for that, so it follows the verdict. The view `malformed_of_register` says the same
of the messages about orders.
"""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, not_, or_, select

from domain.verdict import Verdict
from infra.store.register.tables import malformed_messages, messages
from projections.views.columns import Instant

DISCARDED = "discarded"
SUPERSEDED = "superseded"
"""How an operator set a letter aside (see `letters_set_aside`)."""


def is_superseded() -> ColumnElement[bool]:
    """Of a row of malformed_messages: whether the message that it claims to be is applied."""
    return exists(_superseding(select(messages.c.subject)))


def is_open() -> ColumnElement[bool]:
    """Of a row of malformed_messages: whether it waits for somebody, neither discarded nor superseded."""
    return and_(malformed_messages.c.discarded_at.is_(None), not_(is_superseded()))


def superseded_at() -> ColumnElement[Any]:
    """Since when; null if it is not. One that came after the right message was superseded from the start."""
    came, right = malformed_messages.c.received_at, messages.c.recorded_at
    since = func.min(case((right < came, came), else_=right), type_=Instant())
    return _superseding(select(since)).scalar_subquery()


def _superseding(question: Select[Any]) -> Select[Any]:
    claimed = malformed_messages.c
    return question.where(
        messages.c.source == claimed.claimed_source,
        messages.c.message_id == claimed.claimed_id,
        or_(claimed.claimed_subject.is_(None), messages.c.subject == claimed.claimed_subject),
        messages.c.verdict == Verdict.APPLIED.value,
    ).correlate(malformed_messages)
