"""What the naive interpreter takes for a well-formed message: the tables of docs/contract.md, written down again."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Row = dict[str, Any]
Key = tuple[str, str, str]
"""Subject, source, id."""

BUSINESS_ZONE = "UTC"
SIXTH_PLACE = Decimal("0.000001")
WIDE = Context(prec=60)


class NotInContract(Exception):
    """The line does not fit the contract."""


def identifier(value: Any) -> str:
    if isinstance(value, str) and 1 <= len(value) <= 200 and all(map(may_stand_in_an_id, value)):
        return value
    raise NotInContract(value)


def may_stand_in_an_id(character: str) -> bool:
    """CloudEvents' String: no control characters, no surrogates, no noncharacters."""
    code = ord(character)
    control = code <= 0x1F or 0x7F <= code <= 0x9F
    surrogate = 0xD800 <= code <= 0xDFFF
    noncharacter = 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE
    return not (control or surrogate or noncharacter)


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


@dataclass(frozen=True)
class Day:
    """A date alone: the instant depends on the message's time zone."""

    day: date
    end: bool

    def instant(self, zone: str) -> datetime:
        day = self.day + timedelta(days=1) if self.end else self.day
        return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def end_of_day(value: Any) -> datetime | Day:
    return instant_or_day(value, end=True)


def beginning_of_day(value: Any) -> datetime | Day:
    return instant_or_day(value, end=False)


def instant_or_day(value: Any, *, end: bool) -> datetime | Day:
    if isinstance(value, str) and len(value) == len("2025-03-03"):
        try:
            return Day(date.fromisoformat(value), end)
        except ValueError:
            raise NotInContract(value) from None
    return instant(value)


def zone_name(value: Any) -> str:
    try:
        ZoneInfo(text(value))
    except (ZoneInfoNotFoundError, ValueError):
        raise NotInContract(value) from None
    return str(value)


def number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise NotInContract(value)
    try:
        parsed = Decimal(value)
    except InvalidOperation:
        raise NotInContract(value) from None
    if not parsed.is_finite() or abs(parsed) >= 10**15:
        raise NotInContract(value)
    return parsed.quantize(SIXTH_PLACE, ROUND_HALF_EVEN, WIDE).normalize(WIDE)


def amount(value: Any) -> Decimal:
    if (parsed := number(value)) < 0:
        raise NotInContract(value)
    return parsed


def line_name(value: Any) -> str:
    """A whole number or an id, as text: 1, 1.0 and "1" are one line."""
    if isinstance(value, bool):
        raise NotInContract(value)
    if isinstance(value, int | Decimal):
        if value != int(value) or not 0 <= value <= 10**18:
            raise NotInContract(value)
        return str(int(value))
    return identifier(value)


