"""given the arguments of a simulation, when its lines are read, then they are a sales floor that can be believed.

The contract's rules are written here a second time and as plainly as possible, so that what the simulation takes to be
allowed is judged by nothing that it shares.
"""

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from consumers.contract.catalogue import CATALOGUE
from infra.simulation import DEFAULT_UNTIL, simulate

Message = dict[str, Any]

RANKS = (
    "order.placed", "order.amended", "order.reassigned", "order.rescheduled", "order.cancelled",
    "expedite.requested", "expedite.granted", "expedite.declined", "customer.informed", "shipment.booked",
    "shipment.rebooked", "shipment.dispatched", "shipment.delayed", "shipment.cancelled", "delivery.attempted",
    "delivery.confirmed", "message.voided", "customer.contacted", "rep.registered", "rep.changed", "rep.quota_set",
    "rep.pay_plan_set", "account.registered", "account.assigned", "standing_order.established",
    "standing_order.stopped", "delivery.returned", "order.reinstated", "rep.left", "parcel.dispatched",
    "parcel.delayed", "parcel.attempted", "parcel.delivered",
)  # fmt: skip
TYPES = {f"{name}.v1" for name in RANKS}
SAID_OF_A_SHIPMENT = {
    "parcel.dispatched.v1": "shipment.dispatched.v1",
    "parcel.delayed.v1": "shipment.delayed.v1",
    "parcel.attempted.v1": "delivery.attempted.v1",
    "parcel.delivered.v1": "delivery.confirmed.v1",
}


def messages(orders: int, seed: int = 1, until: datetime = DEFAULT_UNTIL) -> list[Message]:
    return [json.loads(line) for line in simulate(orders, seed, until)]


def time_of(message: Message) -> datetime:
    return datetime.fromisoformat(message["time"])


def instant_of(data: Message, name: str) -> datetime:
    """A field that may be a day alone: then its end, in the message's zone or in the business zone."""
    written = data[name]
    if len(written) > len("2026-06-30"):
        return datetime.fromisoformat(written)
    zone = ZoneInfo(data.get("time_zone", "UTC"))
    return datetime.fromisoformat(written).replace(tzinfo=zone) + timedelta(days=1)


def goods(data: Message) -> dict[int, Decimal]:
    """The quantities of the lines, without charges."""
    return {line["line"]: Decimal(str(line["quantity"])) for line in data["lines"] if line.get("kind") != "charge"}


def key(message: Message) -> tuple[str, str]:
    return message["source"], message["id"]


