"""rep_workload: the open work of each rep."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import CTE, ColumnElement, Integer, Select, Text, case, func, literal_column, select, union

from projections.views.as_of import AsOf
from projections.views.at_risk_deliveries import is_at_risk
from projections.views.columns import Name, in_natural_order
from projections.views.follow_ups import delay_left_by_the_clock, owed_by_facts
from projections.views.open_orders import is_open, is_overdue, state
from projections.views.tables import contacts, follow_up_periods, order_states, rep_open_orders, rep_periods

MEASURES = tuple(column.name for column in rep_open_orders.c if not column.primary_key)

WORKLOAD_COLUMN_DOCS = {
    **{column.name: column.comment or "" for table in (rep_periods, rep_open_orders) for column in table.c},
    "rep_id": "The rep; null for work without a rep.",
    "follow_ups_owed": "Follow-ups owed to customers, also on closed orders.",
    "name": "The rep's name; null, like level and team, for an unregistered rep.",
    "overdue": "Open orders past their promise.",
    "due_in_24h": "Open orders promised from T to 24 hours later.",
    "at_risk": "Open orders that are on time now and may become late: see at_risk_deliveries.",
    "contacts_7d": "Contacts with customers in the seven days up to T.",
}


def rep_workload(as_of: AsOf) -> Select[Any]:
    """The load at T of each rep who holds an open order or a follow-up owed, was in contact, or is registered."""
    # Of the past, one reading of the orders that were open then counts everything.
    load = _load_kept() if as_of.present else load_recounted(as_of, *_clock_dependent(as_of))
    clock = _clock_alone(as_of) if as_of.present else load
    talks = _contacts(as_of)
    owed = _owed(as_of)
    follow_ups_owed = _or_zero(owed.c.by_facts) + _or_zero(clock.c.by_the_clock)
    rep = select(rep_periods).where(as_of.holds(rep_periods)).cte("rep")
    registered = select(rep.c.rep_id).where(rep.c.registered)
    desks = union(select(load.c.rep_id), select(owed.c.rep_id), select(talks.c.rep_id), registered).cte("desks")
    joined = desks.outerjoin(rep, rep.c.rep_id == desks.c.rep_id)
    # Of the past, the load has these columns itself (see above).
    for counted in [load, owed, *([clock] if as_of.present else []), talks]:
        joined = joined.outerjoin(counted, counted.c.rep_id == desks.c.rep_id)
    return (
        select(
            func.nullif(desks.c.rep_id, "", type_=Name).label("rep_id"),
            rep.c.name,
            rep.c.level,
            rep.c.team,
            *(_or_zero(load.c[name]).label(name) for name in MEASURES[: MEASURES.index("open_b2b")]),
            follow_ups_owed.label("follow_ups_owed"),
            *(_or_zero(clock.c[name]).label(name) for name in ("overdue", "due_in_24h", "at_risk")),
            *(_or_zero(load.c[name]).label(name) for name in ("open_b2b", "open_b2c")),
            _or_zero(talks.c.contacts_7d).label("contacts_7d"),
        )
        .select_from(joined)
        .order_by(*busiest_first(_or_zero(load.c.open_orders), follow_ups_owed, desks.c.rep_id))
    )


def busiest_first(
    open_orders: ColumnElement[int], follow_ups_owed: ColumnElement[int], rep_id: ColumnElement[str]
) -> tuple[ColumnElement[Any], ...]:
    """The order of the view: by open orders and follow-ups together, then by rep (empty for none)."""
    return ((open_orders + follow_ups_owed).desc(), *in_natural_order(rep_id))


def load_recounted(as_of: AsOf, *further: ColumnElement[int]) -> CTE:
    """The load of each rep at T, counted from order_states: for the past, and to check the stored totals.

    `further` counts of the open orders are columns too.
    """
    measures = {
        "open_orders": state.status == "open",
        "to_book": state.stage == "to_book",
        "booked": state.stage == "booked",
        "in_transit": state.stage == "in_transit",
        "partly_delivered": state.stage == "partly_delivered",
        "expedites_open": state.expedites_open,
        "open_b2b": state.segment == "b2b",
        "open_b2c": state.segment == "b2c",
    }
    return (
        select(
            _holder().label("rep_id"), *(_count(measure).label(name) for name, measure in measures.items()), *further
        )
        .where(is_open(as_of))
        .group_by(state.rep_id)
        .cte("load")
    )


def _load_kept() -> CTE:
    return select(rep_open_orders).where(rep_open_orders.c.open_orders > 0).cte("load")


def _clock_dependent(as_of: AsOf) -> Sequence[ColumnElement[int]]:
    """What depends on the clock of a rep's open orders."""
    due = (state.promised_by >= as_of.instant) & (state.promised_by <= as_of.day_later)
    measures = {
        "overdue": is_overdue(as_of),
        "due_in_24h": due,
        "at_risk": is_at_risk(as_of),
        "by_the_clock": delay_left_by_the_clock(as_of),
    }
    return [_count(measure).label(name) for name, measure in measures.items()]


def _clock_alone(as_of: AsOf) -> CTE:
    # Most open orders are neither overdue nor due soon nor at risk, and are not counted here.
    return (
        select(_holder().label("rep_id"), *_clock_dependent(as_of))
        .where(is_open(as_of), (state.promised_by <= as_of.day_later) | is_at_risk(as_of))
        .group_by(state.rep_id)
        .cte("clock")
    )


def _owed(as_of: AsOf) -> CTE:
    """What is owed because of facts; what the clock leaves is counted with the open orders."""
    holder = _or_empty(follow_up_periods.c.rep_id)
    counted = select(holder.label("rep_id"), func.count().label("by_facts")).where(owed_by_facts(as_of))
    return counted.group_by(holder).cte("owed_by_rep")


def _contacts(as_of: AsOf) -> CTE:
    at = contacts.c.contacted_at
    return (
        select(contacts.c.rep_id, func.count().label("contacts_7d"))
        .where(at > as_of.week_earlier, at <= as_of.instant)
        .group_by(contacts.c.rep_id)
        .cte("talks")
    )


def _holder() -> ColumnElement[str]:
    """The rep who holds an order; empty for none, as in the stored totals."""
    return _or_empty(order_states.c.rep_id)


def _or_empty(rep_id: ColumnElement[Any]) -> ColumnElement[str]:
    # SQLite creates an automatic index for a join only if it knows the column as text.
    return func.coalesce(rep_id, literal_column("''", Name)).cast(Text)


def _count(measure: ColumnElement[Any]) -> ColumnElement[int]:
    """The number of rows that meet a condition, or the sum of a number."""
    counted = measure if isinstance(measure.type, Integer) else case((measure, 1), else_=0)
    return func.sum(counted).cast(Integer)


def _or_zero(column: ColumnElement[Any]) -> ColumnElement[int]:
    return func.coalesce(column, literal_column("0", Integer), type_=Integer)
