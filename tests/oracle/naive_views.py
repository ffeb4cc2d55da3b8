"""The views of the naive interpreter, written down again over settled subjects."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.oracle.naive_reading import Row
from tests.oracle.naive_settling import DAY, Account, Order, Rep, Subject

WEEK = timedelta(days=7)

OVERDUE = (
    "order_id",
    "rep_id",
    "account_id",
    "segment",
    "placed_at",
    "promised_by",
    "original_promised_by",
    "hours_overdue",
    "stage",
    "carrier",
    "mode",
    "estimated_delivery",
    "expedite",
    "follow_up_owed",
    "delivery_attempts",
    "open_value",
    "currency",
)
WORKLOAD = (
    "rep_id",
    "name",
    "level",
    "team",
    "open_orders",
    "to_book",
    "booked",
    "in_transit",
    "partly_delivered",
    "expedites_open",
    "follow_ups_owed",
    "overdue",
    "due_in_24h",
    "at_risk",
    "open_b2b",
    "open_b2c",
    "contacts_7d",
)
LATE = (
    "order_id",
    "rep_id",
    "account_id",
    "promised_by",
    "original_promised_by",
    "delivered_at",
    "hours_late",
    "mode",
    "carrier",
)
FOLLOW_UPS = (
    "order_id",
    "rep_id",
    "request_id",
    "about",
    "owed_since",
    "hours_owed",
)


def rows_of(view: str, subjects: Mapping[tuple[str, str], Subject], at: datetime) -> list[Row]:
    """The rows of a view, in no order, as the command writes them in JSON."""
    orders = [s for s in subjects.values() if isinstance(s, Order) and s.placed is not None]
    match view:
        case "overdue":
            rows = [_open_order(order, at) for order in orders if order.is_overdue(at)]
        case "at-risk":
            rows = [_open_order(order, None) for order in orders if order.is_at_risk(at)]
        case "late":
            rows = [row for order in orders for row in _late(order)]
        case "follow-ups":
            rows = [row for order in orders for row in _follow_ups(order, at)]
        case "workload":
            rows = list(_workload(subjects, orders, at))
        case _:
            raise KeyError(view)
    return [{name: plain(value) for name, value in row.items()} for row in rows]


def hours(start: datetime, end: datetime) -> Decimal:
    exact = Fraction((end - start) // timedelta(microseconds=1), 3_600_000_000)
    return Decimal(round(exact * 100)).scaleb(-2)  # a fraction rounds half-even


def _open_order(order: Order, overdue_at: datetime | None) -> Row:
    assert order.placed is not None
    shown = order.live[-1] if order.live else None
    values = (
        order.order_id,
        order.rep,
        order.placed["account_id"],
        order.placed["segment"],
        order.placed_at,
        order.promise,
        order.placed["promised_by"],
        None if overdue_at is None else hours(order.promise, overdue_at),
        order.stage,
        shown and shown.carrier,
        shown and shown.mode,
        shown and shown.estimate,
        "requested" if order.undecided else order.latest_decision,
        bool(order.owed),
        order.attempts,
        order.open_value,
        order.placed["currency"],
    )
    return dict(zip(OVERDUE, values, strict=True))


def _late(order: Order) -> Iterator[Row]:
    done = order.completed
    if done is None or done["delivered_at"] <= done["promised_by"]:
        return
    assert order.placed is not None
    values = (
        order.order_id,
        done["rep_id"],
        order.placed["account_id"],
        done["promised_by"],
        order.placed["promised_by"],
        done["delivered_at"],
        hours(done["promised_by"], done["delivered_at"]),
        order.last_confirmed.mode,
        order.last_confirmed.carrier,
    )
    yield dict(zip(LATE, values, strict=True))


def _follow_ups(order: Order, at: datetime) -> Iterator[Row]:
    for request, since in order.owed.items():
        about = "delay" if request is None else "expedite"
        values = (order.order_id, order.rep, request, about, since, hours(since, at))
        yield dict(zip(FOLLOW_UPS, values, strict=True))


def _workload(subjects: Mapping[tuple[str, str], Subject], orders: list[Order], at: datetime) -> Iterator[Row]:
    talks = Counter(
        rep
        for subject in subjects.values()
        if isinstance(subject, Account)
        for rep, when in subject.contacts
        if at - WEEK < when <= at
    )
    known = {s.rep_id: s.fields for s in subjects.values() if isinstance(s, Rep) and s.fields is not None}
    held = {order.rep for order in orders if order.is_open or order.owed}
    for rep in sorted(held | set(talks) | set(known)):
        mine = [order for order in orders if order.rep == rep]
        still_open = [order for order in mine if order.is_open]
        stages = Counter(order.stage for order in still_open)
        segments = Counter(order.placed["segment"] for order in still_open if order.placed)
        person = known.get(rep, {})
        values = (
            rep,
            person.get("name"),
            person.get("level"),
            person.get("team"),
            len(still_open),
            stages["to_book"],
            stages["booked"],
            stages["in_transit"],
            stages["partly_delivered"],
            sum(order.undecided for order in still_open),
            sum(len(order.owed) for order in mine),
            sum(order.is_overdue(at) for order in still_open),
            sum(at <= order.promise <= at + DAY for order in still_open),
            sum(order.is_at_risk(at) for order in still_open),
            segments["b2b"],
            segments["b2c"],
            talks[rep],
        )
        yield dict(zip(WORKLOAD, values, strict=True))


def plain(value: Any) -> Any:
    """As the command writes it in JSON: instants in UTC RFC 3339, decimals as strings."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return format(value, "f") if isinstance(value, Decimal) else value
