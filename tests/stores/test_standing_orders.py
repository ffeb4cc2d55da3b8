"""given standing orders, when the reactors run, then each due date has one ordinary order while its reason stands."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from random import Random
from threading import Event
from typing import Any

import pytest

from consumers.sources.json_lines import JsonLines
from domain.checkpoint import CheckpointMovedError
from domain.derived import PARCELS, MessageWithdrawn
from domain.order.events import OrderPlaced
from domain.standing_order.events import StandingOrderMissed
from infra.app.container import Waybill
from infra.app.react_dry_run import dry_run
from infra.app.verify import verify_store
from infra.queries.books import books
from infra.queries.views import Asked
from infra.settings import Settings
from infra.store.reactions.reading import ReactionReading
from projections.views.catalogue import view_named
from tests.integration.messages import Document, booked, confirmed, line, message, placed, voided
from tests.stores.conftest import StoreUrl

MARCH = datetime(2025, 3, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    """The beginning of that day of March 2025 (a Saturday is the 1st), in UTC; 10.5 is noon."""
    return MARCH + timedelta(days=number - 1)


def time(number: float) -> str:
    return day(number).isoformat()


def established(on: float, every: Document, first_on: float, lead_days: int = 0, **more: Any) -> Document:
    data = {
        "account_id": "ACME",
        "rep_id": "rep-1",
        "segment": "b2b",
        "currency": "USD",
        "lines": [line()],
        "every": every,
        "first_on": day(first_on).date().isoformat(),
        "lead_days": lead_days,
    }
    return message("standing_order.established", "12", time(on), {**data, **more})


def stopped(on: float) -> Document:
    return message("standing_order.stopped", "12", time(on), {"reason": "not needed"})


def account(on: float, time_zone: str) -> Document:
    data = {"name": "Acme", "segment": "b2b", "time_zone": time_zone}
    return message("account.registered", "ACME", time(on), data)


DAILY = established(1.5, {"days": 1}, first_on=2)
WEEKLY = established(1.5, {"weekday": "Monday"}, first_on=2, lead_days=2)


class Desk:
    """A service with a clock of its own."""

    def __init__(self, url: str, **settings: Any):
        self.now = day(1)
        self.url = url
        self.waybill = Waybill(Settings(store=url, **settings), lambda: self.now)

    def hears(self, at: float, *documents: Document) -> None:
        """These messages come in on that day, and no reactor runs."""
        self.now = day(at)
        lines = [json.dumps(document).encode() for document in documents]
        self.waybill.ingest().read(JsonLines.of_bytes(f"on day {at}, {len(lines)}", b"\n".join(lines)))

    def reacts(self, at: float) -> None:
        self.now = day(at)
        self.waybill.react(Event(), once=True)
        self.waybill.project()
        self.is_sound()

    def is_sound(self) -> None:
        assert verify_store(self.waybill).findings == []
        told = books(self.waybill.engine, self.now, self.waybill.hold)
        assert told.received == told.applied + told.duplicate + told.held + told.dead

    def asks(self, view: str, as_of: float | None = None, known_at: float | None = None) -> list[dict[str, Any]]:
        asked = Asked(None if as_of is None else day(as_of), None if known_at is None else day(known_at))
        return [dict(row) for row in self.waybill.views.ask(view_named(view), asked).rows]

    def orders(self, **clocks: float) -> dict[str, str]:
        """The status of each order."""
        return {row["order_id"]: row["status"] for row in self.asks("orders", **clocks)}

    def standing(self, **clocks: float) -> tuple[Any, ...]:
        ((_, *told),) = [tuple(row.values()) for row in self.asks("standing-orders", **clocks)]
        return tuple(told)


@pytest.fixture
def desk(new_store: StoreUrl) -> Iterator[Desk]:
    service = Desk(new_store())
    yield service
    service.waybill.close()


def test_each_date_is_placed_when_it_comes_due_as_an_ordinary_order(desk: Desk) -> None:
    desk.hears(1.75, WEEKLY, account(1, "America/New_York"))
    desk.reacts(1.9)
    # Monday the 3rd, placed two days earlier, when New York's day began: not before the terms were established.
    (order,) = desk.asks("orders")
    assert (order["order_id"], order["placed_at"], order["promised_by"]) == ("12-2025-03-03", day(1.5), day(4 + 5 / 24))
    assert (order["rep_id"], order["account_id"], order["channel"]) == ("rep-1", "ACME", "standing_order")
    assert desk.standing() == ("2025-03-10", "12-2025-03-03", 1, 0)
    desk.reacts(8 + 4.9 / 24)
    assert len(desk.orders()) == 1
    desk.reacts(8 + 5 / 24)
    assert desk.orders() == {"12-2025-03-03": "open", "12-2025-03-10": "open"}
    # New York's clocks went forward on the 9th.
    assert desk.asks("orders")[1]["promised_by"] == day(11 + 4 / 24)
    (answer,) = desk.waybill.messages.find("urn:waybill:reactor:standing-orders", "placed-12-2025-03-10")
    assert (answer.verdict, answer.recorded_at) == ("applied", day(8 + 5 / 24))
    desk.hears(8.5, booked("12-2025-03-03", time(8.4), time(9)), confirmed("12-2025-03-03", time(8.45)))
    desk.reacts(8.5)
    assert desk.orders()["12-2025-03-03"] == "delivered"


def test_running_again_places_nothing_again(desk: Desk) -> None:
    desk.hears(1.75, DAILY)
    desk.reacts(5)
    head = desk.waybill.history.head()
    desk.reacts(5)
    assert list(desk.orders()) == [f"12-2025-03-0{n}" for n in (2, 3, 4, 5)]
    assert desk.waybill.history.head() == head
    assert dry_run(desk.waybill) == []


def test_a_dry_run_says_what_would_be_placed_and_stores_nothing(desk: Desk) -> None:
    desk.hears(1.75, DAILY)
    desk.now = day(3.5)
    assert [(one.action, one.subject, one.verdict) for one in dry_run(desk.waybill)] == [
        ("state", "12-2025-03-02", "applied"),
        ("state", "12-2025-03-03", "applied"),
    ]
    desk.waybill.project()
    assert desk.orders() == {}


def test_dates_within_the_catch_up_are_placed_late_and_older_ones_are_missed(new_store: StoreUrl) -> None:
    desk = Desk(new_store(), standing_catch_up=timedelta(days=3))
    desk.hears(1.75, DAILY)
    desk.reacts(10.5)
    assert list(desk.orders()) == [f"12-2025-03-{n:02}" for n in (7, 8, 9, 10)]
    assert desk.standing() == ("2025-03-11", "12-2025-03-10", 4, 5)
    # What was found is not decided anew, whatever the setting or the clock says later.
    desk.waybill.close()
    later = Desk(desk.url, standing_catch_up=timedelta(days=30))
    later.reacts(9)
    later.reacts(11)
    assert later.standing() == ("2025-03-12", "12-2025-03-11", 5, 5)
    later.waybill.close()


def test_a_stop_that_comes_late_withdraws_what_it_forbids_and_its_void_brings_it_back(desk: Desk) -> None:
    desk.hears(1.75, DAILY)
    desk.reacts(6)
    desk.hears(6.5, booked("12-2025-03-05", time(6.2), time(7)), stopped(4.5))
    desk.reacts(6.5)
    assert list(desk.orders()) == ["12-2025-03-02", "12-2025-03-03", "12-2025-03-04"]
    assert desk.standing() == (None, "12-2025-03-04", 3, 0)
    # Known at an earlier instant, the orders are there.
    assert len(desk.orders(known_at=6.25)) == 5
    # Much later than the catch-up: what was placed once is not missed.
    desk.hears(40, voided(stopped(4.5), time(40)))
    desk.reacts(40)
    assert list(desk.orders())[:5] == [f"12-2025-03-0{n}" for n in (2, 3, 4, 5, 6)]
    assert desk.orders()["12-2025-03-05"] == "open"
    assert desk.standing()[2:] == (5 + 9, 25)


def test_a_void_of_the_terms_withdraws_the_orders_and_a_void_of_the_void_brings_them_back(desk: Desk) -> None:
    desk.hears(1.75, DAILY)
    desk.reacts(4)
    before = desk.asks("orders", as_of=4)
    void = voided(DAILY, time(4.1))
    desk.hears(4.1, void)
    desk.reacts(4.1)
    assert (desk.orders(), desk.asks("standing-orders")) == ({}, [])
    assert len(desk.orders(known_at=4)) == 3
    desk.hears(4.2, voided(void, time(4.2)))
    desk.reacts(4.2)
    assert desk.asks("orders", as_of=4) == before
    assert desk.standing() == ("2025-03-05", "12-2025-03-04", 3, 0)


def test_what_a_parcel_said_to_a_withdrawn_order_is_withdrawn_too_and_comes_back_with_it(desk: Desk) -> None:
    order = "12-2025-03-02"
    scan = message("parcel.delivered", "1Z", time(2.4), {})
    desk.hears(1.75, DAILY)
    desk.reacts(2.1)
    desk.hears(2.5, booked(order, time(2.2), time(3), tracking_number="1Z"), scan)
    desk.reacts(2.5)
    assert desk.orders() == {order: "delivered"}
    void = voided(DAILY, time(2.6))
    desk.hears(2.6, void)
    desk.reacts(2.6)
    assert desk.orders() == {}
    assert [row["tracking_number"] for row in desk.asks("unmatched-parcels")] == ["1Z"]
    assert desk.waybill.messages.find(PARCELS, told_by(desk)) == []
    assert dry_run(desk.waybill) == []
    desk.hears(2.7, voided(void, time(2.7)))
    desk.reacts(2.7)
    assert desk.orders() == {order: "delivered"}
    assert desk.asks("unmatched-parcels") == []


def told_by(desk: Desk) -> str:
    """The id of the parcels reactor's latest message, whether it stands or not."""
    events = [event for _, event in desk.waybill.history.after(0, 10_000)]
    return next(e.message_id for e in reversed(events) if e.source == PARCELS)


