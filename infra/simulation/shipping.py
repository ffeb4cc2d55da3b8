"""From the first booking to the last confirmation, with what goes wrong on the way."""

from dataclasses import dataclass, field

from infra.simulation.catalogue import converted, money, quantity
from infra.simulation.clock import DAY, HOUR, MINUTE, SECOND, date_alone, in_office_hours, instant
from infra.simulation.feeds import Carrier, Feed
from infra.simulation.life import OrderLife
from infra.simulation.wire import Document

_WHY_DELAYED = ("road closed", "missed the connection", "customs", "van broke down", "depot full")
_WHY_MISSED = ("nobody there", "address not found", "refused at the gate", "closed for the day")
_WHY_RETURNED = ("damaged", "the wrong colour", "ordered too many", "does not fit")

_SAID_BY_NUMBER = {
    "shipment.dispatched.v1": "parcel.dispatched.v1",
    "shipment.delayed.v1": "parcel.delayed.v1",
    "delivery.attempted.v1": "parcel.attempted.v1",
    "delivery.confirmed.v1": "parcel.delivered.v1",
}


@dataclass(slots=True)
class Shipment:
    """Goods on their way: so many hundredths of each line. `numbers` are of a carrier that knows nothing else."""

    shipment_id: str
    carrier: Carrier
    load: dict[int, int]
    booked_at: int
    estimate: int
    numbers: list[str] = field(default_factory=list)