class Ledger:
    """One order, taken message by message in the order of time; what is not there yet is waited for."""

    def __init__(self, subject: str, history: list[Message]) -> None:
        self.subject = subject
        self.placed = self.cancelled = False
        self.promise = datetime.min.replace(tzinfo=UTC)
        self.ordered: dict[int, Decimal] = {}
        self.delivered: defaultdict[int, Decimal] = defaultdict(Decimal)
        self.shipments: dict[str, dict[int, Decimal]] = {}
        self.arrived: defaultdict[str, defaultdict[int, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        self.parcels: dict[str, set[str]] = {}
        self.ended: set[str] = set()
        self.dispatched: set[str] = set()
        self.requests: dict[str, str] = {}
        self.owed: set[str] = set()
        self.refused: list[str] = []
        voided = {(m["data"]["source"], m["data"]["id"]) for m in history if m["type"] == "message.voided.v1"}
        self.waiting: list[Message] = []
        standing = [m for m in history if m["type"] != "message.voided.v1" and key(m) not in voided]
        for message in sorted(standing, key=lambda m: (time_of(m), RANKS.index(m["type"][:-3]), *key(m))):
            self.waiting.append(message)
            while ready := [waiting for waiting in self.waiting if self.names_what_is_there(waiting)]:
                self.waiting.remove(ready[0])
                self.take(ready[0])

    def names_what_is_there(self, message: Message) -> bool:
        if message["type"] == "order.placed.v1":
            return True
        data, booking = message["data"], message["type"] == "shipment.booked.v1"
        known = booking or data.get("shipment_id") is None or data["shipment_id"] in self.shipments
        asking = message["type"] == "expedite.requested.v1"
        return (
            self.placed and known and (asking or data.get("request_id") is None or data["request_id"] in self.requests)
        )

    def take(self, message: Message) -> None:
        verb = message["type"].removesuffix(".v1").replace(".", "_")
        if getattr(self, verb)(message["data"]) is False:
            self.refused.append(message["type"])

    @property
    def completed(self) -> bool:
        return self.placed and all(self.delivered[line] >= quantity for line, quantity in self.ordered.items())

    @property
    def closed(self) -> bool:
        return self.cancelled or self.completed

    def left_to_book(self) -> dict[int, Decimal]:
        left = {line: quantity - self.delivered[line] for line, quantity in self.ordered.items()}
        for shipment_id, load in self.shipments.items():
            for line, quantity in load.items() if shipment_id not in self.ended else ():
                left[line] = left.get(line, Decimal(0)) - quantity
        return {line: quantity for line, quantity in left.items() if quantity > 0}

    def order_placed(self, data: Message) -> bool:
        allowed = not self.placed
        self.placed = True
        self.promise = instant_of(data, "promised_by")
        self.ordered = goods(data)
        return allowed and len(self.ordered) > 0 and len({line["line"] for line in data["lines"]}) == len(data["lines"])

    def order_amended(self, data: Message) -> bool:
        allowed = not self.closed
        self.ordered = goods(data)
        return allowed and all(self.ordered.get(line, 0) >= done for line, done in self.delivered.items())

    def order_reassigned(self, data: Message) -> bool:
        return bool(data["rep_id"])

    def order_rescheduled(self, data: Message) -> bool:
        self.promise = instant_of(data, "promised_by")
        return not self.closed

    def order_cancelled(self, data: Message) -> bool:
        allowed = not self.closed and not any(self.delivered.values())
        self.cancelled = True
        self.ended.update(self.shipments)
        return allowed

    def order_reinstated(self, data: Message) -> bool:
        allowed, self.cancelled = self.cancelled, False
        if "promised_by" in data:
            self.promise = instant_of(data, "promised_by")
        return allowed

    def expedite_requested(self, data: Message) -> bool:
        allowed = not self.closed and data["request_id"] not in self.requests
        self.requests[data["request_id"]] = "requested"
        return allowed

    def expedite_granted(self, data: Message) -> bool:
        promise = instant_of(data, "promised_by")
        allowed = not self.closed and self.requests[data["request_id"]] == "requested" and promise <= self.promise
        self.requests[data["request_id"]], self.promise = "granted", promise
        return allowed

    def expedite_declined(self, data: Message) -> bool:
        allowed = self.requests[data["request_id"]] == "requested"
        self.requests[data["request_id"]] = "declined"
        self.owed.add("expedite")
        return allowed

    def customer_informed(self, data: Message) -> bool:
        self.owed.discard(data["about"])
        return True

    def shipment_booked(self, data: Message) -> bool:
        left, shipment_id = self.left_to_book(), data["shipment_id"]
        named = data.get("lines")
        load = left if named is None else {line["line"]: Decimal(str(line["quantity"])) for line in named}
        allowed = shipment_id not in self.shipments and not self.closed and bool(load)
        self.shipments[shipment_id] = dict(load)
        self.parcels[shipment_id] = set(data.get("parcels", ()))
        return allowed and all(0 < quantity <= left.get(line, 0) for line, quantity in load.items())

    def shipment_rebooked(self, data: Message) -> bool:
        if "parcels" in data:
            self.parcels[data["shipment_id"]] = set()
        return data["shipment_id"] not in self.ended

    def shipment_dispatched(self, data: Message) -> bool:
        allowed = data["shipment_id"] not in self.ended | self.dispatched
        self.dispatched.add(data["shipment_id"])
        return allowed

    def shipment_delayed(self, data: Message) -> bool:
        if instant_of(data, "estimated_delivery") > self.promise:
            self.owed.add("delay")
        return data["shipment_id"] not in self.ended

    def shipment_cancelled(self, data: Message) -> bool:
        allowed = data["shipment_id"] not in self.ended
        self.ended.add(data["shipment_id"])
        return allowed

    def delivery_attempted(self, data: Message) -> bool:
        return data["shipment_id"] not in self.ended

    def delivery_confirmed(self, data: Message) -> bool:
        allowed, load = data["shipment_id"] not in self.ended, self.shipments[data["shipment_id"]]
        named, to_come = data.get("lines"), self.parcels[data["shipment_id"]]
        if "parcel" in data:
            allowed = allowed and data["parcel"] in to_come
            to_come.discard(data["parcel"])
            if to_come:
                return allowed
        part = dict(load) if named is None else {line["line"]: Decimal(str(line["quantity"])) for line in named}
        for line, quantity in part.items():
            allowed = allowed and 0 < quantity <= load.get(line, 0)
            load[line] = load.get(line, Decimal(0)) - quantity
            self.delivered[line] += quantity
            self.arrived[data["shipment_id"]][line] += quantity
        for line in [line for line, quantity in load.items() if quantity <= 0]:
            del load[line]
        if not load:
            self.ended.add(data["shipment_id"])
        return allowed

    def delivery_returned(self, data: Message) -> bool:
        arrived, allowed = self.arrived[data["shipment_id"]], True
        for line, quantity in goods(data).items():
            allowed = allowed and 0 < quantity <= arrived[line]
            arrived[line] -= quantity
            if data.get("replace"):
                self.delivered[line] -= quantity
        return allowed


def said_of_orders(history: list[Message]) -> list[Message]:
    """What a carrier said that knows only numbers, said of the orders whose shipments have these numbers."""
    voided = {(m["data"]["source"], m["data"]["id"]) for m in history if m["type"] == "message.voided.v1"}
    shipments: defaultdict[str, dict[tuple[str, str], bool]] = defaultdict(dict)
    for message in history:
        data = message["data"]
        if message["type"] in ("shipment.booked.v1", "shipment.rebooked.v1") and key(message) not in voided:
            parcels = data.get("parcels") or ()
            for number in {*parcels, data.get("tracking_number")} - {None}:
                shipments[number][message["subject"], data["shipment_id"]] = number in parcels
    return [
        {
            **message,
            "type": SAID_OF_A_SHIPMENT[message["type"]],
            "subject": order,
            "data": {**message["data"], "shipment_id": shipment_id}
            | ({"parcel": message["subject"]} if in_parcels and message["type"] == "parcel.delivered.v1" else {}),
        }
        for message in history
        if message["type"] in SAID_OF_A_SHIPMENT and key(message) not in voided
        for (order, shipment_id), in_parcels in shipments[message["subject"]].items()
    ]


def ledgers(history: list[Message]) -> list[Ledger]:
    """Those of which something stands: a wrong placing may be voided shortly before the end, with no right one yet."""
    by_order = defaultdict(list)
    for message in [*history, *said_of_orders(history)]:
        if message["subject"].startswith("SO-"):
            by_order[message["subject"]].append(message)
    settled = [Ledger(subject, of_order) for subject, of_order in by_order.items()]
    return [ledger for ledger in settled if ledger.placed or ledger.waiting]


def test_the_same_arguments_give_the_same_bytes_and_another_seed_gives_others() -> None:
    first = list(simulate(200, 7, DEFAULT_UNTIL, 0.1))
    assert list(simulate(200, 7, DEFAULT_UNTIL, 0.1)) == first
    assert list(simulate(200, 8, DEFAULT_UNTIL, 0.1)) != first


@pytest.mark.parametrize("seed", range(8))
def test_a_small_floor_shows_every_type_of_the_contract(seed: int) -> None:
    assert set(CATALOGUE) == TYPES
    assert {message["type"] for message in messages(300, seed)} == TYPES


@pytest.mark.parametrize("seed", range(3))
def test_a_small_floor_shows_what_an_order_may_say(seed: int) -> None:
    history = messages(300, seed)
    placings = [message["data"] for message in history if message["type"] == "order.placed.v1"]
    bookings = [message["data"] for message in history if message["type"] == "shipment.booked.v1"]
    lines = [line for placing in placings for line in placing["lines"]]
    assert {booking["mode"] for booking in bookings} == {"courier", "in_house", "pickup"}
    assert any("parcels" in booking for booking in bookings)
    assert any(line.get("kind") == "charge" and "sku" not in line for line in lines)
    assert any(Decimal(str(line["unit_price"])) < 0 for line in lines)
    assert any("promised_by" in line for line in lines)
    assert any(len(placing["promised_by"]) == len("2026-06-30") for placing in placings)
    assert {bool(m["data"].get("replace")) for m in history if m["type"] == "delivery.returned.v1"} == {True, False}


def test_scans_of_parcels_come_before_and_after_their_bookings_and_a_few_are_of_no_shipment() -> None:
    scanned: set[str] = set()
    booked: set[str] = set()
    first_scan_early: set[str] = set()
    for message in messages(3_000):
        data = message["data"]
        if message["type"] in ("shipment.booked.v1", "shipment.rebooked.v1"):
            numbers = {data.get("tracking_number"), *(data.get("parcels") or ())} - {None}
            first_scan_early |= (numbers - booked) & scanned
            booked |= numbers
        elif message["type"] in SAID_OF_A_SHIPMENT:
            scanned.add(message["subject"])
    never = scanned - booked
    assert 10 < len(first_scan_early) < len(scanned) / 3
    assert 3 < len(never) < len(scanned) / 10


def test_nothing_is_returned_that_only_a_reactor_knows_to_be_delivered() -> None:
    history = messages(3_000)
    told = {(m["subject"], m["data"]["shipment_id"]) for m in said_of_orders(history)}
    returned = {(m["subject"], m["data"]["shipment_id"]) for m in history if m["type"] == "delivery.returned.v1"}
    assert told and returned
    assert not told & returned


def test_no_two_shipments_share_the_number_of_a_carrier_that_knows_nothing_else() -> None:
    owner: dict[str, str] = {}
    for message in messages(3_000):
        data = message["data"]
        if message["type"] == "shipment.booked.v1" and data["carrier"] == "Parcel Line":
            for number in {data["tracking_number"], *data.get("parcels", ())}:
                assert owner.setdefault(number, data["shipment_id"]) == data["shipment_id"]
    assert len(owner) > 300


@pytest.mark.parametrize("orders", [300, 6_000])
def test_a_rep_who_left_takes_no_new_order_and_talks_to_nobody(orders: int) -> None:
    history = messages(orders)
    left = {m["subject"]: time_of(m) for m in history if m["type"] == "rep.left.v1"}
    assert len(left) == max(1, -(-(min(400, max(4, orders // 150)) - 1) // 17))
    for message in history:
        if message["type"] in ("order.placed.v1", "customer.contacted.v1", "standing_order.established.v1"):
            rep = message["data"]["rep_id"]
            assert rep not in left or time_of(message) <= left[rep], message
    assert any(m["data"].get("rep_id") in left for m in history if m["type"] == "order.placed.v1")


@pytest.mark.parametrize("seed", range(3))
def test_standing_orders_are_due_first_in_the_days_around_the_end_and_some_are_stopped(seed: int) -> None:
    history = messages(600, seed)
    registered = {m["subject"] for m in history if m["type"] == "account.registered.v1"}
    standing = [message for message in history if message["type"] == "standing_order.established.v1"]
    stopped = {message["subject"] for message in history if message["type"] == "standing_order.stopped.v1"}
    assert {name for message in standing for name in message["data"]["every"]} == {"days", "weekday", "month_day"}
    assert 0 < len(stopped) < len(standing)
    for message in standing:
        data = message["data"]
        first = datetime.fromisoformat(data["first_on"]).replace(tzinfo=UTC)
        assert data["account_id"] in registered
        assert timedelta(days=-2) < first - DEFAULT_UNTIL < timedelta(days=9)


def test_given_no_mistakes_then_every_message_has_an_id_of_its_own_and_fits_the_envelope() -> None:
    history = messages(1_000)
    assert len({key(message) for message in history}) == len(history)
    for message in history:
        assert message["specversion"] == "1.0"
        assert time_of(message).tzinfo is not None
        assert message["subject"] and message["data"]


def test_sources_write_amounts_and_offsets_each_in_its_own_way() -> None:
    history = messages(1_000)
    assert {message["time"][-6:] for message in history if not message["time"].endswith("Z")} == {"+02:00"}
    placings = [message["data"] for message in history if message["type"] == "order.placed.v1"]
    assert {placing["currency"] for placing in placings} == {"USD", "EUR", "GBP", "JPY"}
    assert {type(line["unit_price"]) for placing in placings for line in placing["lines"]} == {str, int, float}
    yen = [line["unit_price"] for placing in placings if placing["currency"] == "JPY" for line in placing["lines"]]
    assert all(Decimal(str(price)) % 1 == 0 for price in yen)


@pytest.mark.parametrize("until", [DEFAULT_UNTIL, datetime(2027, 1, 3, 2, 30, 0, 123_456, tzinfo=UTC)])
def test_nothing_happens_after_the_end(until: datetime) -> None:
    history = messages(600, until=until)
    latest = max(time_of(message) for message in history)
    assert latest <= until
    assert until - latest < timedelta(days=3)


def test_some_news_comes_late_and_some_before_what_it_depends_on() -> None:
    latest = datetime.min.replace(tzinfo=UTC)
    known: set[str] = set()
    late = early = 0
    for message in messages(2_000):
        data = message["data"]
        late += latest - time_of(message) > timedelta(hours=12)
        latest = max(latest, time_of(message))
        if message["type"] in ("order.placed.v1", "shipment.booked.v1"):
            known.add(data.get("shipment_id", message["subject"]))
        names = data.get("shipment_id", message["subject"])
        early += names.startswith("SO-") and names not in known and message["type"] != "message.voided.v1"
    assert late > 50
    assert early > 50


def test_some_goods_leave_before_they_are_booked_by_a_clock_that_is_behind() -> None:
    history = messages(2_000)
    booked = {m["data"]["shipment_id"]: time_of(m) for m in history if m["type"] == "shipment.booked.v1"}
    ahead = [
        booked[m["data"]["shipment_id"]] - time_of(m)
        for m in history
        if m["type"] == "shipment.dispatched.v1" and time_of(m) < booked[m["data"]["shipment_id"]]
    ]
    assert ahead
    assert max(ahead) < timedelta(minutes=5)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("hour", [4, 9, 16])
def test_given_no_mistakes_then_every_rule_is_kept_and_nothing_waits_for_ever(seed: int, hour: int) -> None:
    for ledger in ledgers(messages(1_200, seed, DEFAULT_UNTIL.replace(hour=hour))):
        assert not ledger.refused, ledger.subject
        assert not ledger.waiting, ledger.subject


def test_the_few_wrong_messages_are_voided_and_said_again() -> None:
    history = messages(2_000)
    said = {key(message): message for message in history}
    voids = [message for message in history if message["type"] == "message.voided.v1"]
    assert 0 < len(voids) < len(history) / 100
    for void in voids:
        assert said[void["data"]["source"], void["data"]["id"]]["subject"] == void["subject"]


def test_reps_are_known_before_they_change_and_accounts_before_they_order() -> None:
    history = messages(600)
    registered = {m["subject"]: time_of(m) for m in history if m["type"].endswith(".registered.v1")}
    for message in history:
        if message["type"] in ("rep.changed.v1", "rep.quota_set.v1", "rep.pay_plan_set.v1", "account.assigned.v1"):
            assert registered[message["subject"]] < time_of(message)
        if message["type"] == "order.placed.v1":
            assert message["data"]["rep_id"] in registered
            assert registered[message["data"]["account_id"]] < time_of(message)


@pytest.mark.parametrize("seed", range(3))
def test_work_is_left_open_at_the_end(seed: int) -> None:
    orders = ledgers(messages(3_000, seed))
    still_open = [order for order in orders if not order.closed]
    overdue = [order for order in still_open if order.promise < DEFAULT_UNTIL]
    assert 0.97 * 3_000 <= len(orders) <= 3_000
    assert 0.06 <= len(still_open) / len(orders) <= 0.25
    assert 0.03 <= len(overdue) / len(orders) <= 0.08
    assert any(order.owed for order in orders)
    assert any("requested" in order.requests.values() for order in still_open)
    to_book = [order for order in still_open if order.left_to_book() and order not in overdue]
    assert any(order.promise <= DEFAULT_UNTIL + timedelta(hours=24) for order in to_book)


def test_about_seven_messages_make_an_order() -> None:
    assert 6 <= len(messages(2_000)) / 2_000 <= 8


def test_a_share_of_wrong_lines_comes_beside_the_good_ones_which_stay_as_they_are() -> None:
    good = Counter(simulate(1_000, 3, DEFAULT_UNTIL))
    mixed = Counter(simulate(1_000, 3, DEFAULT_UNTIL, 0.2))
    assert not good - mixed
    wrong = mixed - good
    assert 0.15 <= wrong.total() / mixed.total() <= 0.22
    assert any(line in good for line in wrong), "exact doubles"
    ids = {key(json.loads(line)) for line in good}
    fresh = [line for line in wrong if line not in good]
    assert any(json.loads(line)["id"] in {id_ for _, id_ in ids} for line in fresh if parses(line)), "other content"


def parses(line: bytes) -> bool:
    try:
        return "id" in json.loads(line)
    except ValueError:
        return False


def test_wrong_lines_are_broken_in_every_way_that_upstreams_know() -> None:
    lines = list(simulate(3_000, 3, DEFAULT_UNTIL, 0.2))
    broken = Counter(how_it_is_broken(line) for line in lines)
    assert set(broken) == {
        "not at all",
        "bad UTF-8",
        "broken JSON",
        "missing field",
        "wrong type",
        "unknown type",
        "naive time",
        "negative quantity",
        "NUL in an id",
    }
    assert all(b"\n" not in line for line in lines)


def how_it_is_broken(line: bytes) -> str:
    try:
        message = json.loads(line.decode())
    except UnicodeDecodeError:
        return "bad UTF-8"
    except json.JSONDecodeError:
        return "broken JSON"
    if "subject" not in message or not message["data"]:
        return "missing field"
    if not isinstance(message["data"], dict):
        return "wrong type"
    if message["type"] not in TYPES:
        return "unknown type"
    if time_of(message).tzinfo is None:
        return "naive time"
    if "\0" in message["id"]:
        return "NUL in an id"
    lines = message["data"].get("lines", [])
    return "negative quantity" if any(Decimal(str(line["quantity"])) <= 0 for line in lines) else "not at all"


def test_given_mistakes_then_some_messages_break_a_rule_and_some_wait_for_ever() -> None:
    readable = [line for line in simulate(1_500, 5, DEFAULT_UNTIL, 0.2) if how_it_is_broken(line) == "not at all"]
    orders = ledgers([json.loads(line) for line in dict.fromkeys(readable)])
    refused = {type_ for order in orders for type_ in order.refused}
    assert {"order.placed.v1", "order.cancelled.v1", "shipment.booked.v1", "delivery.confirmed.v1"} <= refused
    assert any(order.waiting for order in orders)
    assert any(not order.placed for order in orders)


@pytest.mark.parametrize(
    ("orders", "until", "wrong"),
    [(-1, DEFAULT_UNTIL, 0.0), (1, datetime(2026, 1, 1), 0.0), (1, DEFAULT_UNTIL, 1.0), (1, DEFAULT_UNTIL, -0.1)],
)
def test_arguments_that_make_no_sense_are_refused_at_once(orders: int, until: datetime, wrong: float) -> None:
    with pytest.raises(ValueError, match=r"must not be|needs an offset|a share"):
        simulate(orders, 1, until, wrong)


@pytest.mark.parametrize("orders", [0, 1, 5])
def test_the_smallest_floors_have_people_and_just_those_orders(orders: int) -> None:
    history = messages(orders)
    voided = {(m["data"]["source"], m["data"]["id"]) for m in history if m["type"] == "message.voided.v1"}
    placed = [m for m in history if m["type"] == "order.placed.v1" and key(m) not in voided]
    assert len(placed) <= orders
    assert sum(message["type"] == "rep.registered.v1" for message in history) == 4


def test_a_history_says_of_each_message_when_it_came_and_nothing_else_differs() -> None:
    plain, told = (list(simulate(60, 3, DEFAULT_UNTIL, 0.2, history=history)) for history in (False, True))

    came: list[datetime] = []
    for line, with_time in zip(plain, told, strict=True):
        try:
            message = json.loads(line)
        except ValueError:
            continue  # broken on purpose, and as broken with the time
        if not isinstance(message, dict):
            assert with_time == line
            continue
        expected = json.loads(with_time)
        came.append(datetime.fromisoformat(expected.pop("recordedtime")))
        assert expected == message
    assert came == sorted(came)
    assert came[-1] <= DEFAULT_UNTIL
    assert any(instant - time_of(json.loads(line)) > timedelta(hours=12) for instant, line in _whole(came, plain))


def _whole(came: list[datetime], lines: list[bytes]) -> list[tuple[datetime, bytes]]:
    whole = [line for line in lines if _is_message(line)]
    return [(instant, line) for instant, line in zip(came, whole, strict=True) if b'"time"' in line]


def _is_message(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
