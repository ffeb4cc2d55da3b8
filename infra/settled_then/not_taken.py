"""Messages about orders that were not taken, found by settling the orders' streams."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from domain.fact import Fact, FactKey
from domain.order.kind import ORDER
from domain.verdict import Outcome, Verdict
from projections.projection import Settled

NOT_TAKEN = (Verdict.HELD, Verdict.REFUSED)


def is_untaken(outcome: Outcome) -> bool:
    """Whether a person should look at the message: it is held, or refused and not voided."""
    return outcome.verdict in NOT_TAKEN and not outcome.voided


class NotTaken(NamedTuple):
    """What was not taken of some orders, by order id and when it happened, and which malformed messages their applied
    ones superseded."""

    messages: list[tuple[str, datetime]]
    superseded: list[tuple[FactKey, str]]

    def look_at(self, settled: Settled, facts: Iterable[Fact], claimed: Collection[tuple[FactKey, str]]) -> None:
        """Note an order, settled from the facts that were recorded by then."""
        if settled.kind is not ORDER:
            return
        outcomes = settled.settling.outcomes
        for fact in facts:
            outcome = outcomes.get(fact.key)
            if outcome is None:
                continue
            if is_untaken(outcome):
                self.messages.append((settled.subject_id, fact.occurred_at))
            elif outcome.verdict is Verdict.APPLIED and (named := (fact.key, settled.subject_id)) in claimed:
                self.superseded.append(named)
