"""Malformed messages that claim to be about an order, with what became of them: for questions known at an instant."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from domain.order.kind import ORDER
from infra.store.register.tables import malformed_messages, messages

OTHERS = ("rep.", "account.", "parcel.", "standing_order.")
"""How types begin that are never about an order; as in infra/queries/untaken.py."""
CONTACT = "customer.contacted.v1"


def malformed_history() -> Select[Any]:
    """The rows of projections.views.beliefs.malformed_history."""
    letter, message, orders = malformed_messages.c, messages.c, f"{ORDER.prefix}-"
    answer = and_(
        message.subject == letter.claimed_subject,
        message.source == letter.claimed_source,
        message.message_id == letter.claimed_id,
        func.substr(message.stream, 1, len(orders)) == orders,
    )
    return (
        select(
            letter.claimed_subject.label("order_id"),
            letter.claimed_source.label("source"),
            letter.claimed_id.label("message_id"),
            letter.received_at.label("recorded_at"),
            letter.discarded_at,
            message.recorded_at.label("answered_at"),
        )
        .outerjoin_from(malformed_messages, messages, answer)
        .where(letter.claimed_subject.is_not(None), or_(letter.claimed_type.is_(None), ~_is_anothers(letter)))
    )


def _is_anothers(letter: Any) -> ColumnElement[bool]:
    kind = letter.claimed_type
    return or_(*(func.substr(kind, 1, len(begins)) == begins for begins in OTHERS), kind == CONTACT)
