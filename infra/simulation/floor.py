"""The whole simulation: who joins and who orders on which day, and the stream of all messages."""

from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random

from infra.simulation.catalogue import price_list
from infra.simulation.clock import DAY, HOUR, MINUTE, OFFICE_CLOSES, OFFICE_OPENS, Draw, millis, weekday
from infra.simulation.feeds import Feeds
from infra.simulation.mistakes import Mistakes
from infra.simulation.people import Accounts, hire_and_pay, leaving
from infra.simulation.shipping import Shipping
from infra.simulation.standing import establish_standing_orders
from infra.simulation.wire import Wire

DEFAULT_UNTIL = datetime(2026, 6, 30, 16, 0, tzinfo=UTC)
"""A Tuesday afternoon, with the month's last orders still on their way."""

_DAYS_OF_ORDERS = 90
_DAYS_OF_OPENING = 6
# Only the newest standing orders are told of: the first of what they order is due in the days around the end.
_DAYS_OF_STANDING_ORDERS = 14
# The longest time that a message can come before its order is placed or its account joins: the first call is at most
# forty minutes earlier, and the fastest clock is two minutes ahead.
_EARLIEST = 2 * HOUR


def simulate(orders: int, seed: int, until: datetime, wrong: float = 0.0, *, history: bool = False) -> Iterator[bytes]:
    """Yield JSON lines (each a CloudEvents 1.0 object, no newline) in the order in which a service would receive them.

    The same arguments give the same bytes. With `wrong` above 0 about that share of the lines are doubled,
    contradictory, voiding or broken; all the other lines are those of a run without it. With `history`, each message
    has the `recordedtime` at which the service would receive it, for `waybill ingest --history`.
    """
    if orders < 0:
        raise ValueError(f"orders must not be negative: {orders}")
    if until.tzinfo is None:
        raise ValueError(f"until needs an offset from UTC: {until.isoformat()}")
    if not 0 <= wrong < 1:
        raise ValueError(f"wrong is a share, at least 0 and less than 1: {wrong}")
    return _stream(orders, seed, millis(until), wrong, history)


def _stream(orders: int, seed: int, until: int, wrong: float, history: bool) -> Iterator[bytes]:
    draw = Random(seed).random
    wire = Wire(until, draw, history=history)
    if wrong:
        wire.listener = Mistakes(wire, wrong, Random(f"wrong {seed}").random).after
    feeds = Feeds()
    reps = min(400, max(4, orders // 150))
    first_day = until // DAY - _DAYS_OF_ORDERS
    opening = (first_day - _DAYS_OF_OPENING) * DAY
    leaves = leaving(reps, opening, until, draw)
    accounts = Accounts(wire, feeds, reps, leaves)
    articles = price_list(draw)
    hire_and_pay(wire, feeds, reps, max(orders // reps, 1), opening, leaves)
    number, standing_from = 0, until - _DAYS_OF_STANDING_ORDERS * DAY
    # One day at a time: memory grows with a day's orders and open work, not with the history.
    for time, is_order in _days(orders, first_day, until, draw):
        yield from wire.heard_before(time - _EARLIEST)
        if time >= standing_from:
            establish_standing_orders(wire, feeds, accounts, articles, time)
            standing_from = until + DAY
        if is_order:
            Shipping(wire, feeds, accounts, articles, number, time).live()
            number += 1
        else:
            accounts.join(time)
    yield from wire.rest()


def _days(orders: int, first_day: int, until: int, draw: Draw) -> Iterator[tuple[int, bool]]:
    """When each account joins (False) and each order is placed (True), in the order of time."""
    if not orders:
        return
    accounts = max(4, orders // 6)
    old_customers = accounts * 6 // 10
    opening_days = range(first_day - 4, first_day - 1)
    for day in opening_days:
        share = old_customers * (day - opening_days[0] + 1) // len(opening_days)
        before = old_customers * (day - opening_days[0]) // len(opening_days)
        yield from sorted((_office_instant(day, until, draw), False) for _ in range(share - before))
    days = list(range(first_day, until // DAY + 1))
    weights = [_weight(day, until) for day in days]
    total, passed, placed, joined = sum(weights), 0, 0, old_customers
    for day, weight in zip(days, weights, strict=True):
        passed += weight
        orders_by_now = orders * passed // total
        joined_by_now = old_customers + (accounts - old_customers) * passed // total
        today = [(_office_instant(day, until, draw), True) for _ in range(orders_by_now - placed)]
        today += [(_office_instant(day, until, draw), False) for _ in range(joined_by_now - joined)]
        today.sort()
        yield from today
        placed, joined = orders_by_now, joined_by_now


def _weight(day: int, until: int) -> int:
    """How busy a day is: few people work at weekends, and the last day is incomplete."""
    worked = min(max(until - day * DAY - OFFICE_OPENS, 0), OFFICE_CLOSES - OFFICE_OPENS) // MINUTE
    return worked * (100, 100, 100, 100, 100, 12, 6)[weekday(day)]


def _office_instant(day: int, until: int, draw: Draw) -> int:
    """Some instant of the day's business, now and then in the evening, never after the end."""
    opens = day * DAY + OFFICE_OPENS
    length = min(until - opens, OFFICE_CLOSES - OFFICE_OPENS)
    if length == OFFICE_CLOSES - OFFICE_OPENS and draw() < 0.06:
        return min(opens + length + int(draw() * 4 * HOUR), until)
    # The sum of two even draws: most is done around the middle of the day.
    return opens + int((draw() + draw()) / 2 * length)
