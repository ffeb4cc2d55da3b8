"""Malformed messages that claim to be about an order, with what became of them: for questions known at an instant."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from domain.order.kind import ORDER
from infra.store.register.tables import malformed_messages, messages

NEVER_AN_ORDERS = ("rep.", "account.", "parcel.", "standing_order.")
"""How types begin that are never about an order."""
CONTACT = "customer.contacted.v1"
"""Another type that is never about an order, though it begins as one that is."""


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
        .where(letter.claimed_subject.is_not(None), _may_be_an_orders(letter.claimed_type))
    )


def may_be_an_orders(message_type: str | None) -> bool:
    """Whether a malformed message that claims this type may be about an order (None: no type could be read)."""
    return message_type is None or not (message_type.startswith(NEVER_AN_ORDERS) or message_type == CONTACT)


def _may_be_an_orders(claimed_type: ColumnElement[Any]) -> ColumnElement[bool]:
    """The same in SQL."""
    begins = (func.substr(claimed_type, 1, len(each)) == each for each in NEVER_AN_ORDERS)
    return or_(claimed_type.is_(None), ~or_(*begins, claimed_type == CONTACT))
