"""rep_scorecard: what each rep placed, delivered, expedited and earned, by month and currency.

Months are those of the business zone. No amount is rounded twice: the value of an order is rounded (by its projection),
sums of such values are exact, and a quota, base, commission or bonus is rounded once, when it is shown. Attainment
follows from the exact quota. Pay is the sum of its parts as shown.
"""

from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Float,
    Integer,
    Select,
    and_,
    case,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from projections.views.as_of import AsOf
from projections.views.business_months import month_before, month_of
from projections.views.columns import Amount, Name, in_natural_order, or_empty
from projections.views.decimals import (
    decimal,
    decimal_compare,
    decimal_plus,
    decimal_sum,
    decimal_times,
    minor_units,
    percent_of,
    rounded_to,
)
from projections.views.tables import expedite_periods, order_states, rep_pay_plan_periods, rep_quota_periods

SCORECARD_COLUMN_DOCS = {
    "rep_id": "The rep; null for orders that nobody held.",
    "month": "The month in the business time zone, as YYYY-MM.",
    "currency": "The currency of the row's orders and amounts (ISO 4217).",
    "delivered": "Orders completed in the month that the rep held then.",
    "on_time": "Of these, completed no later than the promise.",
    "late": "Of these, completed after the promise.",
    "otif_percent": "On time in full: the share of on_time in delivered, in percent; null without any delivered.",
    "expedites_requested": "Expedite requests of the month on orders that the rep held then.",
    "expedites_granted": "Expedite requests granted in the month on orders that the rep held then.",
    "expedites_met": "Grants whose promise an order kept that was completed in the month and that the rep held then.",
    "placed_value": "Value of the orders that the rep placed in the month, without the cancelled ones.",
    "delivered_value": "Value of the orders in delivered.",
    "quota": "The quota, as an amount, or as growth over the placed_value of the month before; null without a quota.",
    "attainment_percent": "placed_value in percent of the quota before rounding; null without a quota, or with 0.",
    "base": "The base pay of the pay plan; it and what follows are null in rows of other currencies than the plan's.",
    "commission": "The plan's share of delivered_value.",
    "bonus": "The plan's bonus if the quota was attained, and its bonus for each account whose first order ever the "
    "rep placed in the month.",
    "pay": "base + commission + bonus.",
}

AMOUNTS = ("placed_value", "delivered_value", "quota", "base", "commission", "bonus", "pay")
COUNTS = ("delivered", "on_time", "late", "expedites_requested", "expedites_granted", "expedites_met")


def rep_scorecard(as_of: AsOf) -> Select[Any]:
    """A row for each rep, month and currency in which anything happened, or for which a quota stands, by T."""
    card = scorecards(as_of).c
    return select(
        func.nullif(card.rep_id, "", type_=Name).label("rep_id"),
        *(card[name] for name in list(SCORECARD_COLUMN_DOCS)[1:]),
    ).order_by(*best_first(card, card.rep_id))


def best_first(card: ReadOnlyColumnCollection[str, Any], whose: ColumnElement[str]) -> tuple[ColumnElement[Any], ...]:
    """The order of the view: by month, and in each currency who placed the most first. `whose` is never null.

    Values are compared as floats, because SQLite has amounts as text; equal ones are sorted by name.
    """
    return (card.month, card.currency, card.placed_value.cast(Float).desc(), *in_natural_order(whose))


def scorecards(as_of: AsOf) -> CTE:
    """The rows of the view; rep_id is empty for none."""
    orders = _orders(as_of)
    plans = _plans(as_of)
    quotas = select(rep_quota_periods).where(as_of.holds(rep_quota_periods)).cte("quotas")
    sums = _sums(_entries(as_of, orders, plans, quotas))
    return _rounded(_before_rounding(sums, plans, quotas))


