"""The only definition of which unapplied messages wait, which have expired, and which are dead (open or set aside:
infra/store/register/set_aside.py).

A held message has expired if it was received before `limit`, which is the clock minus WAYBILL_HOLD_HOURS; at the limit
it still waits. The index of unapplied messages answers each SQL condition, however many messages there are.
"""

from datetime import datetime
from typing import Any, overload

from sqlalchemy import ColumnElement, and_, not_, or_, text

from domain.verdict import Verdict
from infra.store.register.tables import AMONG_NOT_APPLIED, messages, notices

DEAD_ON_ARRIVAL = (Verdict.REFUSED, Verdict.MALFORMED)
"""The verdicts of a message that is a dead letter on receipt. The alert on a rise counts the same."""

Limit = datetime | ColumnElement[datetime]

_HELD = messages.c.verdict == Verdict.HELD.value
_REFUSED = messages.c.verdict == Verdict.REFUSED.value


@overload
def waited_too_long(received_at: datetime, limit: datetime) -> bool: ...
@overload
def waited_too_long(received_at: ColumnElement[datetime], limit: Limit) -> ColumnElement[bool]: ...
def waited_too_long(received_at: Any, limit: Any) -> Any:
    """Whether a held message that was received then has expired, of instants or of columns."""
    return received_at < limit


def still_waits(limit: Limit) -> ColumnElement[bool]:
    return and_(text(AMONG_NOT_APPLIED), _HELD, not_(waited_too_long(messages.c.received_at, limit)))


def has_expired(limit: Limit) -> ColumnElement[bool]:
    return and_(text(AMONG_NOT_APPLIED), _HELD, waited_too_long(messages.c.received_at, limit))


def is_dead(limit: Limit) -> ColumnElement[bool]:
    """Refused or expired. Malformed messages, which are dead too, have their own table."""
    return and_(text(AMONG_NOT_APPLIED), or_(_REFUSED, and_(_HELD, waited_too_long(messages.c.received_at, limit))))


def dead_on_arrival() -> ColumnElement[bool]:
    """Of a row of notices: whether it tells of a message that was a dead letter on receipt, whatever became of it."""
    return and_(notices.c.before.is_(None), notices.c.verdict.in_([verdict.value for verdict in DEAD_ON_ARRIVAL]))