def test_new_terms_hold_from_then_on_and_a_late_zone_moves_what_was_placed(desk: Desk) -> None:
    desk.hears(1.75, DAILY)
    desk.reacts(3.5)
    desk.hears(3.6, established(3.5, {"days": 2}, first_on=2, lines=[line(quantity=7)]))
    desk.reacts(6.5)
    told = {row["order_id"]: row["order_value"] for row in desk.asks("orders")}
    assert told == {"12-2025-03-02": 10, "12-2025-03-03": 10, "12-2025-03-04": 70, "12-2025-03-06": 70}
    desk.hears(6.6, account(1, "Asia/Tokyo"))
    desk.reacts(6.6)
    moved = {row["order_id"]: row["placed_at"] for row in desk.asks("orders")}
    assert moved == {
        "12-2025-03-02": day(2 - 9 / 24),
        "12-2025-03-03": day(3 - 9 / 24),
        "12-2025-03-04": day(4 - 9 / 24),
        "12-2025-03-06": day(6 - 9 / 24),
    }


def test_a_clock_that_is_set_back_withdraws_nothing_and_places_nothing_twice(desk: Desk) -> None:
    desk.hears(1.75, DAILY)
    desk.reacts(5)
    for at in (3, 1.8, 4.5, 5):
        desk.reacts(at)
        assert len(desk.orders()) == 4
    desk.reacts(6)
    assert len(desk.orders()) == 5


