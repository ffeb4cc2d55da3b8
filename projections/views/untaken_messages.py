"""untaken_messages: messages about an order that were not taken. They belong to no subject's rows.

The store has them as a view of its register (migration 0008); as known at an instant, a table for one question has
what settling found then (infra/queries/untaken.py).
"""

from sqlalchemy import Column, ColumnElement, MetaData, Table, func, select

from projections.views.as_of import AsOf
from projections.views.columns import Instant, Name
from projections.views.open_orders import state

untaken_messages = Table(
    "untaken_of_register",
    MetaData(),
    Column("order_id", Name, comment="The order that the message is about, or claims to be."),
    Column("counts_from", Instant, comment="When it happened; of a malformed message, when it was recorded."),
    comment="One row for each message about an order that is held, or refused and not voided, or malformed and neither "
    "discarded nor superseded.",
)

UNTAKEN_COLUMN_DOCS = {
    "untaken_messages": "Messages about the order, up to T, that are held, refused (not voided) or malformed: look at "
    "them before calling the customer."
}


def count_untaken(as_of: AsOf) -> ColumnElement[int]:
    """How many there are by T of the order of a row of order_states."""
    untaken = untaken_messages.c
    return (
        select(func.count())
        .where(untaken.order_id == state.order_id, untaken.counts_from <= as_of.instant)
        .scalar_subquery()
        .label("untaken_messages")
    )
