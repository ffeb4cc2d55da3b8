"""Is it getting worse? Counts of orders at many instants, and how many of those completed between them were on time."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from infra.queries.views import Asked, Reading, Views
from projections.late_deliveries import LATE_DELIVERIES
from projections.order_states import ORDER_STATES
from projections.projection import Projection
from projections.views.trend import Counted, Instants, TrendBy, completed_between, counted_between

MOST_INSTANTS = 10_000


class WrongTrendError(ValueError):
    """No trend can be counted at these instants; the message says why, and `field` what to change: `every`, `until`."""

    def __init__(self, field: str, problem: str):
        super().__init__(problem)
        self.field = field


@dataclass(frozen=True)
class Trend:
    """Rows in the order of instants, then of keys (null first), and the position that they reflect."""

    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    position: int


def instants_between(since: datetime, until: datetime, every: timedelta) -> Instants:
    """The instants from `since` on, `every` apart, none after `until`. Raises WrongTrendError."""
    if every <= timedelta(0):
        raise WrongTrendError("every", "the instants must be some time apart, such as 1d or 6h")
    if until < since:
        raise WrongTrendError(
            "until", "the trend would end before it begins: its last instant must not be before its first"
        )
    number = (until - since) // every + 1
    if number > MOST_INSTANTS:
        raise WrongTrendError(
            "every", f"that is {number} instants, and at most {MOST_INSTANTS} are counted; take them farther apart"
        )
    return Instants(since, every, number)


def trend(
    views: Views, counted: Counted, instants: Instants, by: TrendBy | None = None, known_at: datetime | None = None
) -> Trend:
    """How many orders count at each instant: what the view of that name has rows then.

    Columns: as_of, the column of `by` if there is one, and `orders`. Every key that counts at some instant has a row
    for each.
    """
    with views.reading(Asked(instants.last, known_at), _projections(counted, by), all_periods=True) as reading:
        return _counted(reading, counted, instants, by)


def _counted(reading: Reading, counted: Counted, instants: Instants, by: TrendBy | None) -> Trend:
    found = reading.rows(counted_between(counted, instants, by))
    changes: dict[Any, list[int]] = defaultdict(lambda: [0] * (instants.number + 1))
    if by is None:
        changes[None]  # a row for each instant, even if nothing ever counts
    for key, first, beyond, orders in found:
        changes[key][first] += orders
        changes[key][beyond] -= orders
    keys = sorted(changes, key=lambda key: (key is not None, key))
    totals = {key: list(accumulate(changes[key])) for key in keys}
    named = [] if by is None else [by.column]
    rows = [
        dict(zip(("as_of", *named, "orders"), (instant, *([key] if named else []), totals[key][step]), strict=True))
        for step, instant in enumerate(instants)
        for key in keys
    ]
    return Trend(("as_of", *named, "orders"), rows, reading.position)


def on_time_trend(views: Views, instants: Instants, known_at: datetime | None = None) -> Trend:
    """How many orders were completed between the instants, on time and late: judged as of the last one.

    Columns: since and until of the span (the end belongs to it), on_time, late.
    """
    with views.reading(Asked(instants.last, known_at), (ORDER_STATES,)) as reading:
        return _on_time(reading, instants)


def desk_trends(views: Views, instants: Instants, known_at: datetime | None = None) -> tuple[Trend, Trend]:
    """How many orders were overdue at each instant, and those completed between them; both from one snapshot."""
    with views.reading(Asked(instants.last, known_at), (ORDER_STATES,), all_periods=True) as reading:
        return _counted(reading, Counted.OVERDUE, instants, None), _on_time(reading, instants)


def _on_time(reading: Reading, instants: Instants) -> Trend:
    found = reading.rows(completed_between(instants))
    counts: dict[tuple[int, int], int] = {(step, on_time): orders for step, on_time, orders in found}
    ends = list(instants)
    rows = [
        {
            "since": ends[step - 1],
            "until": ends[step],
            "on_time": counts.get((step, 1), 0),
            "late": counts.get((step, 0), 0),
        }
        for step in range(1, len(ends))
    ]
    return Trend(("since", "until", "on_time", "late"), rows, reading.position)


def _projections(counted: Counted, by: TrendBy | None) -> tuple[Projection, ...]:
    return (LATE_DELIVERIES,) if counted is Counted.LATE and by is not TrendBy.SEGMENT else (ORDER_STATES,)
