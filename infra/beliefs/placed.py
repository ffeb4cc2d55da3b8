"""Which orders a standing order had placed, over the time of recording.

It gives at every instant what infra/settled_then/placed.py answers. Pure.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from consumers.reactors.standing_orders import placements_at
from domain.account.events import AccountRegistered
from domain.clock_holds import as_held_at
from domain.events import MessageVoided
from domain.fact import Fact
from domain.settling import up_to
from domain.standing_order.ids import due_on_of
from infra.beliefs.known import Placing, instants_of

_MOMENT = timedelta(microseconds=1)
_COMES_DUE_WITHIN = timedelta(days=4)
"""A date comes due at most so long after it begins: terms can name days before they were known, and zones differ."""

Placings = Mapping[str, Sequence[Placing]]
"""By order id, in the order of time."""


def placed_over_time(
    standing_order_id: str,
    facts: Sequence[Fact],
    account_facts: Mapping[str, Sequence[Fact]],
    time_zone: str,
    skew: timedelta,
    last: date | None,
) -> Placings:
    """The placings of a standing order for all dates that came due before the newest of its messages was recorded.

    What comes due after that is included up to the date `last` (None: none of it), whatever the clock says.
    """
    said = {
        account: [fact for fact in told if isinstance(fact, AccountRegistered | MessageVoided)]
        for account, told in account_facts.items()
    }
    instants = sorted(instants_of([*facts, *(fact for told in said.values() for fact in told)], skew))
    spans: dict[str, list[tuple[datetime, datetime | None, Fact]]] = defaultdict(list)
    ends: list[datetime | None] = [*instants[1:], None]
    for begins, ends_at in zip(instants, ends, strict=True):
        if ends_at is None and last is None:
            break
        clock = _after(last) if ends_at is None and last is not None else (ends_at or begins) - _MOMENT
        known = as_held_at(up_to(facts, recorded=begins), begins, skew)
        accounts = {name: as_held_at(up_to(told, recorded=begins), begins, skew) for name, told in said.items()}
        for placed in placements_at(standing_order_id, known, accounts, time_zone, max(clock, begins)):
            if ends_at is None and last is not None and due_on_of(placed.subject) > last:
                continue
            spans[placed.subject].append((max(begins, placed.fact.occurred_at), ends_at, placed.fact))
    return {order_id: _changes(of_order) for order_id, of_order in spans.items()}


def _after(last: date) -> datetime:
    if date.max - last <= _COMES_DUE_WITHIN:
        return datetime.max.replace(tzinfo=UTC)
    return datetime.combine(last, time(), UTC) + _COMES_DUE_WITHIN


def _changes(spans: Sequence[tuple[datetime, datetime | None, Fact]]) -> list[Placing]:
    """The changes between spans, which are in the order of time and do not overlap."""
    changes: list[Placing] = [(spans[0][0], spans[0][2])]
    for (_, end, before), (begin, _, after) in pairwise(spans):
        if end is not None and end < begin:
            changes.append((end, None))
        if end != begin or before != after:
            changes.append((begin, after))
    last_end = spans[-1][1]
    if last_end is not None:
        changes.append((last_end, None))
    return changes
