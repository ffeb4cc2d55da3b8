"""account_book: what each account orders, whether it is served on time, and how it grows."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import CTE, ColumnElement, Float, Integer, Select, case, func, literal, null, select, union_all

from projections.views.as_of import AsOf
from projections.views.business_months import last_month, month_of, this_month
from projections.views.calendar_days import utc_day
from projections.views.columns import Amount, Instant
from projections.views.decimals import decimal, decimal_minus, decimal_sum, minor_units, percent_of, rounded_to
from projections.views.open_orders import is_overdue, state
from projections.views.tables import account_periods, order_states, standing_order_periods

ACCOUNT_BOOK_COLUMN_DOCS = {
    "account_id": "The account.",
    "name": "The account's name; null until it is registered.",
    "segment": "b2b or b2c; null until it is registered.",
    "tier": "The tier as registered; null for none.",
    "rep_id": "The rep of the account; null for none. Its orders have reps of their own.",
    "currency": "The orders' currency (ISO 4217): an account has a row for each.",
    "orders": "Orders placed; cancelled ones are left out of this and all that follows.",
    "open_orders": "Of these, open.",
    "overdue": "Of these, past their promise.",
    "on_time_percent": "The share of the completed orders that were completed by their promise; null without any.",
    "order_value": "Quantities times unit prices of the orders, charges included.",
    "value_month": "The value of the orders placed in the month of T, in the business time zone.",
    "value_month_before": "The value of those placed in the month before.",
    "growth_percent": "By how much the month's value is above that of the month before, in percent; null if that is 0.",
    "standing_orders": "Standing orders in this currency that are neither stopped nor past their last day (in UTC).",
    "last_order_at": "When the latest order was placed.",
}

COUNTS = ("orders", "open_orders", "overdue", "completed", "on_time", "standing_orders")
AMOUNTS = ("order_value", "value_month", "value_month_before")

TWO_MONTHS = timedelta(days=63)
"""At least: an order placed earlier is neither of this month nor of the one before, in any time zone."""


def account_book(as_of: AsOf, account_id: str | None = None, order_ids: Sequence[str] | None = None) -> Select[Any]:
    """The accounts with orders or active standing orders at T, by currency, and in it the most valuable first.

    With `account_id`, this account alone; `order_ids` are its orders, if they are known: then they are looked up.
    """
    account = select(account_periods).where(as_of.holds(account_periods)).cte("account")
    book = _book(as_of, account_id, order_ids).c
    return (
        select(
            book.account_id,
            account.c.name,
            account.c.segment,
            account.c.tier,
            account.c.rep_id,
            book.currency,
            book.orders,
            book.open_orders,
            book.overdue,
            percent_of(book.on_time, book.completed).label("on_time_percent"),
            book.order_value,
            book.value_month,
            book.value_month_before,
            percent_of(book.growth, book.value_month_before).label("growth_percent"),
            book.standing_orders,
            book.last_order_at,
        )
        .outerjoin(account, account.c.account_id == book.account_id)
        # As a float, because SQLite has amounts as text; equal floats are sorted by account.
        .order_by(book.currency, book.order_value.cast(Float).desc(), book.account_id)
    )


def _book(as_of: AsOf, account_id: str | None, order_ids: Sequence[str] | None) -> CTE:
    """The counts and sums of each account in each currency; amounts are 0 where there is nothing to add."""
    entry = union_all(_placed(as_of, account_id, order_ids), _standing(as_of, account_id)).subquery("entry").c
    sums = (
        select(
            entry.account_id,
            entry.currency,
            minor_units(entry.currency).label("places"),
            *(func.sum(entry[name]).cast(Integer).label(name) for name in COUNTS),
            *(func.coalesce(decimal_sum(entry[name]), decimal(0), type_=Amount()).label(name) for name in AMOUNTS),
            func.max(entry.last_order_at, type_=Instant()).label("last_order_at"),
        )
        .group_by(entry.account_id, entry.currency)
        .cte("sums")
        .c
    )
    amounts = [rounded_to(sums[name], sums.places).label(name) for name in AMOUNTS]
    growth = decimal_minus(sums.value_month, sums.value_month_before).label("growth")
    counts = [sums[name] for name in COUNTS]
    return select(sums.account_id, sums.currency, *counts, *amounts, growth, sums.last_order_at).cte("book")


def _placed(as_of: AsOf, account_id: str | None, order_ids: Sequence[str] | None) -> Select[Any]:
    """An entry for each order that was not cancelled."""
    calendar = select(this_month(as_of).label("this"), last_month(as_of).label("before")).cte("calendar").c
    month = case((state.placed_at >= as_of.shifted(-TWO_MONTHS), month_of(state.placed_at, as_of)))
    looked_up = [] if order_ids is None else [state.order_id.in_(order_ids)]
    order = (
        select(*(state[name] for name in ("account_id", "currency", "placed_at", "order_value")))
        .add_columns(
            _one_if(state.status == "open").label("open_orders"),
            _one_if((state.status == "open") & is_overdue(as_of)).label("overdue"),
            _one_if(state.completed_at.is_not(None)).label("completed"),
            _one_if(state.completed_at <= state.promised_by).label("on_time"),
            month.label("month"),
        )
        .where(as_of.holds(order_states), state.status != "cancelled", _of(state.account_id, account_id), *looked_up)
        .subquery("placed")
        .c
    )
    return select(
        order.account_id,
        order.currency,
        literal(1).label("orders"),
        order.open_orders,
        order.overdue,
        order.completed,
        order.on_time,
        literal(0).label("standing_orders"),
        order.order_value,
        case((order.month == select(calendar.this).scalar_subquery(), order.order_value)).label("value_month"),
        case((order.month == select(calendar.before).scalar_subquery(), order.order_value)).label("value_month_before"),
        order.placed_at.label("last_order_at"),
    )


def _standing(as_of: AsOf, account_id: str | None) -> Select[Any]:
    """An entry for each active standing order."""
    terms = standing_order_periods.c
    goes_on = terms.until.is_(None) | (terms.until >= utc_day(as_of.instant))
    return select(
        terms.account_id,
        terms.currency,
        *(literal(0).label(name) for name in COUNTS[:-1]),
        literal(1).label("standing_orders"),
        *(null().cast(Amount).label(name) for name in AMOUNTS),
        null().cast(Instant).label("last_order_at"),
    ).where(as_of.holds(standing_order_periods), ~terms.stopped, goes_on, _of(terms.account_id, account_id))


def _of(column: ColumnElement[Any], account_id: str | None) -> ColumnElement[bool]:
    """The rows of this account, or of any."""
    return column.is_not(None) if account_id is None else column == account_id


def _one_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)