def _orders(as_of: AsOf) -> CTE:
    state = order_states.c
    return (
        select(
            state.order_id,
            state.account_id,
            state.currency,
            state.order_value,
            state.status,
            state.placed_at,
            or_empty(state.placed_rep_id).label("placed_rep_id"),
            month_of(state.placed_at, as_of).label("placed_month"),
            state.completed_at,
            (state.completed_at <= state.promised_by).label("on_time"),
            or_empty(state.delivered_rep_id).label("delivered_rep_id"),
            month_of(state.completed_at, as_of).label("completed_month"),
        )
        .where(as_of.holds(order_states))
        .cte("orders_then")
    )


def _plans(as_of: AsOf) -> CTE:
    """The pay plans with the first month after each, in which a later one begins."""
    plan = rep_pay_plan_periods.c
    until = func.lead(plan.month, type_=Name).over(partition_by=plan.rep_id, order_by=plan.month)
    return select(rep_pay_plan_periods, until.label("until")).where(as_of.holds(rep_pay_plan_periods)).cte("plans")


def _in_force(plans: CTE, month: ColumnElement[str]) -> ColumnElement[bool]:
    return and_(plans.c.month <= month, or_(plans.c.until.is_(None), plans.c.until > month))


def _entries(as_of: AsOf, orders: CTE, plans: CTE, quotas: CTE) -> CTE:
    """What happened, one row each: for which rep, month and currency, and the value of orders."""
    order, request, quota = orders.c, expedite_periods.c, quotas.c
    requests = (
        select(request.requested_rep_id, request.requested_at, request.decided_rep_id, request.decided_at)
        .add_columns(request.decision, request.promised_by, order.currency)
        .add_columns(order.delivered_rep_id, order.completed_at, order.completed_month)
        .join_from(expedite_periods, orders, order.order_id == request.order_id)
        .where(as_of.holds(expedite_periods))
        .cte("requests")
    )
    asked = requests.c
    granted = asked.decision == "granted"
    new = _first_orders(orders)
    bonus_currency = plans.c.currency
    return union_all(
        _entry("placed", order.placed_rep_id, order.placed_month, order.currency, order.order_value).where(
            order.status != "cancelled"
        ),
        _entry("on_time", order.delivered_rep_id, order.completed_month, order.currency, order.order_value).where(
            order.completed_at.is_not(None), order.on_time
        ),
        _entry("late", order.delivered_rep_id, order.completed_month, order.currency, order.order_value).where(
            order.completed_at.is_not(None), ~order.on_time
        ),
        _entry("requested", or_empty(asked.requested_rep_id), month_of(asked.requested_at, as_of), asked.currency),
        _entry("granted", or_empty(asked.decided_rep_id), month_of(asked.decided_at, as_of), asked.currency).where(
            granted
        ),
        _entry("met", asked.delivered_rep_id, asked.completed_month, asked.currency).where(
            granted, asked.completed_at <= asked.promised_by
        ),
        _entry("quota", quota.rep_id, quota.month, quota.currency),
        _entry("new_account", new.c.placed_rep_id, new.c.placed_month, bonus_currency)
        .join_from(new, plans, and_(plans.c.rep_id == new.c.placed_rep_id, _in_force(plans, new.c.placed_month)))
        .where(new.c.nth == 1, plans.c.new_account_bonus.is_not(None)),
    ).cte("entries")


def _entry(
    what: str,
    rep_id: ColumnElement[Any],
    month: ColumnElement[Any],
    currency: ColumnElement[Any],
    value: ColumnElement[Any] | None = None,
) -> Select[Any]:
    return select(
        rep_id.label("rep_id"),
        month.label("month"),
        currency.label("currency"),
        literal(what, Name).label("what"),
        (null().cast(Amount) if value is None else value).label("value"),
    )


def _first_orders(orders: CTE) -> CTE:
    """The orders of accounts; `nth` is 1 for the first that an account ever placed."""
    order = orders.c
    nth = func.row_number().over(partition_by=order.account_id, order_by=(order.placed_at, order.order_id))
    return (
        select(order.placed_rep_id, order.placed_month, nth.label("nth"))
        .where(order.account_id.is_not(None))
        .cte("orders_of_accounts")
    )


