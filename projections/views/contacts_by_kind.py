"""Contacts by kind: how often reps talked with customers about orders, inquiries, account updates and promotions.

Further columns of the workload (the seven days up to T) and of the scorecard (each month). A contact has no currency,
so in scorecards each row of a rep and month has the same numbers, whatever its currency; and contacts alone make no
row.
"""

from typing import Any

from sqlalchemy import CTE, ColumnElement, Integer, Select, and_, case, func, select

from projections.views.as_of import AsOf
from projections.views.business_months import month_of
from projections.views.columns import or_empty
from projections.views.rep_scorecard import best_first
from projections.views.rep_workload import busiest_first, rep_workload
from projections.views.scorecard_totals import Grouping, groups, scorecards_by
from projections.views.tables import contacts

KINDS = ("order", "inquiry", "account_update", "promotion")
COLUMNS = tuple(f"contacts_{kind}" for kind in KINDS)

WORKLOAD_CONTACTS_DOCS = {f"contacts_{kind}": f"Of contacts_7d, those about {kind}." for kind in KINDS}
SCORECARD_CONTACTS_DOCS = {
    f"contacts_{kind}": f"Contacts of the month about {kind}, the same in the rows of each currency." for kind in KINDS
}


def rep_workload_with_contacts(as_of: AsOf) -> Select[Any]:
    """The workload, with contacts_7d by kind."""
    workload = rep_workload(as_of).order_by(None).cte("workload")
    at = contacts.c.contacted_at
    talks = (
        select(contacts.c.rep_id, *_counts())
        .where(at > as_of.week_earlier, at <= as_of.instant)
        .group_by(contacts.c.rep_id)
        .cte("talks_by_kind")
    )
    load = workload.c
    return _joined(workload, talks, talks.c.rep_id == load.rep_id).order_by(
        *busiest_first(load.open_orders, load.follow_ups_owed, or_empty(load.rep_id))
    )


def scorecard_with_contacts(as_of: AsOf, by: Grouping | None) -> Select[Any]:
    """The scorecards of reps, or their totals, with the contacts of each month by kind."""
    cards = scorecards_by(as_of, by).order_by(None).cte("cards")
    whose = cards.c[by.column if by else "rep_id"]
    month = month_of(contacts.c.contacted_at, as_of)
    if by is None:
        speaker: ColumnElement[Any] = contacts.c.rep_id
        spoken = select(speaker.label("whose"), month.label("month"), contacts.c.about)
    else:
        members = groups(as_of, by, "speakers")
        speaker = or_empty(members.c.whose)
        spoken = select(speaker.label("whose"), month.label("month"), contacts.c.about).outerjoin_from(
            contacts, members, members.c.rep_id == contacts.c.rep_id
        )
    said = spoken.where(as_of.happened(contacts.c.contacted_at)).cte("spoken")
    talks = select(said.c.whose, said.c.month, *_counts(said.c.about)).group_by(said.c.whose, said.c.month)
    by_kind = talks.cte("talks_by_kind")
    same = and_(by_kind.c.whose == or_empty(whose), by_kind.c.month == cards.c.month)
    return _joined(cards, by_kind, same).order_by(*best_first(cards.c, or_empty(whose)))


def _counts(about: ColumnElement[str] = contacts.c.about) -> list[ColumnElement[int]]:
    return [
        func.sum(case((about == kind, 1), else_=0)).cast(Integer).label(column)
        for kind, column in zip(KINDS, COLUMNS, strict=True)
    ]


def _joined(rows: CTE, talks: CTE, same: ColumnElement[bool]) -> Select[Any]:
    counted = [func.coalesce(talks.c[name], 0, type_=Integer).label(name) for name in COLUMNS]
    return select(rows, *counted).outerjoin_from(rows, talks, same)
