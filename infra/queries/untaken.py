"""Which messages about orders were not taken, as known at an instant: found by settling, for one question.

Of the present the store's register tells the same (projections/views/untaken_messages.py).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, or_, select

from domain.fact import FactKey
from infra.queries.malformed_history import may_be_an_orders
from infra.queries.scratch import Scratch
from infra.queries.waiting_voids import waiting_voids
from infra.settled_then.not_taken import NotTaken, is_untaken
from infra.store.events.history import History
from infra.store.register.tables import malformed_messages

ROWS_AT_ONCE = 10_000


class UntakenThen:
    """What had not been taken at `known_at`. It is told what was not taken of the orders, some at a time.

    `claimed` are the messages that malformed ones claim to be: their keys, and their orders' ids.

    `connection` and `history` read one snapshot of the store, at once. The orders end at the same position.
    """

    def __init__(self, connection: Connection, history: History, known_at: datetime):
        self._untaken: list[tuple[str, datetime]] = []
        self._claims: list[tuple[FactKey, str, datetime]] = []
        self._superseded: set[tuple[FactKey, str]] = set()
        claiming = claims_known(known_at).where(malformed_messages.c.claimed_subject.is_not(None))
        for row in connection.execute(claiming):
            if may_be_an_orders(row.claimed_type):
                key = (row.claimed_source or "", row.claimed_id or "")
                self._claims.append((key, row.claimed_subject, row.received_at))
        for order_id, void, outcome in waiting_voids(connection, history, known_at):
            if is_untaken(outcome):
                self._untaken.append((order_id, void.occurred_at))
        self.claimed = frozenset((key, order_id) for key, order_id, _ in self._claims)

    def add(self, not_taken: NotTaken) -> None:
        """Note what was not taken of some orders."""
        self._untaken += not_taken.messages
        self._superseded.update(not_taken.superseded)

    def write(self, scratch: Scratch, *, at_last: bool = False) -> None:
        """Hand over to the question's own database what was noted so far, if it is much or the last of it."""
        if not at_last and len(self._untaken) < ROWS_AT_ONCE:
            return
        scratch.add_untaken(self._untaken)
        self._untaken = []
        if at_last:
            scratch.add_claims(
                [(order_id, at) for key, order_id, at in self._claims if (key, order_id) not in self._superseded]
            )


def claims_known(known_at: datetime) -> Select[Any]:
    """Malformed messages that were recorded by then and not discarded."""
    letter = malformed_messages.c
    not_discarded = or_(letter.discarded_at.is_(None), letter.discarded_at > known_at)
    return select(malformed_messages).where(letter.received_at <= known_at, not_discarded)
