"""What the open work at T is made of: each open order counted once, by rep and by what it needs."""

from typing import Any

from sqlalchemy import Integer, Select, case, func, literal, select

from projections.views.as_of import AsOf
from projections.views.at_risk_deliveries import reasons
from projections.views.columns import Name
from projections.views.follow_ups import delay_left_by_the_clock, owed_by_facts
from projections.views.open_orders import is_open, is_overdue, state
from projections.views.tables import follow_up_periods

OVERDUE, DUE_SOON, ON_TRACK = "overdue", "due_in_24h", "on_track"
RISKS = ("estimate_late", "estimate_passed", "no_estimate", "not_booked")
"""The reasons of at_risk_deliveries, in the order in which the first one counts."""
NEEDS = (OVERDUE, *RISKS, DUE_SOON, ON_TRACK)
"""What an open order is counted as: the first of these that holds."""


def desk_load(as_of: AsOf) -> Select[Any]:
    """Rows of (rep_id, need, orders, due, untold): so many open orders of the rep.

    `due` of them are promised within 24 hours of T; of `untold`, the promise passed without a word to the customer.
    """
    due = (state.promised_by >= as_of.instant) & (state.promised_by <= as_of.day_later)
    need = case(
        (is_overdue(as_of), literal(OVERDUE, Name)),
        *((holds, literal(name, Name)) for name, holds in reasons(as_of).items()),
        (due, literal(DUE_SOON, Name)),
        else_=literal(ON_TRACK, Name),
    )
    open_orders = (
        select(
            state.rep_id,
            need.label("need"),
            case((due, 1), else_=0).label("due"),
            case((delay_left_by_the_clock(as_of), 1), else_=0).label("untold"),
        )
        .where(is_open(as_of))
        .subquery()
    )
    columns = (open_orders.c.rep_id, open_orders.c.need)
    due_soon, untold = (func.sum(open_orders.c[name]).cast(Integer).label(name) for name in ("due", "untold"))
    return select(*columns, func.count().label("orders"), due_soon, untold).group_by(*columns)


def follow_ups_by_facts(as_of: AsOf) -> Select[Any]:
    """Rows of (rep_id, about, owed): what customers are owed at T because of facts, beside what `untold` counts.

    One query of follow_ups would look up each overdue order; desk_load reads them from its index.
    """
    owed = follow_up_periods.c
    columns = (owed.rep_id, owed.about)
    return select(*columns, func.count().label("owed")).where(owed_by_facts(as_of)).group_by(*columns)
