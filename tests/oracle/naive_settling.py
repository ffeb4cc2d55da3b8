"""How the naive interpreter settles a subject: the five rules of docs/settling.md, and an order's rules."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from tests.oracle.naive_reading import Key, Message, Row

DAY = timedelta(days=1)
MINOR_DIGITS = {"JPY": 0, "KRW": 0, "CLP": 0, "BHD": 3, "KWD": 3, "TND": 3}
"""Digits after the point of the currencies (ISO 4217) in which that is not two."""


@dataclass
class Shipment:
    booked: Row
    carrier: str
    mode: str
    estimate: datetime
    left: dict[int, Decimal]
    cancelled: bool = False
    dispatched: bool = False

    @property
    def is_delivered(self) -> bool:
        return not any(self.left.values())

    @property
    def is_live(self) -> bool:
        return not self.cancelled and not self.is_delivered


@dataclass
class Request:
    asked: Row
    decision: tuple[str, Row] | None = None
    informed: bool = False


class Subject:
    """Something that messages are about. `waits` says whether a message names what is not there; `take` judges it."""

    def waits(self, message: Message) -> bool:
        return False

    def take(self, message: Message, now: datetime) -> str:
        return "applied"


class Order(Subject):
    def __init__(self, order_id: str):
        self.order_id = order_id
        self.placed: Row | None = None
        self.placed_at = datetime.max
        self.rep = ""
        self.promise = datetime.max
        self.lines: dict[int, Row] = {}
        self.delivered: dict[int, Decimal] = defaultdict(Decimal)
        self.cancelled = False
        self.completed: Row | None = None
        self.shipments: dict[str, Shipment] = {}
        self.requests: dict[str, Request] = {}
        self.latest_decision = "none"
        self.attempts = 0
        self.owed: dict[str | None, datetime] = {}
        """Since when: by request for a declined expedite, under None for a delay."""

    def waits(self, message: Message) -> bool:
        if message.type == "order.placed.v1":
            return False
        if self.placed is None:
            return True
        data = message.data
        if message.type not in ("shipment.booked.v1",) and "shipment_id" in data:
            return data["shipment_id"] not in self.shipments
        if message.type not in ("expedite.requested.v1",) and "request_id" in data:
            return data["request_id"] not in self.requests
        return False

    def take(self, message: Message, now: datetime) -> str:
        judge = getattr(self, message.type.removesuffix(".v1").replace(".", "_"))
        verdict: str | None = judge(message.data, now)
        return verdict or "applied"

    @property
    def is_closed(self) -> bool:
        return self.cancelled or self.completed is not None

    @property
    def is_open(self) -> bool:
        return self.placed is not None and not self.is_closed

    def order_placed(self, data: Row, now: datetime) -> str | None:
        if self.placed is not None:
            return "duplicate" if data == self.placed else "refused"
        self.placed, self.placed_at = data, now
        self.rep, self.promise = data["rep_id"], data["promised_by"]
        self.lines = {line["line"]: line for line in data["lines"]}
        return None

    def order_amended(self, data: Row, now: datetime) -> str | None:
        lines = {line["line"]: line for line in data["lines"]}
        too_few = any(q and (n not in lines or lines[n]["quantity"] < q) for n, q in self.delivered.items())
        if self.is_closed or too_few:
            return "refused"
        self.lines = lines
        self._complete_if_all_is_there(now)
        return None

    def order_reassigned(self, data: Row, now: datetime) -> str | None:
        self.rep = data["rep_id"]
        return None

    def order_rescheduled(self, data: Row, now: datetime) -> str | None:
        if self.is_closed:
            return "refused"
        self.promise = data["promised_by"]
        return None

    def order_cancelled(self, data: Row, now: datetime) -> str | None:
        if self.cancelled:
            return "duplicate"
        if any(self.delivered.values()):
            return "refused"
        self.cancelled = True
        for shipment in self.shipments.values():
            shipment.cancelled = True
        return None

    def expedite_requested(self, data: Row, now: datetime) -> str | None:
        before = self.requests.get(data["request_id"])
        if before is not None:
            return "duplicate" if before.asked == data else "refused"
        if self.is_closed:
            return "refused"
        self.requests[data["request_id"]] = Request(data)
        return None

    def expedite_granted(self, data: Row, now: datetime) -> str | None:
        request = self.requests[data["request_id"]]
        if request.decision is not None:
            return "duplicate" if request.decision == ("granted", data) else "refused"
        if self.is_closed or data["promised_by"] > self.promise:
            return "refused"
        request.decision = ("granted", data)
        self.latest_decision = "granted"
        self.promise = data["promised_by"]
        return None

    def expedite_declined(self, data: Row, now: datetime) -> str | None:
        request = self.requests[data["request_id"]]
        if request.decision is not None:
            return "duplicate" if request.decision == ("declined", data) else "refused"
        request.decision = ("declined", data)
        self.latest_decision = "declined"
        if not request.informed:
            self.owed[data["request_id"]] = now
        return None

    def customer_informed(self, data: Row, now: datetime) -> str | None:
        if data["about"] == "delay":
            self.owed.pop(None, None)
        elif data["about"] == "expedite" and "request_id" in data:
            self.requests[data["request_id"]].informed = True
            self.owed.pop(data["request_id"], None)
        elif data["about"] == "expedite":
            self.owed = {request: since for request, since in self.owed.items() if request is None}
        return None

    def left_to_book(self, line: int) -> Decimal:
        carried = sum((s.left.get(line, Decimal()) for s in self.shipments.values() if s.is_live), Decimal())
        return Decimal(self.lines[line]["quantity"]) - self.delivered[line] - carried

    def shipment_booked(self, data: Row, now: datetime) -> str | None:
        before = self.shipments.get(data["shipment_id"])
        if before is not None:
            return "duplicate" if before.booked == data else "refused"
        left = {line: self.left_to_book(line) for line in self.lines}
        if "lines" in data:
            taken = {line["line"]: line["quantity"] for line in data["lines"]}
        else:
            taken = {line: q for line, q in left.items() if q > 0}
        if self.is_closed or not taken or any(line not in left or q > left[line] for line, q in taken.items()):
            return "refused"
        self.shipments[data["shipment_id"]] = Shipment(
            data, data["carrier"], data["mode"], data["estimated_delivery"], taken
        )
        return None

    def shipment_rebooked(self, data: Row, now: datetime) -> str | None:
        shipment = self.shipments[data["shipment_id"]]
        if not shipment.is_live:
            return "refused"
        shipment.carrier = data.get("carrier") or shipment.carrier
        shipment.mode = data.get("mode") or shipment.mode
        shipment.estimate = data["estimated_delivery"]
        return None

    def shipment_dispatched(self, data: Row, now: datetime) -> str | None:
        shipment = self.shipments[data["shipment_id"]]
        if shipment.dispatched or shipment.is_delivered:
            return "duplicate"
        if shipment.cancelled:
            return "refused"
        shipment.dispatched = True
        return None

    def shipment_delayed(self, data: Row, now: datetime) -> str | None:
        shipment = self.shipments[data["shipment_id"]]
        if not shipment.is_live:
            return "refused"
        shipment.estimate = data["estimated_delivery"]
        if shipment.estimate > self.promise:
            self.owed.setdefault(None, now)
        return None

    def shipment_cancelled(self, data: Row, now: datetime) -> str | None:
        shipment = self.shipments[data["shipment_id"]]
        if shipment.cancelled:
            return "duplicate"
        if shipment.is_delivered:
            return "refused"
        shipment.cancelled = True
        return None

    def delivery_attempted(self, data: Row, now: datetime) -> str | None:
        if not self.shipments[data["shipment_id"]].is_live:
            return "refused"
        self.attempts += 1
        return None

    def delivery_confirmed(self, data: Row, now: datetime) -> str | None:
        shipment = self.shipments[data["shipment_id"]]
        if shipment.is_delivered and "lines" not in data:
            return "duplicate"
        if not shipment.is_live:
            return "refused"
        given = {line["line"]: line["quantity"] for line in data["lines"]} if "lines" in data else dict(shipment.left)
        if any(q > shipment.left.get(line, 0) for line, q in given.items()):
            return "refused"
        for line, q in given.items():
            shipment.left[line] -= q
            self.delivered[line] += q
        self.last_confirmed = shipment
        self._complete_if_all_is_there(now)
        return None

    def _complete_if_all_is_there(self, now: datetime) -> None:
        if self.completed is None and all(self.delivered[n] >= line["quantity"] for n, line in self.lines.items()):
            self.completed = {
                "rep_id": self.rep,
                "promised_by": self.promise,
                "delivered_at": now,
            }

    # How an open order looks.

    @property
    def live(self) -> list[Shipment]:
        """Live shipments; the last is the one with the latest estimate, then the greater id."""
        live = [(s.estimate, shipment_id, s) for shipment_id, s in self.shipments.items() if s.is_live]
        return [shipment for _, _, shipment in sorted(live, key=lambda found: found[:2])]

    @property
    def stage(self) -> str:
        if any(self.delivered.values()):
            return "partly_delivered"
        if not self.live:
            return "to_book"
        return "in_transit" if any(s.dispatched for s in self.live) else "booked"

    @property
    def undecided(self) -> int:
        return sum(request.decision is None for request in self.requests.values())

    @property
    def open_value(self) -> Decimal:
        assert self.placed is not None
        value = sum(
            ((line["quantity"] - self.delivered[n]) * line["unit_price"] for n, line in self.lines.items()), Decimal()
        )
        digits = MINOR_DIGITS.get(self.placed["currency"], 2)
        return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)

    def is_overdue(self, at: datetime) -> bool:
        return self.is_open and self.promise < at

    def is_at_risk(self, at: datetime) -> bool:
        if not self.is_open or self.promise < at:
            return False
        estimated_late = bool(self.live) and self.live[-1].estimate > self.promise
        unbooked = any(self.left_to_book(line) > 0 for line in self.lines)
        return estimated_late or (unbooked and self.promise <= at + DAY)


class Rep(Subject):
    def __init__(self, rep_id: str):
        self.rep_id = rep_id
        self.fields: Row | None = None

    def waits(self, message: Message) -> bool:
        return message.type == "rep.changed.v1" and self.fields is None

    def take(self, message: Message, now: datetime) -> str:
        if message.type == "rep.registered.v1":
            self.fields = dict(message.data)
        elif message.type == "rep.changed.v1" and self.fields is not None:
            self.fields |= message.data
        return "applied"


class Account(Subject):
    def __init__(self, account_id: str):
        self.contacts: list[tuple[str, datetime]] = []

    def take(self, message: Message, now: datetime) -> str:
        if message.type == "customer.contacted.v1":
            self.contacts.append((message.data["rep_id"], now))
        return "applied"


def settle(subject: Subject, messages: Iterable[Message]) -> dict[Key, str]:
    """The five rules of settling, for messages that nobody voided. Whatever can go on is tried after every change."""
    verdicts: dict[Key, str] = {}
    waiting: list[Message] = []
    forbidden: list[Message] = []
    now = datetime.min
    for message in sorted(messages, key=lambda m: m.place):
        if message.time != now:
            now = message.time
            forbidden = []
        waiting.append(message)
        verdicts[message.key] = "held"
        while _one_more_applies(subject, waiting, forbidden, verdicts, now):
            pass
    return verdicts


def _one_more_applies(
    subject: Subject, waiting: list[Message], forbidden: list[Message], verdicts: dict[Key, str], now: datetime
) -> bool:
    for candidate in sorted([*waiting, *forbidden], key=lambda m: m.place):
        if subject.waits(candidate):
            continue
        verdict = verdicts[candidate.key] = subject.take(candidate, now)
        for pile in (waiting, forbidden):
            if candidate in pile:
                pile.remove(candidate)
        if verdict == "applied":
            return True
        if verdict == "refused":
            forbidden.append(candidate)
    return False