class Shipping(OrderLife):
    """The rest of the order's life."""

    __slots__ = ()

    def live(self) -> None:
        """The whole life, from placing to the last message."""
        if not self.begin():
            return
        load = {line["line"]: line["quantity"] for line in self.lines if line.get("kind") != "charge"}
        if self.now >= self.placed_at:
            self.wait(10 * MINUTE, (self.promise - self.placed_at) // 2)
        parts = self._in_two(load) if self.meets("split", 0.22) else []
        if parts:
            self.parallel = True
            first = self._book(parts[0], explicit=True)
            self.now = max(self.now, self.placed_at)
            self.wait(10 * MINUTE, DAY)
            second = self._book(parts[1], explicit=self.draw() < 0.5)
            # The shipments are independent from here: neither delays the other.
            booked_at, unheard = self.now, self.cut
            self._carry(first)
            first_unheard, self.now, self.cut = self.cut, booked_at, unheard
            self._carry(second)
            self.cut = self.cut or first_unheard
            return
        shipment = self._book(load, explicit=self.draw() < 0.3)
        if self.now < self.placed_at:
            self.now = self.placed_at
        if self.meets("called off", 0.015):
            data: Document = {"reason": "called off before pickup"}
            self.say(self.feeds.order_entry, "order.cancelled.v1", self.wait(30 * MINUTE, DAY), data)
            return
        if self.draw() < 0.3:
            self.inform("other", self.now + 5 * MINUTE + int(self.draw() * 5 * HOUR))
        self._carry(shipment)

    def _in_two(self, load: dict[int, int]) -> list[dict[int, int]]:
        """Other lines in each, or half of the only one; nothing if that is a single piece."""
        if len(load) > 1:
            keep = min(load)
            return [{keep: load[keep]}, {line: held for line, held in load.items() if line != keep}]
        ((line, held),) = load.items()
        half = held // 200 * 100
        return [{line: half}, {line: held - half}] if half else []

    def _written_load(self, load: dict[int, int]) -> list[Document]:
        text = self.writes_text
        return [{"line": line, "quantity": quantity(held, text)} for line, held in load.items() if held]

    def _book(self, load: dict[int, int], explicit: bool) -> Shipment:
        draw = self.draw
        self.shipments += 1
        shipment_id = f"{self.order_id}-S{self.shipments}"
        carrier = self.feeds.pickup if self.meets("collected", 0.05) else self._carrier()
        booked_at = self.now
        after = max(booked_at, self.placed_at)
        ahead = max(self.promise - after, DAY)
        estimate = after + int(ahead * (0.45 + draw() * 0.5))
        if draw() < 0.06:
            estimate = after + ahead + 2 * HOUR + int(draw() * 2 * DAY)
        estimate -= estimate % HOUR
        data: Document = {"shipment_id": shipment_id, "mode": carrier.mode, "carrier": carrier.name}
        if explicit:
            data["lines"] = self._written_load(load)
        data["estimated_delivery"] = date_alone(estimate) if draw() < 0.05 else instant(estimate)
        if draw() < 0.7:
            data["service_level"] = ("standard", "standard", "express", "same_day")[int(draw() * 4)]
        if draw() < 0.3:
            pickup_at = booked_at - booked_at % HOUR + 4 * HOUR
            data["pickup_at"] = date_alone(pickup_at) if draw() < 0.1 else instant(pickup_at)
        if draw() < 0.8:
            cost = converted(600 + int(draw() * 4_500), self.unit)
            data["cost"] = money(cost, self.unit, draw() < 0.5)
        numbers: list[str] = []
        if carrier.by_number:
            numbers = [carrier.next_number()]
            data["tracking_number"] = numbers[0]
            if self.fated == "scanned in two" or draw() < 0.3:
                numbers.append(carrier.next_number())
                data["parcels"] = list(numbers)
        elif carrier.mode == "courier":
            data["tracking_number"] = f"{carrier.feed.prefix}{100_000_000 + int(draw() * 900_000_000)}"
        # A courier is booked at the desk, sometimes by phone and entered days later; its own messages arrive earlier.
        feed = self._desk_of(carrier)
        late = DAY + int(draw() * 3 * DAY) if draw() < (0.12 if carrier.by_number else 0.025) else 0
        if self.meets("misbooked", 0.006):
            wrong = {**data, "carrier": "Sky Parcels", "estimated_delivery": instant(estimate + 3 * DAY)}
            message_id = self.say(feed, "shipment.booked.v1", booked_at, wrong)
            self.void(feed, message_id, booked_at + 50 * MINUTE, "booked with the wrong carrier")
            self.now = booked_at = booked_at + HOUR
        self.say(feed, "shipment.booked.v1", booked_at, data, late=late)
        return Shipment(shipment_id, carrier, load, booked_at, estimate, numbers)

    def _carrier(self) -> Carrier:
        """Some carrier; what happens to the first orders in turn must not depend on which."""
        carriers = self.feeds.carriers
        if self.fated is not None:
            by_number = self.fated.startswith("scanned")
            carriers = [carrier for carrier in carriers if carrier.by_number == by_number]
        return carriers[int(self.draw() * len(carriers))]

    def _tell(self, shipment: Shipment, type_: str, time: int, data: Document, number: int = 0) -> str:
        """What the carrier says about a shipment; one that knows only numbers says it about a parcel of it."""
        feed = shipment.carrier.feed
        if not shipment.numbers:
            return self.say(feed, type_, time, {"shipment_id": shipment.shipment_id, **data})
        scan = {"carrier": shipment.carrier.name, **{name: data[name] for name in data if name != "lines"}}
        return self.say(feed, _SAID_BY_NUMBER[type_], time, scan, shipment.numbers[number])

    def _desk_of(self, carrier: Carrier) -> Feed:
        """Who books and cancels there."""
        return self.feeds.order_entry if carrier.mode == "courier" else carrier.feed

    def _carry(self, shipment: Shipment) -> None:
        if self.meets("rebooked", 0.06):
            self._rebook(shipment, self.wait(30 * MINUTE, DAY), "the first pickup was missed")
        if self.meets("recalled", 0.015):
            shipment = self._replace(shipment, "recalled before pickup")
        if self.meets("stranded", 0.015):
            self.chase()
            return
        if shipment.carrier.mode == "pickup":
            # Nobody carries it: the customer comes for it.
            self.wait(HOUR, 3 * DAY)
            self._deliver(shipment)
            return
        if self.meets("stamped early", 0.02):
            # The driver's clock is behind that of the desk, so the goods leave before they are booked.
            sent_at = shipment.booked_at - 20 * SECOND - int(self.draw() * 150 * SECOND)
        else:
            sent_at = self.wait(40 * MINUTE, 2 * DAY)
        self._tell(shipment, "shipment.dispatched.v1", sent_at, {})
        if shipment.numbers and (self.fated or self.draw() < 0.06):
            self._scan_of_another_sender(shipment.carrier, sent_at)
        if not self.parallel and self.fated is None and self.draw() < 0.1 and self.hurry():
            self._rebook(shipment, self.wait(10 * MINUTE, HOUR), "expedited", by=self.promise)
        if self.fated == "scanned" or self.meets("delayed", 0.2):
            self._delay(shipment)
        if self.meets("lost", 0.012):
            shipment = self._replace(shipment, "lost on the way")
            if shipment.carrier.mode != "pickup":
                self._tell(shipment, "shipment.dispatched.v1", self.wait(40 * MINUTE, DAY), {})
        if self.meets("misdelivered", 0.004):
            message_id = self._tell(shipment, "delivery.confirmed.v1", self.wait(HOUR, DAY), {})
            self.now += 2 * HOUR
            about = shipment.numbers[0] if shipment.numbers else ""
            self.void(shipment.carrier.feed, message_id, self.now, "scanned at another customer's door", about)
        if self.meets("silent", 0.022):
            self.chase()
            if self.draw() < 0.5:
                return
            self.now += 6 * DAY + int(self.draw() * 20 * DAY)
        self._deliver(shipment)

    def _rebook(self, shipment: Shipment, time: int, reason: str, by: int = 0) -> None:
        draw, by_desk = self.draw, self._desk_of(shipment.carrier)
        shipment.estimate = max(by or shipment.estimate + int(draw() * 2 * DAY), time + 3 * HOUR)
        shipment.estimate -= shipment.estimate % HOUR
        data: Document = {
            "shipment_id": shipment.shipment_id,
            "estimated_delivery": instant(shipment.estimate),
            "reason": reason,
        }
        if by:
            data["service_level"] = "express"
        elif draw() < 0.4:
            shipment.carrier = other = self._carrier()
            data["carrier"], data["mode"] = other.name, other.mode
            if len(shipment.numbers) > 1:
                data["parcels"] = None
            shipment.numbers = [other.next_number()] if other.by_number else []
            data["tracking_number"] = shipment.numbers[0] if other.by_number else None
        if draw() < 0.4:
            data["cost"] = money(converted(900 + int(draw() * 6_000), self.unit), self.unit, draw() < 0.5)
        self.say(by_desk, "shipment.rebooked.v1", time, data)

    def _replace(self, shipment: Shipment, reason: str) -> Shipment:
        """Cancel it and book what it carried again, under another id."""
        data: Document = {"shipment_id": shipment.shipment_id, "reason": reason}
        teller = self.feeds.order_entry if shipment.carrier.by_number else shipment.carrier.feed
        self.say(teller, "shipment.cancelled.v1", self.wait(HOUR, 2 * DAY), data)
        self.wait(20 * MINUTE, DAY)
        # "All that is left" would also include what the other shipment may have lost meanwhile.
        return self._book(shipment.load, explicit=self.parallel or self.draw() < 0.5)

    def _delay(self, shipment: Shipment) -> None:
        draw = self.draw
        told_at = self.wait(2 * HOUR, 2 * DAY)
        share = draw()
        shipment.estimate = max(shipment.estimate, told_at) + 4 * HOUR + int(share * share * 7 * DAY)
        shipment.estimate -= shipment.estimate % HOUR
        data: Document = {
            "estimated_delivery": instant(shipment.estimate),
            "reason": _WHY_DELAYED[int(draw() * len(_WHY_DELAYED))],
        }
        self._tell(shipment, "shipment.delayed.v1", told_at, data)
        if shipment.estimate <= self.promise:
            return
        if self.fated or draw() < 0.75:
            self.inform("delay", told_at + 10 * MINUTE + int(draw() * 20 * HOUR))
        if not self.parallel and draw() < 0.15:
            self.postpone(
                self.wait(20 * MINUTE, 8 * HOUR), shipment.estimate, "the courier is late, the customer agreed"
            )

    def _deliver(self, shipment: Shipment) -> None:
        draw = self.draw
        collected = shipment.carrier.mode == "pickup"
        share = draw()
        if share < 0.88:
            arrival = shipment.estimate - int(share * 30 * HOUR)
        else:
            arrival = shipment.estimate + int((share - 0.88) * 40 * DAY)
        self.now = in_office_hours(max(self.now + 2 * HOUR, arrival), draw)
        while not collected and (self.fated == "scanned" or self.meets("missed", 0.12)):
            reason = _WHY_MISSED[int(draw() * len(_WHY_MISSED))]
            self._tell(shipment, "delivery.attempted.v1", self.now, {"reason": reason})
            self.wait(3 * HOUR, 2 * DAY)
            if self.fated:
                break
        written_off = self.fated == "written off"
        short = not shipment.numbers and (written_off or self.meets("short", 0.12))
        part = self._a_part(shipment.load) if short else {}
        if part:
            self._tell(shipment, "delivery.confirmed.v1", self.now, {"lines": self._written_load(part)})
            self.wait(4 * HOUR, 4 * DAY)
            for line, held in part.items():
                shipment.load[line] -= held
            if written_off or (not self.parallel and self.fated is None and draw() < 0.1):
                self._write_off(shipment.load)
                return
        data: Document = {}
        if draw() < 0.3:
            data["lines"] = self._written_load(shipment.load)
        if draw() < 0.7:
            data["signed_by"] = ("J. Moreau", "front desk", "a neighbour", "P. Sato", "goods in")[int(draw() * 5)]
        if len(shipment.numbers) > 1:
            # The second parcel comes with another van.
            self._tell(shipment, "delivery.confirmed.v1", self.now, {}, number=1)
            self.now = in_office_hours(self.now + 20 * MINUTE + int(draw() * 20 * HOUR), draw)
        self._tell(shipment, "delivery.confirmed.v1", self.now, data)
        # A carrier that knows only numbers is believed later, by a reactor; until then nothing can be returned.
        if not self.parallel and not shipment.numbers:
            if self.meets("returned", 0.02):
                self._give_back(shipment, replace=False)
            elif self.meets("replaced", 0.012):
                self._give_back(shipment, replace=True)

    def _give_back(self, shipment: Shipment, *, replace: bool) -> None:
        """The customer sends back a line of it, or half of one; to be replaced, it is sent once more."""
        delivered = {line: held for line, held in shipment.load.items() if held}
        load = self._a_part(delivered) or delivered
        data: Document = {
            "shipment_id": shipment.shipment_id,
            "lines": self._written_load(load),
            "reason": _WHY_RETURNED[int(self.draw() * len(_WHY_RETURNED))],
        }
        if replace or self.draw() < 0.5:
            data["replace"] = replace
        self.say(self.feeds.warehouse, "delivery.returned.v1", self.wait(4 * HOUR, 6 * DAY), data)
        if replace:
            self.wait(HOUR, DAY)
            again = self._book(load, explicit=True)
            if again.carrier.mode != "pickup":
                self._tell(again, "shipment.dispatched.v1", self.wait(40 * MINUTE, DAY), {})
            self.now = in_office_hours(max(self.now + 4 * HOUR, again.estimate), self.draw)
            for number in range(max(len(again.numbers), 1)):
                self._tell(again, "delivery.confirmed.v1", self.now + number * 10 * MINUTE, {}, number)

    def _scan_of_another_sender(self, carrier: Carrier, time: int) -> None:
        """Scans of a parcel that is nobody's here: the carrier mixed up two customers, or misread a label."""
        number = f"{carrier.feed.prefix}X{self.number}-{self.shipments}"
        self.wire.send(carrier.feed, "parcel.dispatched.v1", number, time + 2 * MINUTE, {"carrier": carrier.name})
        if self.draw() < 0.5:
            self.wire.send(carrier.feed, "parcel.delivered.v1", number, time + DAY, {"carrier": carrier.name})

    def _a_part(self, load: dict[int, int]) -> dict[int, int]:
        """Some of it, never all; nothing if it cannot be split."""
        return self._in_two(load)[0] if self._in_two(load) else {}

    def _write_off(self, missing: dict[int, int]) -> None:
        """The rest will never come, and the customer accepts what was delivered."""
        for position, line in enumerate(self.lines):
            self.lines[position] = {**line, "quantity": line["quantity"] - missing.get(line["line"], 0)}
        data: Document = {"lines": self.written(self.lines), "reason": "the rest is no longer made"}
        self.say(self.feeds.order_entry, "order.amended.v1", self.now, data)
