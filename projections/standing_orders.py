"""standing_orders: the terms of each standing order period by period, and the dates found missed.

The due dates are counted, so that a question can find the next one without a calendar: the n-th date from `first_day`
on is `step_days` × n days later, or n months later on `month_day` (or the month's last day).
"""

from calendar import monthrange
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Annotated, Any, NamedTuple

from domain.standing_order.calendar import due_dates
from domain.standing_order.due import terms_of
from domain.standing_order.events import StandingOrderMissed
from domain.standing_order.kind import STANDING_ORDER
from projections.projection import Projection, Settled
from projections.table import Key, Row, RowTable

EPOCH = date(1970, 1, 1).toordinal()


class StandingOrderPeriod(NamedTuple):
    """One row for each period of a standing order between two changes of its terms, from the first terms on."""

    standing_order_id: Annotated[str, Key("The standing order.")]
    valid_from: Annotated[datetime, Key("From when.")]
    valid_to: Annotated[datetime | None, "Until when; null while it lasts."]
    account_id: Annotated[str, "The account that orders."]
    rep_id: Annotated[str, "The rep who is responsible for the orders."]
    currency: Annotated[str, "The currency of the orders (ISO 4217)."]
    stopped: Annotated[bool, "Whether it is stopped."]
    every: Annotated[str, "How often an order is due, in words."]
    lead_days: Annotated[int, "How many days before it is due an order is placed."]
    until: Annotated[str | None, "The last day on which an order can be due (YYYY-MM-DD); null without an end."]
    step_days: Annotated[int | None, "The days between two due dates; null if they are a day of each month."]
    month_day: Annotated[int | None, "The day of the month; null if they are some days apart."]
    first_day: Annotated[int | None, "The first due date under these terms, in days since 1970-01-01; null for none."]
    first_month: Annotated[int | None, "Its month, counted from year 0; null for none."]


class MissedDate(NamedTuple):
    """One row for each due date of a standing order that was found missed; it is never due again, even if voided."""

    standing_order_id: Annotated[str, Key("The standing order.")]
    due_on: Annotated[str, Key("The date (YYYY-MM-DD).")]
    missed_at: Annotated[datetime, "From when it was missed."]
    counts: Annotated[bool, "Whether it counts as missed; false if the message that says so was voided."]
    due_day: Annotated[int, "The date in days since 1970-01-01."]
    due_month: Annotated[int, "The date's month, counted from year 0."]
    day_of_month: Annotated[int, "The date's day of the month."]
    days_in_month: Annotated[int, "How many days that month has."]


standing_order_periods = RowTable("standing_order_periods", StandingOrderPeriod)
missed_dates = RowTable("missed_dates", MissedDate)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - EPOCH


def month_number(day: date) -> int:
    """The day's month, counted from year 0."""
    return day.year * 12 + day.month - 1


def numbers_of(due_on: date) -> dict[str, Any]:
    """The columns of a due date."""
    return {
        "due_on": due_on.isoformat(),
        "due_day": day_number(due_on),
        "due_month": month_number(due_on),
        "day_of_month": due_on.day,
        "days_in_month": monthrange(due_on.year, due_on.month)[1],
    }


def shape(settled: Settled) -> dict[str, Iterable[Row]]:
    """The periods of the terms, and the missed dates."""
    missed: dict[date, tuple[datetime, bool]] = {}
    for fact, took_effect in settled.all_of(StandingOrderMissed):
        missed.setdefault(fact.due_on, (fact.occurred_at, took_effect))
    return {
        standing_order_periods.name: list(_periods(settled)),
        missed_dates.name: [
            MissedDate(standing_order_id=settled.subject_id, missed_at=at, counts=counts, **numbers_of(day))
            for day, (at, counts) in missed.items()
        ],
    }


def _periods(settled: Settled) -> Iterator[StandingOrderPeriod]:
    terms = terms_of(settled.moments)
    for number, (said, since, until, first_day) in enumerate(terms):
        followed_at = terms[number + 1].since if number + 1 < len(terms) else None
        first = next(due_dates(said.every, said.first_on, said.until, first_day), None)
        period = StandingOrderPeriod(
            standing_order_id=settled.subject_id,
            valid_from=since,
            valid_to=until,
            account_id=said.account_id,
            rep_id=said.rep_id,
            currency=said.currency,
            stopped=False,
            every=str(said.every),
            lead_days=said.lead_days,
            until=None if said.until is None else said.until.isoformat(),
            step_days=7 if said.every.weekday is not None else said.every.days,
            month_day=said.every.month_day,
            first_day=None if first is None else day_number(first),
            first_month=None if first is None else month_number(first),
        )
        if until is None or until > since:
            yield period
        if until is not None and until != followed_at:
            yield period._replace(valid_from=until, valid_to=followed_at, stopped=True)


STANDING_ORDERS = Projection(
    name="standing_orders",
    version=2,
    kind=STANDING_ORDER,
    tables=(standing_order_periods, missed_dates),
    shape=shape,
)