def one_of(*words: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value in words:
            return str(value)
        raise NotInContract(value)

    return check


def names(value: Any) -> list[str]:
    if not isinstance(value, list) or not value:
        raise NotInContract(value)
    return sorted(map(identifier, value))


def rows_of_lines(value: Any, required: "Fields", optional: "Fields") -> dict[str, Row]:
    """By line, without rows that say nothing; at least one must say something."""
    if not isinstance(value, list) or not all(isinstance(line, dict) for line in value):
        raise NotInContract(value)
    rows = [fields_of(line, required, optional) for line in value]
    told = {row["line"]: row for row in rows if row["quantity"]}
    if len({row["line"] for row in rows}) < len(rows) or not told:
        raise NotInContract(value)
    return told


def ordered(value: Any) -> dict[str, Row]:
    lines = rows_of_lines(
        value,
        {"line": line_name, "quantity": amount, "unit_price": number},
        {"sku": identifier, "kind": one_of("goods", "charge"), "promised_by": end_of_day},
    )
    for line in lines.values():
        line.setdefault("kind", "goods")
        if line["kind"] == "goods" and line["unit_price"] < 0:
            raise NotInContract(value)
    if all(line["kind"] == "charge" for line in lines.values()):
        raise NotInContract(value)
    return lines


def moved(value: Any) -> dict[str, Decimal]:
    rows = rows_of_lines(value, {"line": line_name, "quantity": amount}, {})
    return {line: row["quantity"] for line, row in rows.items()}


def truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise NotInContract(value)


def day(value: Any) -> date:
    found = end_of_day(value)
    if isinstance(found, Day):
        return found.day
    raise NotInContract(value)


def whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or value != int(value) or value < 0:
        raise NotInContract(value)
    return int(value)


def how_often(value: Any) -> tuple[str, int]:
    """The unit, and how many or which."""
    said = {name: part for name, part in value.items() if part is not None} if isinstance(value, dict) else {}
    names_of_days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    for name, part in said.items():
        if name == "weekday" and isinstance(part, str) and part.lower() in names_of_days:
            said[name] = names_of_days.index(part.lower()) + 1
    units = [name for name in ("days", "weekday", "month_day") if name in said]
    if len(units) != 1 or whole(said[units[0]]) not in {"weekday": range(1, 8), "month_day": range(1, 32)}.get(
        units[0], range(1, 10**9)
    ):
        raise NotInContract(value)
    return units[0], whole(said[units[0]])


SEGMENT, MODE = one_of("b2b", "b2c"), one_of("courier", "in_house", "pickup")
CHANNEL = one_of("inbound_call", "outbound_call", "counter", "visit", "online", "standing_order")
LEVEL, MONTH, CURRENCY = one_of("entry", "senior"), text, text

# Each type in the order of the table: the fields that must be there, and those that may be.
Fields = dict[str, Callable[[Any], Any]]
CONTRACT: dict[str, tuple[Fields, Fields]] = {
    "order.placed.v1": (
        {"segment": SEGMENT, "channel": CHANNEL, "currency": CURRENCY, "lines": ordered, "promised_by": end_of_day},
        {"account_id": identifier, "rep_id": identifier, "standing_order_id": identifier, "reference": text},
    ),
    "order.amended.v1": ({"lines": ordered}, {"reason": text}),
    "order.reassigned.v1": ({"rep_id": identifier}, {"reason": text}),
    "order.rescheduled.v1": ({"promised_by": end_of_day, "reason": text}, {}),
    "order.cancelled.v1": ({"reason": text}, {}),
    "expedite.requested.v1": (
        {"request_id": identifier, "needed_by": end_of_day, "reason": text},
        {"requested_by": one_of("customer", "rep")},
    ),
    "expedite.granted.v1": ({"request_id": identifier, "promised_by": end_of_day}, {"surcharge": amount}),
    "expedite.declined.v1": ({"request_id": identifier, "reason": text}, {}),
    "customer.informed.v1": (
        {"about": one_of("expedite", "delay", "other")},
        {"request_id": identifier, "channel": text, "note": text},
    ),
    "shipment.booked.v1": (
        {"shipment_id": identifier, "mode": MODE, "carrier": identifier},
        {
            "service_level": text,
            "lines": moved,
            "pickup_at": beginning_of_day,
            "estimated_delivery": end_of_day,
            "cost": amount,
            "tracking_number": text,
            "parcels": names,
        },
    ),
    "shipment.rebooked.v1": (
        {"shipment_id": identifier},
        {
            "carrier": identifier,
            "mode": MODE,
            "service_level": text,
            "lines": moved,
            "estimated_delivery": end_of_day,
            "cost": amount,
            "tracking_number": text,
            "parcels": names,
            "reason": text,
        },
    ),
    "shipment.dispatched.v1": ({"shipment_id": identifier}, {}),
    "shipment.delayed.v1": ({"shipment_id": identifier}, {"estimated_delivery": end_of_day, "reason": text}),
    "shipment.cancelled.v1": ({"shipment_id": identifier, "reason": text}, {}),
    "delivery.attempted.v1": ({"shipment_id": identifier}, {"reason": text}),
    "delivery.confirmed.v1": ({"shipment_id": identifier}, {"parcel": identifier, "lines": moved, "signed_by": text}),
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
    "standing_order.established.v1": (
        {
            "account_id": identifier,
            "rep_id": identifier,
            "segment": SEGMENT,
            "currency": CURRENCY,
            "lines": ordered,
            "every": how_often,
            "first_on": day,
            "lead_days": whole,
        },
        {"until": day},
    ),
    "standing_order.stopped.v1": ({"reason": text}, {}),
    "delivery.returned.v1": ({"shipment_id": identifier, "reason": text}, {"lines": moved, "replace": truth}),
    "order.reinstated.v1": ({"reason": text}, {"promised_by": end_of_day}),
    "rep.left.v1": ({}, {"reason": text}),
    "parcel.dispatched.v1": ({}, {"carrier": identifier}),
    "parcel.delayed.v1": ({}, {"carrier": identifier, "estimated_delivery": end_of_day, "reason": text}),
    "parcel.attempted.v1": ({}, {"carrier": identifier, "reason": text}),
    "parcel.delivered.v1": ({}, {"carrier": identifier, "signed_by": text}),
}
RANK = {name: rank for rank, name in enumerate(CONTRACT)}
VOID = "message.voided.v1"
OTHER_KINDS = ("rep", "account", "standing_order", "parcel")
NULL_CLEARS = {
    "rep.changed.v1": ("team", "mentor_id"),
    "shipment.rebooked.v1": ("service_level", "estimated_delivery", "cost", "tracking_number", "parcels"),
}
"""Where an absent field stays as it is and null clears these; elsewhere null says as little as an absent one."""


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
        return "" if self.type == VOID else head if head in OTHER_KINDS else self._other()

    def _other(self) -> str:
        return "account" if self.type == "customer.contacted.v1" else "order"

    @property
    def names(self) -> Key:
        """The message that a void names."""
        return self.subject, self.data["source"], self.data["id"]


def fields_of(data: Row, required: Fields, optional: Fields, cleared: tuple[str, ...] = ()) -> Row:
    """Fields by name, read. Raises NotInContract."""
    said = {name: check(data.get(name)) for name, check in required.items()}
    for name, check in optional.items():
        if data.get(name) is not None:
            said[name] = check(data[name])
        elif name in data and name in cleared:
            said[name] = None
    return said


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
    for name, value in data.items():
        if type_ == "rep.changed.v1" and name in optional and value is None and name not in NULL_CLEARS[type_]:
            raise NotInContract(name)
    said = fields_of(data, required, optional, NULL_CLEARS.get(type_, ()))
    if type_ == "delivery.returned.v1":
        said.setdefault("replace", False)
    zone = zone_name(data["time_zone"]) if data.get("time_zone") is not None else BUSINESS_ZONE
    recorded = document.get("recordedtime")
    return Message(
        identifier(document.get("subject")),
        identifier(document.get("source")),
        identifier(document.get("id")),
        type_,
        instant(document.get("time")),
        None if recorded is None else instant(recorded),
        in_zone(said, zone),
    )


def in_zone(value: Any, zone: str) -> Any:
    """With dates alone as instants."""
    if isinstance(value, Day):
        return value.instant(zone)
    return {name: in_zone(part, zone) for name, part in value.items()} if isinstance(value, dict) else value


def claimed_key(line: bytes) -> Key | None:
    """The subject, source and id that a malformed line claims, if they can be read."""
    try:
        document = json.loads(line.decode("utf-8"), parse_float=Decimal)
        return identifier(document["subject"]), identifier(document["source"]), identifier(document["id"])
    except (ValueError, KeyError, TypeError, NotInContract):
        return None
