"""Messages about an order that were not taken: held, refused, or malformed with a claim to be about it.

They belong to no subject's rows. The store has them as two views of its register (migration 0008). For known at, two
temporary tables have the results of settling (infra/settled_then/not_taken.py). They are counted separately, because
SQLite would scan a whole union for each row.
"""

from sqlalchemy import Column, ColumnElement, MetaData, Table, func, select

from projections.views.as_of import AsOf
from projections.views.columns import Instant, Name
from projections.views.open_orders import state

untaken_messages = Table(
    "untaken_of_register",
    MetaData(),
    Column("order_id", Name, comment="The order that the message is about."),
    Column("occurred_at", Instant, comment="When it happened, by the message."),
    comment="One row for each message about an order that is held, or refused and not voided.",
)

malformed_claims = Table(
    "malformed_of_register",
    MetaData(),
    Column("order_id", Name, comment="The order that the message claims to be about."),
    Column("recorded_at", Instant, comment="When it was recorded."),
    comment="One row for each malformed message that claims to be about an order, and was neither discarded nor "
    "superseded: no message of the subject, source and id that it claims was applied.",
)

UNTAKEN_COLUMN_DOCS = {
    "untaken_messages": "Messages about the order, up to T, that are held, refused (not voided) or malformed: look at "
    "them before calling the customer."
}


def count_untaken(as_of: AsOf) -> ColumnElement[int]:
    """How many there are by T for the order of a row of order_states."""
    untaken, malformed = untaken_messages.c, malformed_claims.c
    well_formed = select(func.count()).where(untaken.order_id == state.order_id, untaken.occurred_at <= as_of.instant)
    claiming = select(func.count()).where(malformed.order_id == state.order_id, malformed.recorded_at <= as_of.instant)
    return (well_formed.scalar_subquery() + claiming.scalar_subquery()).label("untaken_messages")
