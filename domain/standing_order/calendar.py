"""The calendar of a standing order: the days on which an order is due, without any time zone."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date

from domain.standing_order.events import Every


def due_dates(every: Every, first_on: date, until: date | None, start: date) -> Iterator[date]:
    """The due dates from `start` on, in order, up to `until` (inclusive; None: to the end of the calendar).

    None is before `first_on`. The first one of a weekday or a month's day is the first fitting day from `first_on` on.
    """
    last = date.max if until is None else until
    if every.month_day is not None:
        found = _monthly(every.month_day, max(first_on, start))
    elif every.weekday is not None:
        found = _stepwise(first_on, (every.weekday - first_on.isoweekday()) % 7, 7, start)
    else:
        assert every.days is not None
        found = _stepwise(first_on, 0, every.days, start)
    for day in found:
        if day > last:
            return
        yield day


def _stepwise(first_on: date, after: int, step: int, start: date) -> Iterator[date]:
    first, last = first_on.toordinal() + after, date.max.toordinal()
    # Rounded up, so that the first is at or after `start`.
    day = first + max(-(-(start.toordinal() - first) // step), 0) * step
    while day <= last:
        yield date.fromordinal(day)
        day += step


def _monthly(month_day: int, start: date) -> Iterator[date]:
    for month in range(start.year * 12 + start.month - 1, date.max.year * 12 + 12):
        day = _in_month(month, month_day)
        if day >= start:
            yield day


def _in_month(month: int, month_day: int) -> date:
    """That day of a month (counted from year 0), or the month's last if it is shorter."""
    year, number = month // 12, month % 12 + 1
    return date(year, number, min(month_day, monthrange(year, number)[1]))
