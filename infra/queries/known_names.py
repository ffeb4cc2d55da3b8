"""Which names a store knows besides the subjects of its streams: look-ups of one name, and lists to suggest from."""

from collections.abc import Sequence
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, select

from infra.store.projected.serving import NotFilledError, answering
from infra.store.register.tables import feeds, malformed_messages
from projections.accounts import ACCOUNTS
from projections.contacts import CONTACTS
from projections.follow_ups import FOLLOW_UPS
from projections.order_states import ORDER_STATES
from projections.projection import Projection
from projections.shipments import SHIPMENTS
from projections.standing_orders import STANDING_ORDERS
from projections.views.tables import (
    account_periods,
    contacts,
    follow_up_periods,
    order_states,
    rep_open_orders,
    shipment_periods,
    standing_order_periods,
)


class Claim(Enum):
    """What a malformed message may claim of itself."""

    TYPE = malformed_messages.c.claimed_type
    SOURCE = malformed_messages.c.claimed_source
    SUBJECT = malformed_messages.c.claimed_subject


class ShippedBy(Enum):
    """What is asked of shipments; the value is its name for people."""

    CARRIER = "carrier"
    SERVICE_LEVEL = "service level"

    @property
    def column(self) -> ColumnElement[Any]:
        return shipment_periods.c[self.name.lower()]


class KnownNames:
    """Looks names up. Of a view that is being filled, every name is known, and lists raise NotFilledError."""

    def __init__(self, engine: Engine):
        self._engine = engine

    def holds_work(self, rep_id: str) -> bool:
        """Whether a rep holds an open order, a follow-up or an account now."""
        held = (
            (ORDER_STATES, select(rep_open_orders.c.rep_id).where(rep_open_orders.c.rep_id == rep_id)),
            (FOLLOW_UPS, _held_now(follow_up_periods, rep_id)),
            (ACCOUNTS, _held_now(account_periods, rep_id)),
        )
        return any(self._finds(projection, question) for projection, question in held)

    def has_worked(self, rep_id: str) -> bool:
        """Whether a rep ever held or took an order or an account, or talked to a customer; it looks through them."""
        of_orders = (order_states.c.rep_id, order_states.c.placed_rep_id, order_states.c.delivered_rep_id)
        once = (
            *((ORDER_STATES, column) for column in of_orders),
            (CONTACTS, contacts.c.rep_id),
            (STANDING_ORDERS, standing_order_periods.c.rep_id),
            (ACCOUNTS, account_periods.c.rep_id),
        )
        return any(self._finds(projection, select(column).where(column == rep_id)) for projection, column in once)

    def reps_with_orders(self) -> Sequence[str]:
        """The reps who hold open orders; empty for orders that nobody holds."""
        return self._all(ORDER_STATES, select(rep_open_orders.c.rep_id))

    def is_named_by_an_order(self, account_id: str) -> bool:
        """Whether an order names the account; it looks through the orders."""
        column = order_states.c.account_id
        return self._finds(ORDER_STATES, select(column).where(column == account_id))

    def accounts_of_orders(self) -> Sequence[str]:
        """The accounts that orders name; it looks through the orders."""
        column = order_states.c.account_id
        return self._all(ORDER_STATES, select(column).where(column.is_not(None)).distinct())

    def has_shipped(self, what: ShippedBy, name: str) -> bool:
        """Whether there is a shipment of this carrier or service level."""
        return self._finds(SHIPMENTS, select(what.column).where(what.column == name))

    def shipped(self, what: ShippedBy) -> Sequence[str]:
        """The carriers or service levels of all shipments."""
        return self._all(SHIPMENTS, select(what.column).where(what.column.is_not(None)).distinct())

    def is_claimed(self, what: Claim, value: str) -> bool:
        """Whether a malformed message claims this."""
        column: ColumnElement[Any] = what.value
        with self._engine.connect() as connection:
            return connection.execute(select(column).where(column == value).limit(1)).first() is not None

    def has_topic(self, topic: str) -> bool:
        """Whether something came by this topic."""
        with self._engine.connect() as connection:
            found = connection.execute(select(feeds.c.feed_id).where(feeds.c.topic == topic).limit(1))
            return found.first() is not None

    def topics(self) -> Sequence[str]:
        """Every topic by which something came."""
        with self._engine.connect() as connection:
            return connection.execute(select(feeds.c.topic).distinct()).scalars().all()

    def _finds(self, projection: Projection, question: Select[Any]) -> bool:
        """Whether there is such a row; True while the rows are being filled, since then nobody can tell."""
        with self._engine.connect() as connection:
            try:
                stored = answering(connection, (projection,)).over(question.limit(1))
            except NotFilledError:
                return True
            return connection.execute(stored).first() is not None

    def _all(self, projection: Projection, question: Select[Any]) -> Sequence[str]:
        with self._engine.connect() as connection:
            return connection.execute(answering(connection, (projection,)).over(question)).scalars().all()


def _held_now(table: Any, rep_id: str) -> Select[Any]:
    return select(table.c.rep_id).where(table.c.rep_id == rep_id, table.c.valid_to.is_(None))
