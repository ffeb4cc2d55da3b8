"""Which messages about orders were not taken, as known at an instant: found by settling, for one question.

Of the present the store's register tells the same (projections/views/untaken_messages.py).
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Engine, insert, select, true

from domain.fact import Fact, FactKey
from domain.order.kind import ORDER
from domain.verdict import Verdict
from infra.store.register.tables import malformed_messages, messages
from projections.projection import Settled
from projections.views.untaken_messages import untaken_messages

NOT_TAKEN = (Verdict.HELD, Verdict.REFUSED)


class UntakenThen:
    """What had not been taken at `known_at`. Show it each order, settled from the facts that were recorded by then."""

    def __init__(self, engine: Engine, known_at: datetime):
        self._rows: list[tuple[str, datetime]] = []
        self._claims: list[tuple[FactKey, str, datetime]] = []
        self._superseded: set[FactKey] = set()
        waiting = select(messages.c.subject, messages.c.occurred_at).where(
            messages.c.waits_in_room == true(), messages.c.recorded_at <= known_at
        )
        claiming = select(malformed_messages).where(
            malformed_messages.c.claimed_subject.is_not(None), malformed_messages.c.received_at <= known_at
        )
        with engine.connect() as connection:
            self._rows += [(row.subject, row.occurred_at) for row in connection.execute(waiting)]
            for row in connection.execute(claiming):
                if row.discarded_at is None and _may_be_an_orders(row.claimed_type):
                    key = (row.claimed_source or "", row.claimed_id or "")
                    self._claims.append((key, row.claimed_subject, row.received_at))
        self._claimed = {key for key, _, _ in self._claims}

    def look_at(self, settled: Settled, facts: Iterable[Fact]) -> None:
        """Note what was not taken of an order, and which malformed messages one of any subject superseded."""
        outcomes = settled.settling.outcomes
        for fact in facts:
            outcome = outcomes.get(fact.key)
            if outcome is None:
                continue
            if outcome.verdict in NOT_TAKEN:
                if settled.kind is ORDER and not outcome.voided:
                    self._rows.append((settled.subject_id, fact.occurred_at))
            elif outcome.verdict is Verdict.APPLIED and fact.key in self._claimed:
                self._superseded.add(fact.key)

    def write(self, engine: Engine) -> None:
        """Fill the table that the view counts, in the question's own database."""
        malformed = [(subject, at) for key, subject, at in self._claims if key not in self._superseded]
        rows = [{"order_id": order_id, "counts_from": at} for order_id, at in (*self._rows, *malformed)]
        with engine.begin() as connection:
            if rows:
                connection.execute(insert(untaken_messages), rows)


def _may_be_an_orders(message_type: str | None) -> bool:
    return message_type is None or not (
        message_type.startswith(("rep.", "account.", "parcel.", "standing_order."))
        or message_type == "customer.contacted.v1"
    )
