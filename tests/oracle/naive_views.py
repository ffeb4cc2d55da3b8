"""The views of the naive interpreter, written down again over settled subjects."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.oracle.naive_order import DAY, Order, Shipment, Subject, minor
from tests.oracle.naive_reading import BUSINESS_ZONE, Row
from tests.oracle.naive_scorecards import month_at, months_before, scorecards
from tests.oracle.naive_settling import Account, Rep, StandingOrder

WEEK = timedelta(days=7)

OPEN_ORDER = (
    "order_id",
    "rep_id",
    "account_id",
    "segment",
    "placed_at",
    "promised_by",
    "original_promised_by",
    "hours",
    "stage",
    "carrier",
    "mode",
    "estimated_delivery",
    "expedite",
    "follow_up_owed",
    "delivery_attempts",
    "open_value",
    "currency",
    "untaken_messages",
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
    "last_delivered_at",
    "short",
)
FOLLOW_UPS = (
    "order_id",
    "rep_id",
    "request_id",
    "about",
    "owed_since",
    "hours_owed",
)


def rows_of(
    view: str, subjects: Mapping[tuple[str, str], Subject], at: datetime, untaken: Mapping[str, int]
) -> list[Row]:
    """The rows of a view, in no order, as the command writes them in JSON."""
    orders = [s for s in subjects.values() if isinstance(s, Order) and s.placed is not None]
    match view:
        case "overdue":
            rows = [_overdue(order, at, untaken) for order in orders if order.is_overdue(at)]
        case "at-risk":
            rows = [_at_risk(order, at, untaken) for order in orders if order.why_at_risk(at)]
        case "late":
            rows = [row for order in orders for row in _late(order)]
        case "follow-ups":
            rows = [row for order in orders for row in _follow_ups(order, at)]
        case "workload":
            rows = list(_workload(subjects, orders, at))
        case "orders":
            rows = [_order(order, at) for order in orders]
        case "order-lines":
            rows = [_order_line(order, line) for order in orders for line in _lines(order)]
        case "shipments":
            rows = [_shipment(order, shipment_id) for order in orders for shipment_id in order.shipments]
        case "expedites":
            rows = [_expedite(order, request_id, at) for order in orders for request_id in order.requests]
        case "scorecard":
            rows = scorecards(subjects, BUSINESS_ZONE)
        case "accounts":
            rows = list(_accounts(subjects, orders, at))
        case "carriers":
            rows = list(_carriers(orders))
        case _:
            raise KeyError(view)
    return [{name: plain(value) for name, value in row.items()} for row in rows]


def hours(start: datetime, end: datetime) -> Decimal:
    exact = Fraction((end - start) // timedelta(microseconds=1), 3_600_000_000)
    return Decimal(round(exact * 100)).scaleb(-2)  # a fraction rounds half-even


def _overdue(order: Order, at: datetime, untaken: Mapping[str, int]) -> Row:
    row = _open_order(order, at, hours(order.promise, at), untaken)
    return {"hours_overdue" if name == "hours" else name: value for name, value in row.items()}


def _at_risk(order: Order, at: datetime, untaken: Mapping[str, int]) -> Row:
    row = _open_order(order, at, hours(at, order.promise), untaken)
    return {"hours_left" if n == "hours" else n: v for n, v in row.items()} | {"why": order.why_at_risk(at)}


def _open_order(order: Order, at: datetime, told_hours: Decimal, untaken: Mapping[str, int]) -> Row:
    assert order.placed is not None
    shown = order.live[-1] if order.live else None
    values = (
        order.order_id,
        order.rep,
        order.placed.get("account_id"),
        order.placed["segment"],
        order.placed_at,
        order.promise,
        order.placed["promised_by"],
        told_hours,
        order.stage,
        shown and shown.carrier,
        shown and shown.mode,
        shown and shown.estimate,
        "requested" if order.undecided else order.latest_decision,
        bool(order.owed_at(at)),
        order.attempts,
        order.open_value,
        order.placed["currency"],
        untaken.get(order.order_id, 0),
    )
    return dict(zip(OPEN_ORDER, values, strict=True))


def _late(order: Order) -> Iterator[Row]:
    done = order.completed
    if done is None or done["delivered_at"] <= done["promised_by"]:
        return
    assert order.placed is not None and order.last_confirmed is not None
    values = (
        order.order_id,
        done["rep_id"],
        order.placed.get("account_id"),
        done["promised_by"],
        order.placed["promised_by"],
        done["delivered_at"],
        hours(done["promised_by"], done["delivered_at"]),
        order.last_confirmed.mode,
        order.last_confirmed.carrier,
        order.last_delivered_at,
        done["short"],
    )
    yield dict(zip(LATE, values, strict=True))


def _order(order: Order, at: datetime) -> Row:
    assert order.placed is not None
    done = order.completed
    on_time: bool | None = None
    if done is not None:
        on_time = done["delivered_at"] <= done["promised_by"]
    elif order.is_open and order.promise < at:
        on_time = False
    return {
        "order_id": order.order_id,
        "status": "cancelled" if order.is_cancelled else "delivered" if done else "open",
        "placed_at": order.placed_at,
        "promised_by": order.promise,
        "original_promised_by": order.placed["promised_by"],
        "completed_at": done and done["delivered_at"],
        "last_delivered_at": order.last_delivered_at,
        "short": order.short,
        "on_time": on_time,
        "rep_id": order.rep,
        "placed_rep_id": order.placed.get("rep_id"),
        "account_id": order.placed.get("account_id"),
        "segment": order.placed["segment"],
        "channel": order.placed["channel"],
        "reference": order.placed.get("reference"),
        "order_value": order.order_value,
        "open_value": order.open_value,
        "currency": order.placed["currency"],
        "lines": len(_lines(order)),
        "shipments": len(order.shipments),
        "cancel_reason": order.cancelled_for if done is None else done["cancel_reason"],
    }


def _lines(order: Order) -> list[str]:
    """Lines that are there, and those that are gone though something of them was delivered."""
    return [*order.lines, *(line for line in order.history if line not in order.lines and order.delivered(line) > 0)]


def _order_line(order: Order, line: str) -> Row:
    assert order.placed is not None
    row = order.lines.get(line) or {**order.gone[line], "quantity": Decimal()}
    delivered = order.delivered(line)
    return {
        "order_id": order.order_id,
        "line": line,
        "sku": row.get("sku"),
        "kind": row["kind"],
        "quantity": row["quantity"],
        "booked": order.carried(line),
        "delivered": delivered,
        "over_delivered": max(Decimal(), delivered - row["quantity"]),
        "returned": order.returned[line],
        "unit_price": row["unit_price"],
        "promised_by": row.get("promised_by", order.promise),
        "delivered_at": order.in_full_since(line),
    }


def _shipment(order: Order, shipment_id: str) -> Row:
    assert order.placed is not None
    shipment = order.shipments[shipment_id]
    return {
        "order_id": order.order_id,
        "shipment_id": shipment_id,
        "mode": shipment.mode,
        "carrier": shipment.carrier,
        "service_level": shipment.service_level,
        "tracking_number": shipment.tracking_number,
        "booked_at": shipment.booked_at,
        "dispatched_at": shipment.dispatched_at,
        "estimated_delivery": shipment.estimate,
        "original_estimate": shipment.booked.get("estimated_delivery"),
        "delivered_at": shipment.delivered_at if shipment.is_delivered else None,
        "cancelled_at": shipment.cancelled_at,
        "attempts": shipment.attempts,
        "parcels": len(shipment.parcels),
        "parcels_delivered": len(shipment.confirmed_parcels),
        "cost": shipment.cost,
        "currency": order.placed["currency"],
        "signed_by": shipment.signed_by,
    }


def _expedite(order: Order, request_id: str, at: datetime) -> Row:
    assert order.placed is not None
    request = order.requests[request_id]
    met: bool | None = None
    if request.granted is not None:
        if order.completed is not None:
            met = order.completed["delivered_at"] <= request.granted
        elif order.is_cancelled or at > request.granted:
            met = False
    return {
        "order_id": order.order_id,
        "request_id": request_id,
        "rep_id": order.rep,
        "account_id": order.placed.get("account_id"),
        "requested_at": request.asked_at,
        "needed_by": request.asked["needed_by"],
        "requested_by": request.asked.get("requested_by"),
        "decision": request.decision and request.decision[0],
        "decided_at": request.decided_at,
        "promised_by": request.granted,
        "met": met,
        "informed_at": request.informed_at,
        "hours_open": hours(request.asked_at, at) if request.decision is None and order.is_open else None,
    }


def _carriers(orders: list[Order]) -> Iterator[Row]:
    booked: dict[tuple[str, ...], list[Shipment]] = defaultdict(list)
    for order in orders:
        assert order.placed is not None
        for shipment in order.shipments.values():
            if shipment.cancelled_at is None:
                month = month_at(shipment.booked_at, BUSINESS_ZONE)
                booked[shipment.carrier, shipment.mode, month, order.placed["currency"]].append(shipment)
    for (carrier, mode, month, currency), shipments in booked.items():
        delivered = [s for s in shipments if s.is_delivered and s.delivered_at is not None]
        spans = [
            s.delivered_at - s.promise_then for s in delivered if s.delivered_at and s.delivered_at > s.promise_then
        ]
        costs = [s.cost for s in shipments if s.cost is not None]
        yield {
            "carrier": carrier,
            "mode": mode,
            "month": month,
            "currency": currency,
            "shipments": len(shipments),
            "delivered": len(delivered),
            "on_time": len(delivered) - len(spans),
            "late": len(spans),
            "mean_hours_late": _mean_hours(spans) if spans else None,
            "attempts": sum(s.attempts for s in shipments),
            "cost": minor(sum(costs, Decimal()), currency) if costs else None,
        }


def _accounts(subjects: Mapping[tuple[str, str], Subject], orders: list[Order], at: datetime) -> Iterator[Row]:
    placed: dict[tuple[str, str], list[Order]] = defaultdict(list)
    standing: Counter[tuple[str, str]] = Counter()
    for order in orders:
        assert order.placed is not None
        if not order.is_cancelled and order.placed.get("account_id") is not None:
            placed[order.placed["account_id"], order.placed["currency"]].append(order)
    for subject in subjects.values():
        if isinstance(subject, StandingOrder) and subject.terms is not None and not subject.stopped:
            until = subject.terms.get("until")
            if until is None or date.fromisoformat(str(until)) >= at.astimezone(UTC).date():
                standing[subject.terms["account_id"], subject.terms["currency"]] += 1
    this = month_at(at, BUSINESS_ZONE)
    for account_id, currency in placed.keys() | standing.keys():
        mine = placed[account_id, currency]
        done = [order.completed for order in mine if order.completed is not None]
        on_time = sum(each["delivered_at"] <= each["promised_by"] for each in done)
        worth = defaultdict[str, Decimal](Decimal)
        for order in mine:
            worth[month_at(order.placed_at, BUSINESS_ZONE)] += order.order_value
        now, before = worth[this], worth[months_before(this)]
        account = subjects.get(("account", account_id))
        fields = account.fields if isinstance(account, Account) else {}
        yield {
            "account_id": account_id,
            "name": fields.get("name"),
            "segment": fields.get("segment"),
            "tier": fields.get("tier"),
            "rep_id": fields.get("rep_id"),
            "currency": currency,
            "orders": len(mine),
            "open_orders": sum(order.is_open for order in mine),
            "overdue": sum(order.is_overdue(at) for order in mine),
            "on_time_percent": _percent(Fraction(on_time, len(done))) if done else None,
            "order_value": minor(sum(worth.values(), Decimal()), currency),
            "value_month": minor(now, currency),
            "value_month_before": minor(before, currency),
            "growth_percent": _percent((Fraction(now) - Fraction(before)) / Fraction(before)) if before else None,
            "standing_orders": standing[account_id, currency],
            "last_order_at": max((order.placed_at for order in mine), default=None),
        }


def _percent(share: Fraction) -> Decimal:
    return Decimal(round(share * 10_000)).scaleb(-2)


def _mean_hours(spans: list[timedelta]) -> Decimal:
    exact = Fraction(sum(spans, timedelta()) // timedelta(microseconds=1), 3_600_000_000 * len(spans))
    return Decimal(round(exact * 100)).scaleb(-2)


def _follow_ups(order: Order, at: datetime) -> Iterator[Row]:
    for request, since in order.owed_at(at).items():
        about = "delay" if request is None else "expedite"
        values = (order.order_id, order.rep, request, about, since, hours(since, at))
        yield dict(zip(FOLLOW_UPS, values, strict=True))


def _workload(subjects: Mapping[tuple[str, str], Subject], orders: list[Order], at: datetime) -> Iterator[Row]:
    talks = Counter(
        rep
        for subject in subjects.values()
        if isinstance(subject, Account)
        for rep, when, _ in subject.contacts
        if at - WEEK < when <= at
    )
    reps = [s for s in subjects.values() if isinstance(s, Rep) and s.fields is not None]
    known = {s.rep_id: s.fields or {} for s in reps}
    registered = {s.rep_id for s in reps if not s.left}
    held = {order.rep for order in orders if order.is_open or order.owed_at(at)}
    for rep in held | set(talks) | registered:
        mine = [order for order in orders if order.rep == rep]
        still_open = [order for order in mine if order.is_open]
        stages = Counter(order.stage for order in still_open)
        segments = Counter(order.placed["segment"] for order in still_open if order.placed)
        person = known.get(rep or "", {})
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
            sum(len(order.owed_at(at)) for order in mine),
            sum(order.is_overdue(at) for order in still_open),
            sum(at <= order.promise <= at + DAY for order in still_open),
            sum(order.why_at_risk(at) is not None for order in still_open),
            segments["b2b"],
            segments["b2c"],
            talks[rep or ""],
        )
        yield dict(zip(WORKLOAD, values, strict=True))


def plain(value: Any) -> Any:
    """As the command writes it in JSON: instants in UTC RFC 3339, decimals as strings."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return format(value, "f") if isinstance(value, Decimal) else value
