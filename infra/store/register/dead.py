"""Messages that were not taken, in SQL: which wait, which have waited for too long, and which are dead.

What was received before `limit` has waited for too long; what was received at it still waits. Each condition is one
that the index of what was not taken answers, however many messages there are.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, text

from domain.verdict import Verdict
from infra.store.register.tables import AMONG_NOT_APPLIED, messages

Limit = datetime | ColumnElement[datetime]

_HELD = messages.c.verdict == Verdict.HELD.value
_REFUSED = messages.c.verdict == Verdict.REFUSED.value


def still_waits(limit: Limit) -> ColumnElement[bool]:
    return and_(text(AMONG_NOT_APPLIED), _HELD, messages.c.received_at >= limit)


def has_expired(limit: Limit) -> ColumnElement[bool]:
    return and_(text(AMONG_NOT_APPLIED), _HELD, messages.c.received_at < limit)


def is_dead(limit: Limit) -> ColumnElement[bool]:
    """Refused or expired. What is malformed is no message but a letter."""
    return and_(text(AMONG_NOT_APPLIED), or_(_REFUSED, and_(_HELD, messages.c.received_at < limit)))