def test_after_terms_that_placed_days_ahead_the_first_new_date_is_placed_in_time(desk: Desk) -> None:
    early = established(1.5, {"days": 1}, first_on=2, lead_days=5)
    desk.hears(1.75, early, established(1.75, {"days": 1}, first_on=2, id="late"))
    desk.reacts(2)
    assert list(desk.orders()) == [f"12-2025-03-0{n}" for n in (2, 3, 4, 5, 6)]
    desk.reacts(7)
    assert list(desk.orders())[5:] == ["12-2025-03-07"]


def test_a_date_found_missed_by_a_clock_that_was_ahead_does_not_hide_the_next_one(desk: Desk) -> None:
    desk.hears(1.75, established(1.5, {"days": 30}, first_on=10))
    desk.reacts(30)
    desk.hears(1.8, account(1, "UTC"))
    desk.reacts(1.8)
    assert desk.standing() == ("2025-04-09", None, 0, 1)
    desk.reacts(40.5)
    assert list(desk.orders()) == ["12-2025-04-09"]


def test_what_happens_to_an_account_otherwise_is_no_news_for_its_standing_orders(desk: Desk) -> None:
    desk.hears(1.75, DAILY, account(1, "UTC"))
    desk.reacts(2)
    desk.hears(2.1, message("account.assigned", "ACME", time(2.1), {"rep_id": "rep-2"}))
    with desk.waybill.engine.connect() as connection:
        reactor = desk.waybill.reactors()[1]
        assert ReactionReading(desk.waybill.backend).after(connection, reactor, 100).keys == []
    desk.hears(2.2, voided(account(1, "UTC"), time(2.2)))
    with desk.waybill.engine.connect() as connection:
        assert ReactionReading(desk.waybill.backend).after(connection, reactor, 100).keys == ["12"]


