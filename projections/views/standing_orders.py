"""standing_orders: each standing order, its next due date, and what was placed for it."""

from typing import Any

from sqlalchemy import CTE, Integer, Select, case, func, select, union

from projections.views.as_of import AsOf
from projections.views.calendar_days import LAST_DAY, LAST_MONTH, day_after, day_of_month
from projections.views.tables import missed_dates, standing_order_periods, standing_placements

STANDING_ORDERS_COLUMN_DOCS = {
    "standing_order_id": "The standing order.",
    "next_due": "The first due date under the terms in force that is neither placed nor missed (YYYY-MM-DD), and of "
    "which no placing was refused or voided; null when there is none: it is stopped, or past its end.",
    "last_order_id": "The order that was placed last.",
    "placed": "How many orders were placed for it.",
    "missed": "How many due dates were found missed, too late to be placed.",
}

DATE = ("standing_order_id", "due_day", "due_month", "day_of_month", "days_in_month")

period, placement, missed_date = standing_order_periods.c, standing_placements.c, missed_dates.c


def standing_orders(as_of: AsOf) -> Select[Any]:
    """The standing orders that were established by T."""
    placed, missed, following = _placed(as_of), _missed(as_of), _following(as_of)
    within = ~following.c.stopped & (following.c.until.is_(None) | (following.c.day <= following.c.until))
    return (
        select(
            following.c.standing_order_id,
            case((within, following.c.day)).label("next_due"),
            placed.c.last_order_id,
            func.coalesce(placed.c.placed, 0).cast(Integer).label("placed"),
            func.coalesce(missed.c.missed, 0).cast(Integer).label("missed"),
        )
        .select_from(following)
        .outerjoin(placed, placed.c.standing_order_id == following.c.standing_order_id)
        .outerjoin(missed, missed.c.standing_order_id == following.c.standing_order_id)
        .order_by(following.c.standing_order_id)
    )


def _placed(as_of: AsOf) -> CTE:
    latest_first = func.row_number().over(
        partition_by=placement.standing_order_id,
        order_by=(placement.placed_at.desc(), placement.due_day.desc()),
    )
    by_then = (
        select(placement.standing_order_id, placement.order_id, latest_first.label("latest_first"))
        .where(placement.counts, as_of.happened(placement.placed_at))
        .subquery("placed_by_then")
        .c
    )
    last = func.max(case((by_then.latest_first == 1, by_then.order_id)), type_=by_then.order_id.type)
    return (
        select(by_then.standing_order_id, func.count().label("placed"), last.label("last_order_id"))
        .group_by(by_then.standing_order_id)
        .cte("placed")
    )


def _missed(as_of: AsOf) -> CTE:
    return (
        select(missed_date.standing_order_id, func.count().label("missed"))
        .where(missed_date.counts, as_of.happened(missed_date.missed_at))
        .group_by(missed_date.standing_order_id)
        .cte("missed")
    )


def _following(as_of: AsOf) -> CTE:
    """For each standing order the first due date under the terms in force that is not handled."""
    passed = _passed(as_of)
    counted = (
        select(
            *(period[name] for name in ("standing_order_id", "stopped", "until", "step_days", "month_day")),
            period.first_day,
            (period.first_month + func.coalesce(passed.c.dates, 0)).label("month"),
            (func.coalesce(passed.c.dates, 0) * period.step_days).label("days"),
        )
        .select_from(standing_order_periods)
        .outerjoin(passed, passed.c.standing_order_id == period.standing_order_id)
        .where(as_of.holds(standing_order_periods))
        .subquery("counted")
        .c
    )
    day = case(
        (counted.first_day + counted.days <= LAST_DAY, day_after(counted.first_day, counted.days)),
        (
            counted.month_day.is_not(None) & (counted.month <= LAST_MONTH),
            day_of_month(counted.month, counted.month_day),
        ),
    )
    return select(counted.standing_order_id, counted.stopped, counted.until, day.label("day")).cte("following")


def _passed(as_of: AsOf) -> CTE:
    """How many due dates of the terms in force, from the first one on, are handled without a gap.

    A date is handled once its order was placed, or found missed, even if that message was refused or voided.
    """
    dates = union(
        select(*(placement[name] for name in DATE)).where(as_of.happened(placement.placed_at)),
        select(*(missed_date[name] for name in DATE)).where(as_of.happened(missed_date.missed_at)),
    ).cte("dates")
    days = dates.c.due_day - period.first_day
    last_in_month = (dates.c.days_in_month < period.month_day) & (dates.c.day_of_month == dates.c.days_in_month)
    fits = (days % period.step_days == 0) | (dates.c.day_of_month == period.month_day) | last_in_month
    number = case(
        (period.step_days.is_not(None), days // period.step_days), else_=dates.c.due_month - period.first_month
    )
    place = func.row_number().over(partition_by=period.standing_order_id, order_by=dates.c.due_day) - 1
    fitting = (
        select(period.standing_order_id, number.label("number"), place.label("place"))
        .join_from(standing_order_periods, dates, dates.c.standing_order_id == period.standing_order_id)
        .where(as_of.holds(standing_order_periods), days >= 0, fits)
        .subquery("fitting")
        .c
    )
    return (
        select(fitting.standing_order_id, func.count().label("dates"))
        .where(fitting.number == fitting.place)
        .group_by(fitting.standing_order_id)
        .cte("passed")
    )
