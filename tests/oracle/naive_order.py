"""An order's rules for the naive interpreter, as docs/settling.md and docs/contract.md tell them."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from tests.oracle.naive_reading import Message, Row

DAY = timedelta(days=1)
LAPSES_AFTER = 30 * DAY
ZERO = Decimal()
END = datetime.max.replace(tzinfo=UTC)
MINOR_DIGITS = {"JPY": 0, "KRW": 0, "CLP": 0, "BHD": 3, "KWD": 3, "TND": 3}
"""Digits after the point of the currencies (ISO 4217) in which that is not two."""


def minor(value: Decimal, currency: str) -> Decimal:
    """To the minor unit of a currency, half-even."""
    return value.quantize(Decimal(1).scaleb(-MINOR_DIGITS.get(currency, 2)), ROUND_HALF_EVEN)


class Subject:
    """Something that messages are about. `waits` says whether a message names what is not there; `take` judges it."""

    def waits(self, message: Message) -> bool:
        return False

    def take(self, message: Message, now: datetime) -> str:
        return "applied"

    def take_at(self, message: Message, now: datetime) -> str:
        """Judge it, after time has passed up to `now`."""
        return self.take(message, now)

    def clock(self, now: datetime) -> None:
        """Time has passed up to `now`."""


@dataclass
class Confirmation:
    time: datetime
    delivered: dict[str, Decimal]
    parcel: str | None


@dataclass
class Shipment:
    booked: Row
    booked_at: datetime
    carrier: str
    mode: str
    estimate: datetime | None
    carries: dict[str, Decimal]
    parcels: list[str]
    service_level: str | None
    cost: Decimal | None
    tracking_number: str | None
    cancelled_at: datetime | None = None
    dispatched_at: datetime | None = None
    delivered_at: datetime | None = None
    """Wholly."""
    confirmed_at: datetime | None = None
    promise_then: datetime = END
    """What the order promised when it was last confirmed."""
    got: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    returned: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    confirmations: list[Confirmation] = field(default_factory=list)
    attempts: int = 0
    signed_by: str | None = None

    @property
    def rest(self) -> dict[str, Decimal]:
        left = {line: quantity - self.got[line] for line, quantity in self.carries.items()}
        return {line: quantity for line, quantity in left.items() if quantity > 0}

    @property
    def is_delivered(self) -> bool:
        return not self.rest

    @property
    def is_live(self) -> bool:
        return self.cancelled_at is None and not self.is_delivered

    @property
    def confirmed_parcels(self) -> set[str]:
        if self.is_delivered:
            return set(self.parcels)
        return {one.parcel for one in self.confirmations if one.parcel is not None} & set(self.parcels)


@dataclass
class Request:
    asked: Row
    asked_at: datetime
    asked_of: str | None
    """The rep who held the order when it was asked."""
    decided_by: str | None = None
    """And who held it when it was decided."""
    decision: tuple[str, Row] | None = None
    decided_at: datetime | None = None
    informed_at: datetime | None = None

    def decide(self, decision: str, data: Row, now: datetime, rep: str | None) -> None:
        self.decision, self.decided_at, self.decided_by = (decision, data), now, rep

    @property
    def granted(self) -> datetime | None:
        """What was promised, if it was granted."""
        return self.decision[1]["promised_by"] if self.decision and self.decision[0] == "granted" else None


class Order(Subject):
    def __init__(self, order_id: str):
        self.order_id = order_id
        self.placed: Row | None = None
        self.placed_at = END
        self.rep: str | None = None
        self.promise = END
        self.told_of_delay = False
        """Since the promise was set."""
        self.lines: dict[str, Row] = {}
        self.history: dict[str, list[tuple[datetime, Decimal]]] = defaultdict(list)
        """Of each line what was delivered, and what came back to be replaced (below zero), in order."""
        self.returned: dict[str, Decimal] = defaultdict(Decimal)
        self.gone: dict[str, Row] = {}
        """Lines that an amendment or a cancelling took away, as they were last."""
        self.cancelled_for: str | None = None
        self.reinstated: datetime | None = None
        """The promise of the reinstatement that stands."""
        self.completed: Row | None = None
        self.short: bool | None = None
        """How it was last completed."""
        self.closed_at: datetime | None = None
        self.reopened_at: datetime | None = None
        self.last_delivered_at: datetime | None = None
        self.last_confirmed: Shipment | None = None
        self.shipments: dict[str, Shipment] = {}
        self.requests: dict[str, Request] = {}
        self.latest_decision = "none"
        self.attempts = 0
        self.changed_at: datetime | None = None
        self.owed: dict[str | None, datetime] = {}
        """Since when: by request for a declined expedite, under None for a delay."""

    # What there is.

    @property
    def is_cancelled(self) -> bool:
        return self.cancelled_for is not None

    @property
    def is_closed(self) -> bool:
        return self.is_cancelled or self.completed is not None

    @property
    def is_open(self) -> bool:
        return self.placed is not None and not self.is_closed

    @property
    def goods(self) -> dict[str, Row]:
        return {line: row for line, row in self.lines.items() if row["kind"] == "goods"}

    def delivered(self, line: str) -> Decimal:
        return sum((quantity for _, quantity in self.history[line]), ZERO)

    @property
    def something_delivered(self) -> bool:
        return any(self.delivered(line) > 0 for line in list(self.history))

    @property
    def all_delivered(self) -> bool:
        return all(self.delivered(line) >= row["quantity"] for line, row in self.goods.items())

    def carried(self, line: str) -> Decimal:
        return sum((s.rest.get(line, ZERO) for s in self.shipments.values() if s.is_live), ZERO)

    def left_to_book(self, line: str) -> Decimal:
        row = self.goods.get(line)
        if row is None:
            return ZERO
        return max(ZERO, Decimal(row["quantity"]) - self.delivered(line) - self.carried(line))

    @property
    def live(self) -> list[Shipment]:
        """Live shipments; the last one is shown: without an estimate, else with the latest; then the greater id."""
        live = [(s.estimate or END, i, s) for i, s in self.shipments.items() if s.is_live]
        return [shipment for _, _, shipment in sorted(live, key=lambda found: found[:2])]

    @property
    def expected(self) -> datetime | None:
        return max((s.estimate for s in self.shipments.values() if s.is_live and s.estimate is not None), default=None)

    @property
    def late_at(self) -> datetime | None:
        """When it is expected, if it is open and expected after its promise."""
        expected = self.expected
        return expected if self.is_open and expected is not None and expected > self.promise else None

    # Judging.

    def waits(self, message: Message) -> bool:
        if message.type == "order.placed.v1":
            return False
        if self.placed is None:
            return True
        data = message.data
        if message.type != "shipment.booked.v1" and "shipment_id" in data:
            return data["shipment_id"] not in self.shipments
        if message.type != "expedite.requested.v1" and "request_id" in data:
            return data["request_id"] not in self.requests
        return False

    def take(self, message: Message, now: datetime) -> str:
        judge = getattr(self, message.type.removesuffix(".v1").replace(".", "_"))
        late_before, closed_before = self.late_at, self.is_closed
        verdict: str | None = judge(message.data, now, message.time)
        if verdict is None:
            self._follow_up(message, now, late_before, closed_before)
        return verdict or "applied"

    def _follow_up(self, message: Message, now: datetime, late_before: datetime | None, closed_before: bool) -> None:
        if self.is_closed and not closed_before:
            self.closed_at = now
        elif not self.is_closed:
            self.closed_at = None
        late_after = self.late_at
        worse = late_after is not None and (late_before is None or late_after > late_before)
        unknown = message.type == "shipment.delayed.v1" and message.data.get("estimated_delivery") is None
        if worse or (unknown and self.is_open):
            self.owed.setdefault(None, now)
        if self.is_cancelled:
            self.owed.pop(None, None)
        if self.completed is not None and not closed_before and now <= self.promise:
            self.owed.pop(None, None)
        live = self.live
        all_in_time = all(s.estimate is not None and s.estimate <= self.promise for s in live)
        if self.is_open and live and all_in_time and self.promise >= now:
            self.owed.pop(None, None)

    def take_at(self, message: Message, now: datetime) -> str:
        before = dict(self.owed)
        if self.changed_at != now:
            self.clock(now)
        verdict = self.take(message, now)
        if verdict == "applied":
            self.changed_at = now
        else:
            self.owed = before
        return verdict

    def clock(self, now: datetime) -> None:
        self.owed = self.owed_at(now)
        if self.is_open and self.promise < now and not self.told_of_delay:
            since = self.promise if self.reopened_at is None else max(self.promise, self.reopened_at)
            self.owed.setdefault(None, since)

    def owed_at(self, at: datetime) -> dict[str | None, datetime]:
        """What is owed to the customer; of an order closed long before, it has lapsed."""
        return {} if self.closed_at is not None and at - self.closed_at >= LAPSES_AFTER else self.owed

    def _promise(self, promise: datetime) -> None:
        self.promise, self.told_of_delay = promise, False

    def _end_shipments(self, now: datetime) -> None:
        for shipment in self.shipments.values():
            if shipment.is_live:
                shipment.cancelled_at = now

    def _complete(self, now: datetime, *, short: bool, cancel_reason: str | None = None) -> None:
        if self.completed is None and not self.is_cancelled and self.something_delivered and self.all_delivered:
            self.completed = {
                "rep_id": self.rep,
                "promised_by": self.promise,
                "delivered_at": now,
                "short": short,
                "cancel_reason": cancel_reason,
            }
            self.short = short

    # The order itself.

    def order_placed(self, data: Row, now: datetime, time: datetime) -> str | None:
        if self.placed is not None:
            return "duplicate" if data == self.placed else "refused"
        self.placed, self.placed_at = data, now
        self.rep = data.get("rep_id")
        self.lines = {line: dict(row) for line, row in data["lines"].items()}
        self._promise(data["promised_by"])
        return None

    def order_amended(self, data: Row, now: datetime, time: datetime) -> str | None:
        if self.is_closed:
            return "refused"
        lines = {line: dict(row) for line, row in data["lines"].items()}
        for line in list(self.history):
            delivered, before, after = self.delivered(line), self.lines.get(line), lines.get(line)
            if delivered <= 0:
                continue
            floor = min(delivered, before["quantity"] if before else ZERO)
            if (after["quantity"] if after else ZERO) < floor:
                return "refused"
            if before is None or after is None:
                continue
            if after["kind"] != before["kind"] or after.get("sku", before.get("sku")) != before.get(
                "sku", after.get("sku")
            ):
                return "refused"
        for line, row in lines.items():
            if "sku" in (before := self.lines.get(line, {}) or self.gone.get(line, {})):
                row.setdefault("sku", before["sku"])
        self.gone |= {line: row for line, row in self.lines.items() if line not in lines}
        self.lines = lines
        self._complete(now, short=True)
        return None

    def order_reassigned(self, data: Row, now: datetime, time: datetime) -> str | None:
        self.rep = data["rep_id"]
        return None

    def order_rescheduled(self, data: Row, now: datetime, time: datetime) -> str | None:
        if self.is_closed:
            return "refused"
        self._promise(data["promised_by"])
        return None

    def order_cancelled(self, data: Row, now: datetime, time: datetime) -> str | None:
        if self.is_cancelled:
            return "duplicate"
        if self.completed is not None:
            return "duplicate" if self.completed["cancel_reason"] is not None else "refused"
        self._end_shipments(now)
        if not self.something_delivered:
            self.cancelled_for, self.reinstated = data["reason"], None
            return None
        for line, row in list(self.goods.items()):
            row["quantity"] = min(row["quantity"], max(ZERO, self.delivered(line)))
            if not row["quantity"]:
                self.gone[line] = self.lines.pop(line)
        self._complete(now, short=True, cancel_reason=data["reason"])
        return None

    def order_reinstated(self, data: Row, now: datetime, time: datetime) -> str | None:
        if not self.is_cancelled:
            if self.reinstated is None:
                return "refused"
            return "duplicate" if data.get("promised_by", self.reinstated) == self.reinstated else "refused"
        self.cancelled_for = None
        self._promise(data.get("promised_by", self.promise))
        self.reinstated = self.promise
        return None

    # Expedites, and what the customer is told.

    def expedite_requested(self, data: Row, now: datetime, time: datetime) -> str | None:
        before = self.requests.get(data["request_id"])
        if before is not None:
            return "duplicate" if before.asked == data else "refused"
        if self.is_closed:
            return "refused"
        self.requests[data["request_id"]] = Request(data, now, self.rep)
        return None

    def expedite_granted(self, data: Row, now: datetime, time: datetime) -> str | None:
        request = self.requests[data["request_id"]]
        if request.decision is not None:
            return "duplicate" if request.decision == ("granted", data) else "refused"
        if self.is_closed or data["promised_by"] > self.promise:
            return "refused"
        request.decide("granted", data, now, self.rep)
        self.latest_decision = "granted"
        self._promise(data["promised_by"])
        return None

    def expedite_declined(self, data: Row, now: datetime, time: datetime) -> str | None:
        request = self.requests[data["request_id"]]
        if request.decision is not None:
            return "duplicate" if request.decision == ("declined", data) else "refused"
        request.decide("declined", data, now, self.rep)
        self.latest_decision = "declined"
        if request.informed_at is None:
            self.owed[data["request_id"]] = now
        return None

    def customer_informed(self, data: Row, now: datetime, time: datetime) -> str | None:
        if data["about"] == "delay":
            self.owed.pop(None, None)
            self.told_of_delay = True
        elif data["about"] == "expedite" and "request_id" in data:
            request = self.requests[data["request_id"]]
            request.informed_at = request.informed_at or now
            self.owed.pop(data["request_id"], None)
        elif data["about"] == "expedite":
            self.owed = {about: since for about, since in self.owed.items() if about is None}
            for request in self.requests.values():
                if request.decision is not None and request.informed_at is None:
                    request.informed_at = now
        return None

    # Shipments.

    def shipment_booked(self, data: Row, now: datetime, time: datetime) -> str | None:
        before = self.shipments.get(data["shipment_id"])
        if before is not None:
            return "duplicate" if before.booked == data else "refused"
        left = {line: quantity for line in self.lines if (quantity := self.left_to_book(line)) > 0}
        taken = data.get("lines", left)
        if self.is_closed or not left or any(quantity > left.get(line, ZERO) for line, quantity in taken.items()):
            return "refused"
        self.shipments[data["shipment_id"]] = Shipment(
            booked=data,
            booked_at=now,
            carrier=data["carrier"],
            mode=data["mode"],
            estimate=data.get("estimated_delivery"),
            carries=dict(taken),
            parcels=data.get("parcels", []),
            service_level=data.get("service_level"),
            cost=data.get("cost"),
            tracking_number=data.get("tracking_number"),
        )
        return None

    def shipment_rebooked(self, data: Row, now: datetime, time: datetime) -> str | None:
        shipment = self.shipments[data["shipment_id"]]
        if not shipment.is_live:
            return "refused"
        if "lines" in data:
            for line in data["lines"].keys() | shipment.carries.keys():
                new, carried = data["lines"].get(line, ZERO), shipment.carries.get(line, ZERO)
                least = min(shipment.got[line], carried)
                if not least <= new <= carried + self.left_to_book(line):
                    return "refused"
            shipment.carries = dict(data["lines"])
        shipment.carrier = data.get("carrier", shipment.carrier)
        shipment.mode = data.get("mode", shipment.mode)
        shipment.estimate = data.get("estimated_delivery", shipment.estimate)
        shipment.service_level = data.get("service_level", shipment.service_level)
        shipment.cost = data.get("cost", shipment.cost)
        shipment.tracking_number = data.get("tracking_number", shipment.tracking_number)
        shipment.parcels = data.get("parcels", shipment.parcels) or []
        if shipment.is_delivered:
            shipment.delivered_at = shipment.confirmed_at
        return None

    def shipment_dispatched(self, data: Row, now: datetime, time: datetime) -> str | None:
        shipment = self.shipments[data["shipment_id"]]
        if shipment.dispatched_at is not None or shipment.is_delivered:
            return "duplicate"
        if shipment.cancelled_at is not None:
            return "refused"
        shipment.dispatched_at = now
        return None

    def shipment_delayed(self, data: Row, now: datetime, time: datetime) -> str | None:
        shipment = self.shipments[data["shipment_id"]]
        if not shipment.is_live:
            return "refused"
        shipment.estimate = data.get("estimated_delivery")
        return None

    def shipment_cancelled(self, data: Row, now: datetime, time: datetime) -> str | None:
        shipment = self.shipments[data["shipment_id"]]
        if shipment.cancelled_at is not None:
            return "duplicate"
        if shipment.is_delivered:
            return "refused"
        shipment.cancelled_at = now
        return None

    # Deliveries.

    def delivery_attempted(self, data: Row, now: datetime, time: datetime) -> str | None:
        shipment = self.shipments[data["shipment_id"]]
        if not shipment.is_live:
            return "refused"
        shipment.attempts += 1
        self.attempts += 1
        return None

    def delivery_confirmed(self, data: Row, now: datetime, time: datetime) -> str | None:
        shipment = self.shipments[data["shipment_id"]]
        parcel = data.get("parcel")
        if parcel is not None and parcel not in shipment.parcels:
            return "refused"
        if shipment.is_delivered or parcel in shipment.confirmed_parcels:
            return "duplicate" if self._confirmed_then(shipment, data, time) else "refused"
        if shipment.cancelled_at is not None and self.is_closed:
            return "refused"
        named = data.get("lines")
        if named is not None and not named.keys() <= shipment.carries.keys():
            return "refused"
        is_last_parcel = parcel is not None and shipment.confirmed_parcels | {parcel} == set(shipment.parcels)
        if parcel is None:
            given = dict(shipment.rest) if named is None else named
        elif is_last_parcel:
            given = dict(shipment.rest)
            for line, quantity in (named or {}).items():
                given[line] = max(quantity, given.get(line, ZERO))
        else:
            given = named or {}
        shipment.cancelled_at = None
        for line, quantity in given.items():
            shipment.got[line] += quantity
            self.history[line].append((now, quantity))
        shipment.confirmations.append(Confirmation(time, dict(given), parcel))
        shipment.confirmed_at, shipment.promise_then = now, self.promise
        shipment.signed_by = data.get("signed_by", shipment.signed_by)
        if shipment.is_delivered:
            shipment.delivered_at = now
        if given:
            self.last_delivered_at = now
        self.last_confirmed = shipment
        self._complete(now, short=False)
        return None

    @staticmethod
    def _confirmed_then(shipment: Shipment, data: Row, time: datetime) -> bool:
        """Whether it says again what was confirmed at its time."""
        parcel = data.get("parcel")
        of_parcel = [one for one in shipment.confirmations if parcel is None or one.parcel == parcel]
        # A parcel that counts as confirmed, since the shipment is delivered, was so with the last confirmation.
        then = [one for one in of_parcel or shipment.confirmations[-1:] if one.time == time]
        return bool(then) and ("lines" not in data or any(one.delivered == data["lines"] for one in then))

    def delivery_returned(self, data: Row, now: datetime, time: datetime) -> str | None:
        shipment = self.shipments[data["shipment_id"]]
        there = {line: q for line in shipment.got if (q := shipment.got[line] - shipment.returned[line]) > 0}
        given = data.get("lines", there)
        if not given or any(quantity > there.get(line, ZERO) for line, quantity in given.items()):
            return "refused"
        for line, quantity in given.items():
            shipment.returned[line] += quantity
            self.returned[line] += quantity
            if data.get("replace"):
                self.history[line].append((now, -quantity))
        if data.get("replace") and self.completed is not None and not self.all_delivered:
            self.completed = None
            self.reopened_at = now
        return None

    # How it looks.

    @property
    def stage(self) -> str:
        if self.something_delivered:
            return "partly_delivered"
        if not self.live:
            return "to_book"
        return "in_transit" if any(s.dispatched_at is not None for s in self.live) else "booked"

    @property
    def undecided(self) -> int:
        return sum(request.decision is None for request in self.requests.values())

    def rounded(self, value: Decimal) -> Decimal:
        assert self.placed is not None
        return minor(value, self.placed["currency"])

    @property
    def open_value(self) -> Decimal:
        if self.is_closed:
            return self.rounded(ZERO)
        rests = ((max(ZERO, r["quantity"] - self.delivered(line)), r["unit_price"]) for line, r in self.goods.items())
        return self.rounded(sum((rest * price for rest, price in rests), ZERO))

    @property
    def order_value(self) -> Decimal:
        return self.rounded(sum((row["quantity"] * row["unit_price"] for row in self.lines.values()), ZERO))

    def in_full_since(self, line: str) -> datetime | None:
        """The delivery since which the line has its present quantity."""
        wanted = self.lines[line]["quantity"] if line in self.lines else ZERO
        total, since = ZERO, None
        for at, quantity in self.history[line]:
            total += quantity
            if total < wanted:
                since = None
            elif since is None and quantity > 0:
                since = at
        return since

    def is_overdue(self, at: datetime) -> bool:
        return self.is_open and self.promise < at

    def why_at_risk(self, at: datetime) -> str | None:
        if not self.is_open or self.promise < at:
            return None
        expected = self.expected
        if expected is not None and expected > self.promise:
            return "estimate_late"
        if expected is not None and expected < at:
            return "estimate_passed"
        if any(s.estimate is None for s in self.live):
            return "no_estimate"
        unbooked = any(self.left_to_book(line) > 0 for line in self.lines)
        return "not_booked" if unbooked and self.promise <= at + DAY else None
