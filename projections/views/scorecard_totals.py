"""Totals of scorecards by team or by mentor.

A rep counts for the team and mentor that the rep has at T, in every month. Amounts are sums of the reps' rows as shown,
and percents are computed from these sums.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import CTE, ColumnElement, Integer, Select, case, func, literal, select

from projections.views.as_of import AsOf
from projections.views.columns import Name
from projections.views.decimals import decimal_sum, percent_of
from projections.views.rep_scorecard import (
    AMOUNTS,
    COUNTS,
    SCORECARD_COLUMN_DOCS,
    best_first,
    rep_scorecard,
    scorecards,
)
from projections.views.tables import rep_periods


class Grouping(StrEnum):
    """By what scorecards are summed up."""

    TEAM = "team"
    MENTOR = "mentor"

    @property
    def column(self) -> str:
        return "team" if self is Grouping.TEAM else "mentor_id"


TOTALS_COLUMN_DOCS = {
    **SCORECARD_COLUMN_DOCS,
    "team": "The team; null for reps without one, and for orders that nobody held.",
    "mentor_id": "The mentor; null for reps without one, and for orders that nobody held.",
    "reps": "How many reps have a row in this month and currency.",
    "quota": "The sum of the reps' quotas; null without any.",
    "attainment_percent": "placed_value in percent of quota; null without a quota, or with 0.",
    "base": "The sum of the reps' base pay.",
    "commission": "The sum of the reps' commissions.",
    "bonus": "The sum of the reps' bonuses.",
    "pay": "The sum of the reps' pay.",
}


def scorecards_by(as_of: AsOf, by: Grouping | None) -> Select[Any]:
    """The scorecards of reps, or their totals by team or mentor."""
    return rep_scorecard(as_of) if by is None else scorecard_totals(as_of, by)


def scorecard_totals(as_of: AsOf, by: Grouping) -> Select[Any]:
    """A row for each team or mentor, month and currency of which a rep has a row."""
    card, member = scorecards(as_of), groups(as_of, by, "members")
    whose = func.coalesce(member.c.whose, literal("", Name), type_=Name)
    sums = (
        select(
            whose.label("whose"),
            card.c.month,
            card.c.currency,
            func.sum(case((card.c.rep_id != "", 1), else_=0)).cast(Integer).label("reps"),
            *(func.sum(card.c[name]).cast(Integer).label(name) for name in COUNTS),
            *(decimal_sum(card.c[name]).label(name) for name in AMOUNTS),
        )
        .outerjoin_from(card, member, member.c.rep_id == card.c.rep_id)
        .group_by(whose, card.c.month, card.c.currency)
        .cte("totals")
    )
    total = sums.c
    shown: dict[str, ColumnElement[Any]] = {
        **{name: total[name] for name in ("month", "currency", *COUNTS, *AMOUNTS)},
        "otif_percent": percent_of(total.on_time, total.delivered),
        "attainment_percent": percent_of(total.placed_value, total.quota),
    }
    columns = [shown[name].label(name) for name in list(SCORECARD_COLUMN_DOCS)[1:]]
    return select(
        func.nullif(total.whose, "", type_=Name).label(by.column), *columns[:2], total.reps, *columns[2:]
    ).order_by(*best_first(total, total.whose))


def groups(as_of: AsOf, by: Grouping, name: str) -> CTE:
    """The team or mentor (`whose`) of each rep at T."""
    rep = rep_periods.c
    return select(rep.rep_id, rep[by.column].label("whose")).where(as_of.holds(rep_periods)).cte(name)
