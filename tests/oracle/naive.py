"""A second reading of DESIGN.md, sections 3 and 5, as slow and plain as possible: the judge of the real one.

It shares nothing with the service: no import of it, no table, no kept state. Every question settles every message again
from the beginning. Where this and the service differ, one of them has misread the design.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

Row = dict[str, Any]
Key = tuple[str, str, str]
"""Subject, source, id."""

DAY, WEEK = timedelta(days=1), timedelta(days=7)
MINOR_DIGITS = {"JPY": 0, "KRW": 0, "CLP": 0, "BHD": 3, "KWD": 3, "TND": 3}
"""Digits after the point of the currencies (ISO 4217) in which that is not two."""

OVERDUE = (
    "order_id rep_id account_id segment placed_at promised_by original_promised_by hours_overdue stage carrier mode "
    "estimated_delivery expedite follow_up_owed delivery_attempts open_value currency"
).split()
WORKLOAD = (
    "rep_id name level team open_orders to_book booked in_transit partly_delivered expedites_open follow_ups_owed "
    "overdue due_in_24h at_risk open_b2b open_b2c contacts_7d"
).split()
LATE = "order_id rep_id account_id promised_by original_promised_by delivered_at hours_late mode carrier".split()
FOLLOW_UPS = "order_id rep_id request_id about owed_since hours_owed".split()


# -- the contract: what a well-formed message is ------------------------------------------------------------------


class NotInContract(Exception):
    """The line does not fit the contract."""


def identifier(value: Any) -> str:
    if isinstance(value, str) and 1 <= len(value) <= 200 and value.isprintable():
        return value
    raise NotInContract(value)


def text(value: Any) -> str:
    if isinstance(value, str) and "\0" not in value:
        return value
    raise NotInContract(value)


def instant(value: Any) -> datetime:
    try:
        parsed = datetime.fromisoformat(text(value))
    except ValueError:
        raise NotInContract(value) from None
    if parsed.tzinfo is None:
        raise NotInContract(value)
    return parsed.astimezone(UTC)


def number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise NotInContract(value)
    try:
        parsed = Decimal(value)
    except InvalidOperation:
        raise NotInContract(value) from None
    if not parsed.is_finite() or abs(parsed) >= 10**15:
        raise NotInContract(value)
    return parsed


def amount(value: Any) -> Decimal:
    if (parsed := number(value)) < 0:
        raise NotInContract(value)
    return parsed


def quantity(value: Any) -> Decimal:
    if (parsed := number(value)) <= 0:
        raise NotInContract(value)
    return parsed


def line_number(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise NotInContract(value)


def one_of(*words: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value in words:
            return str(value)
        raise NotInContract(value)

    return check


def lines_of(**fields: Callable[[Any], Any]) -> Callable[[Any], list[Row]]:
    def check(value: Any) -> list[Row]:
        if not isinstance(value, list) or not value or not all(isinstance(line, dict) for line in value):
            raise NotInContract(value)
        lines = [{name: check(line.get(name)) for name, check in fields.items()} for line in value]
        if len({line["line"] for line in lines}) < len(lines):
            raise NotInContract(value)
        return sorted(lines, key=lambda line: line["line"])

    return check


ORDERED = lines_of(line=line_number, sku=identifier, quantity=quantity, unit_price=amount)
MOVED = lines_of(line=line_number, quantity=quantity)
SEGMENT, MODE = one_of("b2b", "b2c"), one_of("courier", "in_house")
CHANNEL = one_of("inbound_call", "outbound_call", "counter", "visit", "online", "standing_order")
LEVEL, MONTH, CURRENCY = one_of("entry", "senior"), text, text

# Each type in the order of the table: the fields that must be there, and those that may be.
Fields = dict[str, Callable[[Any], Any]]
CONTRACT: dict[str, tuple[Fields, Fields]] = {
    "order.placed.v1": (
        {
            "account_id": identifier,
            "rep_id": identifier,
            "segment": SEGMENT,
            "channel": CHANNEL,
            "currency": CURRENCY,
            "lines": ORDERED,
            "promised_by": instant,
        },
        {"standing_order_id": identifier, "reference": text},
    ),
    "order.amended.v1": ({"lines": ORDERED}, {"reason": text}),
    "order.reassigned.v1": ({"rep_id": identifier}, {"reason": text}),
    "order.rescheduled.v1": ({"promised_by": instant, "reason": text}, {}),
    "order.cancelled.v1": ({"reason": text}, {}),
    "expedite.requested.v1": (
        {"request_id": identifier, "needed_by": instant, "reason": text},
        {"requested_by": one_of("customer", "rep")},
    ),
    "expedite.granted.v1": ({"request_id": identifier, "promised_by": instant}, {"surcharge": amount}),
    "expedite.declined.v1": ({"request_id": identifier, "reason": text}, {}),
    "customer.informed.v1": (
        {"about": one_of("expedite", "delay", "other")},
        {"request_id": identifier, "channel": text, "note": text},
    ),
    "shipment.booked.v1": (
        {"shipment_id": identifier, "mode": MODE, "carrier": text, "estimated_delivery": instant},
        {"service_level": text, "lines": MOVED, "pickup_at": instant, "cost": amount, "tracking_number": text},
    ),
    "shipment.rebooked.v1": (
        {"shipment_id": identifier, "estimated_delivery": instant, "reason": text},
        {"carrier": text, "mode": MODE, "service_level": text, "cost": amount, "tracking_number": text},
    ),
    "shipment.dispatched.v1": ({"shipment_id": identifier}, {}),
    "shipment.delayed.v1": ({"shipment_id": identifier, "estimated_delivery": instant, "reason": text}, {}),
    "shipment.cancelled.v1": ({"shipment_id": identifier, "reason": text}, {}),
    "delivery.attempted.v1": ({"shipment_id": identifier, "reason": text}, {}),
    "delivery.confirmed.v1": ({"shipment_id": identifier}, {"lines": MOVED, "signed_by": text}),
    "message.voided.v1": ({"source": identifier, "id": identifier, "reason": text}, {}),
    "customer.contacted.v1": (
        {
            "direction": one_of("inbound", "outbound"),
            "about": one_of("order", "inquiry", "account_update", "promotion"),
            "rep_id": identifier,
        },
        {"note": text},
    ),
    "rep.registered.v1": ({"name": text, "level": LEVEL}, {"team": text, "mentor_id": identifier}),
    "rep.changed.v1": ({}, {"name": text, "level": LEVEL, "team": text, "mentor_id": identifier}),
    "rep.quota_set.v1": ({"month": MONTH, "currency": CURRENCY}, {"target_amount": amount, "growth_percent": number}),
    "rep.pay_plan_set.v1": (
        {"month": MONTH, "base": amount, "currency": CURRENCY, "commission_percent": amount},
        {"quota_bonus": amount, "new_account_bonus": amount},
    ),
    "account.registered.v1": (
        {"name": text, "segment": SEGMENT},
        {"rep_id": identifier, "tier": text, "time_zone": text},
    ),
    "account.assigned.v1": ({"rep_id": identifier}, {}),
}
RANK = {name: rank for rank, name in enumerate(CONTRACT)}
VOID = "message.voided.v1"
SAYS_CHANGES = ("rep.changed.v1", "shipment.rebooked.v1")
"""Where an absent field stays as it is and null clears it; elsewhere null says as little as an absent one."""


@dataclass(frozen=True)
class Message:
    """A well-formed message."""

    subject: str
    source: str
    id: str
    type: str
    time: datetime
    recorded: datetime | None
    data: Row = field(hash=False)

    @property
    def key(self) -> Key:
        return self.subject, self.source, self.id

    @property
    def place(self) -> tuple[datetime, int, str, str]:
        return self.time, RANK[self.type], self.source, self.id

    @property
    def kind(self) -> str:
        """What it is about; of a void only the message that it names can tell."""
        head = self.type.split(".")[0]
        return "" if self.type == VOID else {"rep": "rep", "account": "account"}.get(head, self._other())

    def _other(self) -> str:
        return "account" if self.type == "customer.contacted.v1" else "order"

    @property
    def names(self) -> Key:
        """The message that a void names."""
        return self.subject, self.data["source"], self.data["id"]


def read(line: bytes) -> Message:
    """Raises NotInContract."""
    try:
        document = json.loads(line.decode("utf-8"), parse_float=Decimal)
    except ValueError:
        raise NotInContract(line) from None
    if not isinstance(document, dict) or document.get("specversion") != "1.0":
        raise NotInContract(document)
    type_, data = document.get("type"), document.get("data")
    if not isinstance(type_, str) or type_ not in CONTRACT or not isinstance(data, dict):
        raise NotInContract(type_)
    required, optional = CONTRACT[type_]
    said = {name: check(data.get(name)) for name, check in required.items()}
    for name, check in optional.items():
        if data.get(name) is not None:
            said[name] = check(data[name])
        elif name in data and type_ in SAYS_CHANGES:
            said[name] = None
    recorded = document.get("recordedtime")
    return Message(
        identifier(document.get("subject")),
        identifier(document.get("source")),
        identifier(document.get("id")),
        type_,
        instant(document.get("time")),
        None if recorded is None else instant(recorded),
        said,
    )


# -- settling -----------------------------------------------------------------------------------------------------


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
        if shipment.cancelled:
            return "refused"
        if shipment.dispatched or shipment.is_delivered:
            return "duplicate"
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
                "mode": self.last_confirmed.mode,
                "carrier": self.last_confirmed.carrier,
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


# -- everything that came in --------------------------------------------------------------------------------------


class Naive:
    """All lines of one or more files, in the order in which they came."""

    def __init__(self, lines: Iterable[bytes]):
        self.messages: dict[Key, Message] = {}
        self.malformed: set[str] = set()
        self.repeated = 0
        self.received = 0
        for line in lines:
            self.received += 1
            try:
                message = read(line)
            except NotInContract:
                name = hashlib.sha256(line.strip(b" \t\r\n")).hexdigest()
                self.repeated += name in self.malformed
                self.malformed.add(name)
                continue
            self.repeated += message.key in self.messages
            self.messages.setdefault(message.key, message)

    def verdicts(self) -> dict[Key, str]:
        """Of every well-formed message, all of them being known."""
        return self.settled()[1]

    def books(self) -> dict[str, int]:
        """With no message held for too long."""
        count = Counter(self.verdicts().values())
        return {
            "received": self.received,
            "applied": count["applied"],
            "duplicate": count["duplicate"] + self.repeated,
            "held": count["held"],
            "dead": count["refused"] + len(self.malformed),
        }

    def settled(
        self, as_of: datetime | None = None, known_at: datetime | None = None
    ) -> tuple[dict[tuple[str, str], Subject], dict[Key, str]]:
        """Every subject by kind and id, and every verdict: by what had happened at `as_of`, as known at `known_at`."""
        counted = {
            key: message
            for key, message in self.messages.items()
            if (as_of is None or message.type == VOID or message.time <= as_of)
            and (known_at is None or message.recorded is None or message.recorded <= known_at)
        }
        voids: dict[Key, list[Message]] = defaultdict(list)
        for message in counted.values():
            if message.type == VOID:
                voids[message.names].append(message)

        def is_voided(key: Key) -> bool:
            return any(not is_voided(void.key) for void in voids.get(key, ()))

        verdicts: dict[Key, str] = {}
        by_subject: dict[tuple[str, str], list[Message]] = defaultdict(list)
        for key, message in counted.items():
            if is_voided(key):
                verdicts[key] = "refused"
            elif message.type == VOID:
                verdicts[key] = "applied" if message.names in counted else "held"
            else:
                by_subject[message.kind, message.subject].append(message)
        subjects: dict[tuple[str, str], Subject] = {}
        for (kind, subject_id), messages in by_subject.items():
            subject = {"order": Order, "rep": Rep, "account": Account}[kind](subject_id)
            verdicts |= settle(subject, messages)
            subjects[kind, subject_id] = subject
        return subjects, verdicts

    def ask(self, view: str, at: datetime, known_at: datetime | None = None, *, as_of: bool = True) -> list[Row]:
        """A view at an instant. With `as_of` false every message counts and `at` is merely the clock."""
        subjects, _ = self.settled(at if as_of else None, known_at)
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
        return [{name: _plain(value) for name, value in row.items()} for row in rows]


# -- the views ----------------------------------------------------------------------------------------------------


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
        done["mode"],
        done["carrier"],
    )
    yield dict(zip(LATE, values, strict=True))


def _follow_ups(order: Order, at: datetime) -> Iterator[Row]:
    for request, since in order.owed.items():
        about = "delay" if request is None else "expedite"
        values = (order.order_id, order.rep, request, about, since, hours(since, at))
        yield dict(zip(FOLLOW_UPS, values, strict=True))


def _workload(subjects: dict[tuple[str, str], Subject], orders: list[Order], at: datetime) -> Iterator[Row]:
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


def _plain(value: Any) -> Any:
    """As the command writes it in JSON: instants in UTC RFC 3339, decimals as strings."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return format(value, "f") if isinstance(value, Decimal) else value