def test_three_reactors_whose_clocks_jump_place_each_date_once(desk: Desk) -> None:
    desk.hears(1.75, DAILY, {**WEEKLY, "subject": "13", "id": "other"})

    def run(seed: int) -> int:
        draw, now, done = Random(seed), day(2), 0
        with Waybill(Settings(store=desk.url), lambda: now) as other:
            work = other.reactions(Event())
            work.begin()
            for _ in range(12):
                # Mostly on, sometimes back, and never so far that a date would be missed.
                now = min(max(now + timedelta(hours=draw.choice((-30, -7, 1, 5, 20, 40))), day(2)), day(8))
                try:
                    done += work.step()
                except CheckpointMovedError:
                    continue
        return done

    with ThreadPoolExecutor(3) as reactors:
        steps_with_work = sum(reactors.map(run, range(3)))
    assert steps_with_work > 0
    head = desk.waybill.history.head()
    assert head > 2
    desk.reacts(8)

    events = [event for _, event in desk.waybill.history.after(0, 10_000)]
    placed = Counter(event.message_id for event in events if isinstance(event, OrderPlaced))
    assert placed == {f"placed-12-2025-03-0{n}": 1 for n in range(2, 9)} | {
        "placed-13-2025-03-03": 1,
        "placed-13-2025-03-10": 1,
    }
    assert not any(isinstance(event, MessageWithdrawn | StandingOrderMissed) for event in events)


def test_no_rebuild_and_no_reading_places_anything(desk: Desk) -> None:
    desk.hears(1.75, DAILY)
    desk.now = day(5)
    desk.waybill.project()
    desk.is_sound()
    assert desk.orders() == {}
    assert desk.standing()[2:] == (0, 0)


def test_an_upstreams_order_of_that_name_is_kept_and_the_date_is_not_placed_twice(desk: Desk) -> None:
    desk.hears(1.75, DAILY, placed("12-2025-03-02", time(1.6), time(9)))
    desk.reacts(2.5)
    (order,) = desk.asks("orders")
    assert order["promised_by"] == day(9)
    (answer,) = desk.waybill.messages.find("urn:waybill:reactor:standing-orders", "placed-12-2025-03-02")
    assert answer.verdict == "refused"


