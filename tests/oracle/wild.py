"""Histories of small orders in which everything collides: few instants, few ids, contradictions, voids of voids.

Nobody's sales floor is like that, but every rule of settling meets every other one within a few hundred orders.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

Document = dict[str, Any]

BEGINS = datetime(2025, 3, 3, 8, 0, tzinfo=UTC)
STEP = timedelta(hours=7, minutes=20, seconds=18)  # ends in half a hundredth of an hour
INSTANTS = [BEGINS + STEP * n for n in range(8)]
REPS = ("rep-1", "rep-2", "rep-3")
SOURCES = ("/crm", "/warehouse", "a")


class WildOrder:
    """Messages about one order, drawn without any regard to what makes sense."""

    def __init__(self, order_id: str, draw: Random):
        self.order_id, self.draw = order_id, draw
        self.said: list[Document] = []
        self.tame = draw.random() < 0.6
        """About half of the orders get as far as their deliveries."""

    def messages(self) -> list[Document]:
        draw = self.draw
        self.say("order.placed.v1", self.placing(), draw.choice(INSTANTS[:3]))
        if self.tame or draw.random() < 0.5:
            booking = {**self.booking(), "shipment_id": "S1"}
            if self.tame:
                booking.pop("lines", None)
            self.say("shipment.booked.v1", booking, draw.choice(INSTANTS[1:3]))
        for _ in range(draw.randint(3, 16)):
            self.say_something()
        if draw.random() < 0.06:
            del self.said[0]
        draw.shuffle(self.said)
        return self.said

    def say_something(self) -> None:
        draw = self.draw
        odds = draw.random()
        if odds < 0.07:
            repeated = draw.choice(self.said)
            self.say(repeated["type"], repeated["data"])
        elif odds < 0.10:
            repeated = draw.choice(self.said)
            self.said.append({**repeated, "id": f"again-{len(self.said)}"})
        elif odds < 0.14:
            self.said.append(draw.choice(self.said))
        elif odds < (0.15 if self.tame else 0.22):
            wrong = draw.choice(self.said)
            unknown = draw.random() < 0.15
            named = {"source": wrong["source"], "id": "never-seen" if unknown else wrong["id"], "reason": "wrong"}
            self.say("message.voided.v1", named)
        else:
            type_, data = draw.choice(_KINDS[_LATER:] if self.tame and odds > 0.4 else _KINDS)(self)
            self.say(type_, data)

    def say(self, type_: str, data: Document, time: datetime | None = None) -> None:
        self.said.append(
            {
                "specversion": "1.0",
                "id": f"{len(self.said)}",
                "source": self.draw.choice(SOURCES),
                "type": type_,
                "time": (time or self.instant()).isoformat(),
                "subject": self.order_id,
                "data": data,
                "recordedtime": self.draw.choice(INSTANTS[:5]).isoformat(),
            }
        )

    def instant(self) -> datetime:
        return self.draw.choice(INSTANTS)

    def promise(self) -> str:
        if self.draw.random() < 0.1:
            return self.draw.choice(("2025-03-03", "2025-03-04", "2025-03-05"))
        return (self.instant() + timedelta(minutes=self.draw.choice((0, 0, -90, 1_440)))).isoformat()

    def shipment(self) -> str:
        return self.draw.choice(("S1", "S1", "S1", "S1", "S1", "S1", "S2") if self.tame else ("S1", "S1", "S2", "S10"))

    def request(self) -> str:
        return self.draw.choice(("E1", "E1", "E2"))

    def placing(self) -> Document:
        draw = self.draw
        known = {"account_id": "ACME"} if draw.random() < 0.9 else {}
        held = {"rep_id": draw.choice(REPS)} if draw.random() < 0.9 else {}
        return {
            **known,
            **held,
            "segment": draw.choice(("b2b", "b2c")),
            "channel": "visit",
            "currency": draw.choice(("USD", "EUR", "JPY", "KWD")),
            "lines": self.lines(),
            "promised_by": self.promise(),
        }

    def lines(self) -> list[Document]:
        draw = self.draw
        numbers: list[int | str] = [1] if draw.random() < 0.5 else draw.sample((1, 2, "3"), draw.choice((1, 2, 3)))
        lines = [self.line(n) for n in numbers]
        if draw.random() < 0.2:
            charge = draw.choice(("12.345", "-1.5"))
            lines.append({"line": "freight", "kind": "charge", "quantity": 1, "unit_price": charge})
        if draw.random() < 0.1:
            lines.append({"line": "nothing", "quantity": 0, "unit_price": 1})
        return lines

    def line(self, number: int | str) -> Document:
        draw = self.draw
        prices = ("1.005", "2.5", 3, "0.015", 0, "17.169999999999998")
        line: Document = {
            "line": number,
            "quantity": draw.choice(("1", 2, "2.5")),
            "unit_price": draw.choice(prices),
        }
        if draw.random() < 0.8:
            line["sku"] = draw.choice((f"sku-{number}", f"sku-{number}", "another"))
        if draw.random() < 0.1:
            line["promised_by"] = self.promise()
        return line

    def moved(self) -> Document:
        """All that is left, or some of it."""
        draw = self.draw
        if draw.random() < 0.6:
            return {}
        numbers = draw.sample((1, 1, 2, "3"), 1) if draw.random() < 0.7 else draw.sample((1, 2, 3), 2)
        return {"lines": [{"line": n, "quantity": draw.choice(("1", 1, "1.5", 2, "3.25"))} for n in numbers]}

    def parcels(self) -> Document:
        return {"parcels": self.draw.choice((["P1"], ["P1", "P2"]))} if self.draw.random() < 0.25 else {}

    def confirming(self) -> Document:
        draw = self.draw
        parcel = {"parcel": draw.choice(("P1", "P2"))} if draw.random() < 0.3 else {}
        signed = {"signed_by": draw.choice(("Kim", "goods in"))} if draw.random() < 0.3 else {}
        return self.on_shipment(**self.moved(), **parcel, **signed)

    def returning(self) -> Document:
        replace = {"replace": self.draw.choice((True, False))} if self.draw.random() < 0.8 else {}
        return self.on_shipment(**self.moved(), **replace, reason="broken")

    def estimate(self) -> Document:
        return {"estimated_delivery": self.promise()} if self.draw.random() < 0.8 else {}

    def on_shipment(self, **data: Any) -> Document:
        return {"shipment_id": self.shipment(), **data}

    def informing(self) -> Document:
        about = self.draw.choice(("expedite", "expedite", "delay", "other"))
        named = {"request_id": self.request()} if about == "expedite" and self.draw.random() < 0.5 else {}
        return {"about": about, **named}

    def booking(self) -> Document:
        draw = self.draw
        how = {"mode": draw.choice(("courier", "in_house", "pickup")), "carrier": draw.choice(("Swift", "Own van"))}
        return self.on_shipment(**how, **self.moved(), **self.estimate(), **self.parcels())

    def reinstating(self) -> Document:
        return {"reason": "error", **({"promised_by": self.promise()} if self.draw.random() < 0.5 else {})}

    def rebooking(self) -> Document:
        draw = self.draw
        changed = {"carrier": "Northline"} if draw.random() < 0.5 else {}
        cleared = {"estimated_delivery": None} if draw.random() < 0.1 else self.estimate()
        lines = self.moved() if draw.random() < 0.5 else {}
        return self.on_shipment(**changed, **cleared, **lines, **self.parcels(), reason="strike", cost=None)


_Kind = Callable[[WildOrder], tuple[str, Document]]
_LATER = 16
"""From here on, they are about what was booked."""
_KINDS: tuple[_Kind, ...] = (
    lambda o: ("order.placed.v1", o.placing()),
    lambda o: ("order.amended.v1", {"lines": o.lines()}),
    lambda o: ("order.amended.v1", {"lines": o.lines()}),
    lambda o: ("order.reassigned.v1", {"rep_id": o.draw.choice(REPS)}),
    lambda o: ("order.rescheduled.v1", {"promised_by": o.promise(), "reason": "asked for"}),
    lambda o: ("order.cancelled.v1", {"reason": "changed their mind"}),
    lambda o: ("expedite.requested.v1", {"request_id": o.request(), "needed_by": o.promise(), "reason": "fair"}),
    lambda o: (
        "expedite.requested.v1",
        {"request_id": o.request(), "needed_by": INSTANTS[4].isoformat(), "reason": ""},
    ),
    lambda o: ("expedite.granted.v1", {"request_id": o.request(), "promised_by": o.promise(), "surcharge": "9.50"}),
    lambda o: ("expedite.declined.v1", {"request_id": o.request(), "reason": "no lorry"}),
    lambda o: ("customer.informed.v1", o.informing()),
    lambda o: ("customer.informed.v1", o.informing()),
    lambda o: ("shipment.booked.v1", o.booking()),
    lambda o: ("shipment.booked.v1", o.booking()),
    lambda o: ("shipment.booked.v1", o.booking()),
    lambda o: ("shipment.rebooked.v1", o.rebooking()),
    lambda o: ("shipment.dispatched.v1", o.on_shipment()),
    lambda o: ("shipment.dispatched.v1", o.on_shipment()),
    lambda o: ("shipment.delayed.v1", o.on_shipment(**o.estimate(), reason="snow")),
    lambda o: ("shipment.cancelled.v1", o.on_shipment(reason="lost")),
    lambda o: ("delivery.attempted.v1", o.on_shipment(reason="nobody there")),
    lambda o: ("delivery.confirmed.v1", o.confirming()),
    lambda o: ("delivery.confirmed.v1", o.confirming()),
    lambda o: ("delivery.confirmed.v1", o.confirming()),
    lambda o: ("delivery.confirmed.v1", o.on_shipment()),
    lambda o: ("delivery.returned.v1", o.returning()),
    lambda o: ("delivery.returned.v1", o.returning()),
    lambda o: ("order.reinstated.v1", o.reinstating()),
)


def wild_people(draw: Random) -> Iterator[Document]:
    """Reps that change before they are registered and register again; contacts of all times; voids of all of these."""
    for number in range(60):
        subject = draw.choice((*REPS, "rep-9"))
        name, level = draw.choice(("Ann", "Ben")), draw.choice(("entry", "senior"))
        kinds: tuple[tuple[str, str, Document], ...] = (
            ("rep.registered.v1", subject, {"name": name, "level": level, "team": "North"}),
            ("rep.registered.v1", subject, {"name": name, "level": level}),
            ("rep.changed.v1", subject, {"team": draw.choice((None, "South"))}),
            ("rep.changed.v1", subject, {"level": level}),
            ("rep.left.v1", subject, {}),
            ("customer.contacted.v1", "ACME", {"direction": "inbound", "about": "order", "rep_id": subject}),
            ("customer.contacted.v1", "ACME", {"direction": "outbound", "about": "order", "rep_id": "rep-4"}),
            ("account.assigned.v1", "ACME", {"rep_id": subject}),
            ("message.voided.v1", subject, {"source": "/hr", "id": str(draw.randrange(60)), "reason": "wrong"}),
            ("message.voided.v1", "ACME", {"source": "/hr", "id": str(draw.randrange(60)), "reason": "wrong"}),
        )
        type_, about, data = draw.choice(kinds)
        time = draw.choice(INSTANTS) - timedelta(days=draw.choice((0, 0, 6, 7)))
        yield {
            "specversion": "1.0",
            "id": str(number),
            "source": "/hr",
            "type": type_,
            "time": time.isoformat(),
            "subject": about,
            "data": data,
            "recordedtime": draw.choice(INSTANTS[:5]).isoformat(),
        }


def wild_history(orders: int, seed: int) -> list[bytes]:
    """Lines in no order at all."""
    draw = Random(f"wild {seed}")
    said = list(wild_people(draw))
    for number in range(orders):
        said += WildOrder(f"SO-{number}", draw).messages()
    draw.shuffle(said)
    return [json.dumps(document).encode() for document in said]