def _sums(entries: CTE) -> CTE:
    entry = entries.c
    delivered = entry.what.in_(("on_time", "late"))

    def count(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.sum(case((condition, 1), else_=0)).cast(Integer)

    return (
        select(
            entry.rep_id,
            entry.month,
            entry.currency,
            month_before(entry.month).label("before"),
            count(delivered).label("delivered"),
            count(entry.what == "on_time").label("on_time"),
            count(entry.what == "late").label("late"),
            count(entry.what == "requested").label("expedites_requested"),
            count(entry.what == "granted").label("expedites_granted"),
            count(entry.what == "met").label("expedites_met"),
            count(entry.what == "new_account").label("new_accounts"),
            _or_zero(decimal_sum(case((entry.what == "placed", entry.value)))).label("placed_value"),
            _or_zero(decimal_sum(case((delivered, entry.value)))).label("delivered_value"),
        )
        .group_by(entry.rep_id, entry.month, entry.currency)
        .cte("sums")
    )


def _before_rounding(sums: CTE, plans: CTE, quotas: CTE) -> CTE:
    total, quota, plan = sums.c, quotas.c, plans.c
    earlier = sums.alias("earlier")
    growth = decimal_times(
        _or_zero(earlier.c.placed_value),
        decimal_times(decimal_plus(quota.growth_percent, decimal(100)), decimal("0.01")),
    )
    exact_quota = func.coalesce(quota.target_amount, growth, type_=Amount)
    attained = or_(
        and_(decimal_compare(exact_quota, decimal(0)) > 0, decimal_compare(total.placed_value, exact_quota) >= 0),
        and_(decimal_compare(exact_quota, decimal(0)) < 0, decimal_compare(total.placed_value, exact_quota) <= 0),
    )
    bonus = decimal_plus(
        case((attained, _or_zero(plan.quota_bonus)), else_=decimal(0)),
        decimal_times(_or_zero(plan.new_account_bonus), total.new_accounts),
    )
    return (
        select(
            *(total[name] for name in ("rep_id", "month", "currency", *COUNTS)),
            total.placed_value,
            total.delivered_value,
            minor_units(total.currency).label("places"),
            exact_quota.label("quota"),
            plan.base,
            decimal_times(decimal_times(plan.commission_percent, total.delivered_value), decimal("0.01")).label(
                "commission"
            ),
            case((plan.base.is_not(None), bonus)).label("bonus"),
        )
        .select_from(sums)
        .outerjoin(
            quotas,
            and_(
                quota.rep_id == total.rep_id,
                quota.month == total.month,
                quota.currency == total.currency,
            ),
        )
        .outerjoin(
            earlier,
            and_(
                earlier.c.rep_id == total.rep_id,
                earlier.c.month == total.before,
                earlier.c.currency == total.currency,
            ),
        )
        .outerjoin(
            plans,
            and_(plan.rep_id == total.rep_id, plan.currency == total.currency, _in_force(plans, total.month)),
        )
        .cte("before_rounding")
    )


def _rounded(before: CTE) -> CTE:
    exact = before.c
    money = {
        name: rounded_to(exact[name], exact.places)
        for name in ("placed_value", "delivered_value", "quota", "base", "commission", "bonus")
    }
    shown = (
        select(
            exact.rep_id,
            exact.month,
            exact.currency,
            *(exact[name] for name in COUNTS),
            *(amount.label(name) for name, amount in money.items()),
            percent_of(exact.on_time, exact.delivered).label("otif_percent"),
            percent_of(exact.placed_value, exact.quota).label("attainment_percent"),
        )
    ).cte("shown")
    pay = decimal_plus(decimal_plus(shown.c.base, shown.c.commission), shown.c.bonus)
    return select(shown, pay.label("pay")).cte("scorecards")


def _or_zero(amount: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(amount, decimal(0), type_=Amount)