def test_a_date_whose_placing_was_voided_or_refused_is_not_due_again_whatever_was_known_when(desk: Desk) -> None:
    placing = {"source": "urn:waybill:reactor:standing-orders", "id": "placed-12-2025-03-03", "reason": "closed"}
    desk.hears(1.75, DAILY)
    desk.reacts(3.1)
    desk.hears(3.2, message("message.voided", "12-2025-03-03", time(3.2), placing))
    desk.reacts(3.2)
    assert desk.standing() == desk.standing(known_at=3.2) == ("2025-03-04", "12-2025-03-02", 1, 0)
    assert desk.standing(known_at=3.1) == ("2025-03-04", "12-2025-03-03", 2, 0)
    desk.hears(3.3, placed("12-2025-03-04", time(3.3), time(9)))
    desk.reacts(5)
    assert desk.standing() == desk.standing(known_at=5) == ("2025-03-06", "12-2025-03-05", 2, 0)
    assert desk.standing(as_of=4) == desk.standing(as_of=4, known_at=5) == ("2025-03-05", "12-2025-03-02", 1, 0)
    marker = {"source": placing["source"], "id": "missed-12-2025-03-06", "reason": "closed"}
    desk.reacts(16)
    assert desk.standing()[2:] == (2 + 9, 2)
    desk.hears(16.1, message("message.voided", "12", time(16.1), marker))
    desk.reacts(16.1)
    assert desk.standing() == desk.standing(known_at=16.1) == ("2025-03-17", "12-2025-03-16", 11, 1)
    assert desk.standing(known_at=16) == ("2025-03-17", "12-2025-03-16", 11, 2)


def test_known_at_an_instant_the_orders_follow_from_what_was_recorded_then(desk: Desk) -> None:
    desk.hears(1.75, WEEKLY)
    # No reactor runs for a week: an order counts as placed when it came due all the same.
    desk.hears(9.5, message("rep.left", "rep-9", time(9), {}))
    desk.reacts(9.6)
    now = desk.orders()
    assert now == desk.orders(known_at=9.6) == {"12-2025-03-03": "open", "12-2025-03-10": "open"}
    assert desk.orders(known_at=1.7) == {}
    # An instant that is still to come is no forecast.
    assert desk.orders(known_at=40) == now
    assert desk.waybill.orders.order("12-2025-03-17", desk.now, known_at=day(40)) is None
    assert desk.orders(known_at=5) == {"12-2025-03-03": "open"}
    assert desk.standing(known_at=5) == ("2025-03-10", "12-2025-03-03", 1, 0)
    assert desk.standing(known_at=9.6) == desk.standing()
    known = desk.waybill.orders.order("12-2025-03-03", desk.now, known_at=day(5))
    assert known is not None and known.summary is not None
    assert known.summary.placed_at == day(1.5)
    assert desk.waybill.orders.order("12-2025-03-10", desk.now, known_at=day(5)) is None


def test_an_order_that_was_never_stored_is_known_at_the_time_between(desk: Desk) -> None:
    desk.hears(1.75, established(1.5, {"days": 30}, first_on=2))
    desk.reacts(15)
    assert (desk.orders(), desk.standing()) == ({}, ("2025-04-01", None, 0, 1))
    assert desk.orders(known_at=5) == {"12-2025-03-02": "open"}
    assert desk.standing(known_at=5) == ("2025-04-01", "12-2025-03-02", 1, 0)


def test_ids_that_would_be_too_long_are_cut_and_end_with_the_date(desk: Desk) -> None:
    name = "x" * 195
    terms = {**DAILY, "subject": name}
    desk.hears(1.75, terms)
    desk.reacts(3)
    assert [row["placed"] for row in desk.asks("standing-orders")] == [2]
    assert [row["placed"] for row in desk.asks("standing-orders", known_at=3)] == [2]
    orders = sorted(desk.orders())
    assert all(len(order) == 200 and date.fromisoformat(order[-10:]) for order in orders)
    then = desk.orders()
    assert desk.orders(known_at=3) == then
    desk.hears(3.1, voided(terms, time(3.1), id="void"))
    desk.reacts(3.1)
    assert desk.orders() == {}
    assert desk.orders(known_at=3) == then
