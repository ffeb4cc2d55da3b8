"""Answers computed straight from the rows of the real histories: every order there is placed, booked and perhaps
delivered, each once, so a few comparisons say all. Nothing is settled and nothing is shared with the service.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any

Row = dict[str, Any]
DAY = timedelta(days=1)
LAPSE = timedelta(days=30)


def read_instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def shown(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat().replace("+00:00", "Z")


def hours(start: datetime, end: datetime) -> str:
    """Two places, half-even: as a fraction is rounded."""
    return two_places(Fraction((end - start) // timedelta(microseconds=1), 3_600_000_000))


def two_places(exact: Fraction) -> str:
    return f"{Decimal(round(exact * 100)).scaleb(-2):.2f}"


@dataclass(frozen=True)
class Told:
    """Something happened, and somebody heard of it."""

    at: datetime
    heard: datetime
    data: Row

    def counts(self, as_of: datetime | None, known_at: datetime | None) -> bool:
        return (as_of is None or self.at <= as_of) and (known_at is None or self.heard <= known_at)


@dataclass(frozen=True)
class Order:
    """What can be seen of an order by two clocks. Nothing takes effect before what it builds on."""

    order_id: str
    placed: Told
    booked: Told | None
    delivered: Told | None

    @property
    def rep(self) -> str:
        return str(self.placed.data["rep_id"])

    @property
    def promise(self) -> datetime:
        return read_instant(self.placed.data["promised_by"])

    @property
    def delivered_at(self) -> datetime | None:
        if self.delivered is None or self.booked is None:
            return None
        return max(self.placed.at, self.booked.at, self.delivered.at)

    @property
    def estimate(self) -> datetime | None:
        return None if self.booked is None else read_instant(self.booked.data["estimated_delivery"])

    def owes_follow_up(self, at: datetime) -> bool:
        """Nobody tells a customer anything in these histories: late news is owed from when it came (the booking of a
        late shipment, or the promise's passing) until the goods come in time, or for 30 days after they came late."""
        if self.delivered_at is not None:
            return self.delivered_at > self.promise and at - self.delivered_at < LAPSE
        return self.promise < at or (self.estimate is not None and self.estimate > self.promise)

    def is_overdue(self, at: datetime) -> bool:
        return self.delivered_at is None and self.promise < at

    @property
    def value(self) -> Fraction:
        """Rounded half-even to cents: all these histories are in currencies that have them."""
        lines = self.placed.data["lines"]
        exact = sum((Fraction(str(li["quantity"])) * Fraction(str(li["unit_price"])) for li in lines), Fraction(0))
        return Fraction(round(exact * 100), 100)

    def why_at_risk(self, at: datetime) -> str | None:
        if self.delivered_at is not None or self.promise < at:
            return None
        if self.estimate is None:
            return "not_booked" if self.promise <= at + DAY else None
        return "estimate_late" if self.estimate > self.promise else "estimate_passed" if self.estimate < at else None

    def overdue_row(self, at: datetime) -> Row:
        return self._row(at, hours_overdue=hours(self.promise, at))

    def at_risk_row(self, at: datetime) -> Row:
        return {**self._row(at, hours_left=hours(at, self.promise)), "why": self.why_at_risk(at)}

    def _row(self, at: datetime, **told_hours: str) -> Row:
        data = self.placed.data
        return {
            "order_id": self.order_id,
            "rep_id": self.rep,
            "account_id": data["account_id"],
            "segment": data["segment"],
            "placed_at": shown(self.placed.at),
            "promised_by": shown(self.promise),
            "original_promised_by": shown(self.promise),
            **told_hours,
            "stage": "to_book" if self.booked is None else "booked",
            "carrier": self.booked and self.booked.data["carrier"],
            "mode": self.booked and self.booked.data["mode"],
            "estimated_delivery": shown(self.estimate),
            "expedite": "none",
            "follow_up_owed": self.owes_follow_up(at),
            "delivery_attempts": 0,
            "open_value": two_places(self.value),
            "currency": data["currency"],
            "untaken_messages": 0,
        }


class Straight:
    """The rows of one history."""

    def __init__(self, lines: Iterable[bytes]):
        self._orders: dict[str, dict[str, Told]] = {}
        self._reps: dict[str, Told] = {}
        self._accounts: dict[str, Told] = {}
        for line in lines:
            message = json.loads(line, parse_float=Decimal)
            at = read_instant(message["time"])
            heard = read_instant(message["recordedtime"]) if "recordedtime" in message else at
            told = Told(at, heard, message["data"])
            if message["type"] == "rep.registered.v1":
                self._reps[message["subject"]] = told
            elif message["type"] == "account.registered.v1":
                self._accounts[message["subject"]] = told
            else:
                order = self._orders.setdefault(message["subject"], {})
                assert message["type"] not in order, "these histories say everything once"
                order[message["type"]] = told

    def orders(self, as_of: datetime | None = None, known_at: datetime | None = None) -> Iterator[Order]:
        for order_id, told in self._orders.items():
            counted = {kind: t for kind, t in told.items() if t.counts(as_of, known_at)}
            placed = counted.get("order.placed.v1")
            if placed is not None:
                booked, delivered = counted.get("shipment.booked.v1"), counted.get("delivery.confirmed.v1")
                yield Order(order_id, placed, booked, delivered)

    def ask(self, view: str, at: datetime, known_at: datetime | None = None, *, as_of: bool = True) -> list[Row]:
        """A view at an instant. With `as_of` false everything counts and `at` is merely the clock."""
        limit = at if as_of else None
        orders = list(self.orders(limit, known_at))
        match view:
            case "overdue":
                return [order.overdue_row(at) for order in orders if order.is_overdue(at)]
            case "at-risk":
                return [order.at_risk_row(at) for order in orders if order.why_at_risk(at)]
            case "late":
                return list(_late(orders))
            case "accounts":
                accounts = {key: told for key, told in self._accounts.items() if told.counts(limit, known_at)}
                return list(_book(orders, accounts, at))
            case "carriers":
                return list(_carriers(orders))
            case "workload":
                reps = {rep: told for rep, told in self._reps.items() if told.counts(limit, known_at)}
                return list(_workload(orders, reps, at))
            case "scorecard":
                return list(_scorecards(orders))
        raise KeyError(view)


def _late(orders: Iterable[Order]) -> Iterator[Row]:
    for order in orders:
        arrived = order.delivered_at
        if arrived is not None and order.booked is not None and arrived > order.promise:
            yield {
                "order_id": order.order_id,
                "rep_id": order.rep,
                "account_id": order.placed.data["account_id"],
                "promised_by": shown(order.promise),
                "original_promised_by": shown(order.promise),
                "delivered_at": shown(arrived),
                "hours_late": hours(order.promise, arrived),
                "mode": order.booked.data["mode"],
                "carrier": order.booked.data["carrier"],
                "last_delivered_at": shown(arrived),
                "short": False,
            }


def _carriers(orders: Iterable[Order]) -> Iterator[Row]:
    booked: dict[tuple[str, ...], list[tuple[Order, Told]]] = defaultdict(list)
    for order in orders:
        if order.booked is not None:
            data, month = order.booked.data, f"{max(order.placed.at, order.booked.at):%Y-%m}"
            key = (data["carrier"], data["mode"], month, order.placed.data["currency"])
            booked[key].append((order, order.booked))
    for (carrier, mode, month, currency), shipments in booked.items():
        arrived = [(order.delivered_at, order.promise) for order, _ in shipments if order.delivered_at is not None]
        late = [(at - promise) // timedelta(microseconds=1) for at, promise in arrived if at > promise]
        costs = [_cost(told.data["cost"]) for _, told in shipments if told.data.get("cost") is not None]
        yield {
            "carrier": carrier,
            "mode": mode,
            "month": month,
            "currency": currency,
            "shipments": len(shipments),
            "delivered": len(arrived),
            "on_time": len(arrived) - len(late),
            "late": len(late),
            "mean_hours_late": two_places(Fraction(sum(late), 3_600_000_000 * len(late))) if late else None,
            "attempts": 0,
            "cost": two_places(sum(map(Fraction, costs), Fraction())) if costs else None,
        }


def _book(orders: Iterable[Order], accounts: dict[str, Told], at: datetime) -> Iterator[Row]:
    this, before = f"{at:%Y-%m}", f"{at.replace(day=1) - DAY:%Y-%m}"
    by_account: dict[tuple[str, str], list[Order]] = defaultdict(list)
    for order in orders:
        by_account[order.placed.data["account_id"], order.placed.data["currency"]].append(order)
    for (account, currency), mine in by_account.items():
        worth = defaultdict[str, Fraction](Fraction)
        for order in mine:
            worth[f"{order.placed.at:%Y-%m}"] += order.value
        done = [order for order in mine if order.delivered_at is not None]
        on_time = sum(order.delivered_at <= order.promise for order in done if order.delivered_at)
        growth = 100 * (worth[this] / worth[before] - 1) if worth[before] else None
        person = accounts[account].data if account in accounts else {}
        yield {
            "account_id": account,
            "name": person.get("name"),
            "segment": person.get("segment"),
            "tier": person.get("tier"),
            "rep_id": person.get("rep_id"),
            "currency": currency,
            "orders": len(mine),
            "open_orders": len(mine) - len(done),
            "overdue": sum(order.is_overdue(at) for order in mine),
            "on_time_percent": two_places(Fraction(100 * on_time, len(done))) if done else None,
            "order_value": two_places(sum(worth.values(), Fraction())),
            "value_month": two_places(worth[this]),
            "value_month_before": two_places(worth[before]),
            "growth_percent": None if growth is None else two_places(growth),
            "standing_orders": 0,
            "last_order_at": shown(max(order.placed.at for order in mine)),
        }


def _cost(said: Any) -> Decimal:
    """As the contract reads it: what goes beyond six places is rounded."""
    return Decimal(str(said)).quantize(Decimal("0.000001"), ROUND_HALF_EVEN)


def _workload(orders: Iterable[Order], reps: dict[str, Told], at: datetime) -> Iterator[Row]:
    everything = list(orders)
    still_open = [order for order in everything if order.delivered_at is None]
    owing = [order for order in everything if order.owes_follow_up(at)]
    for rep in {order.rep for order in still_open + owing} | set(reps):
        mine = [order for order in still_open if order.rep == rep]
        person = reps[rep].data if rep in reps else {}
        yield {
            "rep_id": rep,
            "name": person.get("name"),
            "level": person.get("level"),
            "team": person.get("team"),
            "open_orders": len(mine),
            "to_book": sum(order.booked is None for order in mine),
            "booked": sum(order.booked is not None for order in mine),
            "in_transit": 0,
            "partly_delivered": 0,
            "expedites_open": 0,
            "follow_ups_owed": sum(order.rep == rep for order in owing),
            "overdue": sum(order.is_overdue(at) for order in mine),
            "due_in_24h": sum(at <= order.promise <= at + DAY for order in mine),
            "at_risk": sum(order.why_at_risk(at) is not None for order in mine),
            "open_b2b": sum(order.placed.data["segment"] == "b2b" for order in mine),
            "open_b2c": sum(order.placed.data["segment"] == "b2c" for order in mine),
            "contacts_7d": 0,
        }


def _scorecards(orders: Iterable[Order]) -> Iterator[Row]:
    """Nobody has a quota or a pay plan in these histories, and months are those of UTC."""
    placed: dict[tuple[str, str, str], list[Order]] = defaultdict(list)
    arrived: dict[tuple[str, str, str], list[Order]] = defaultdict(list)
    for order in orders:
        currency = order.placed.data["currency"]
        placed[order.rep, f"{order.placed.at:%Y-%m}", currency].append(order)
        if order.delivered_at is not None:
            arrived[order.rep, f"{order.delivered_at:%Y-%m}", currency].append(order)
    for key in placed.keys() | arrived.keys():
        delivered = arrived[key]
        on_time = sum(order.delivered_at is not None and order.delivered_at <= order.promise for order in delivered)
        share = Fraction(on_time, len(delivered)) if delivered else None
        yield {
            **dict(zip(("rep_id", "month", "currency"), key, strict=True)),
            "delivered": len(delivered),
            "on_time": on_time,
            "late": len(delivered) - on_time,
            "otif_percent": None if share is None else two_places(share * 100),
            **dict.fromkeys(("expedites_requested", "expedites_granted", "expedites_met"), 0),
            "placed_value": two_places(sum((order.value for order in placed[key]), Fraction(0))),
            "delivered_value": two_places(sum((order.value for order in delivered), Fraction(0))),
            **dict.fromkeys(("quota", "attainment_percent", "base", "commission", "bonus", "pay")),
        }
