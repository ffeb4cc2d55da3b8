"""What the naive interpreter takes for a well-formed message: the tables of docs/contract.md, written down again."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

Row = dict[str, Any]
Key = tuple[str, str, str]
"""Subject, source, id."""


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
