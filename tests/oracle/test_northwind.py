"""given the Northwind history, taken in by `waybill ingest`, then every answer is the one its rows themselves give."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from tests.oracle.floor import TakenIn, assert_same
from tests.oracle.straight import Straight, hours, read_instant

INSTANTS = (
    "1996-08-01T00:00:00Z",  # the very promise of NW-10248, a day before the next ones
    "1997-01-15T09:00:18Z",  # half a hundredth of an hour past the hour
    "1997-09-30T23:00:54Z",
    "1998-02-11T00:00:00.000001Z",
    "1998-06-01T00:00:00Z",
    "1998-07-01T02:00:00+02:00",
)
VIEWS = ("overdue", "at-risk", "late", "workload", "carriers", "accounts")


@pytest.fixture(scope="module")
def straight(northwind: TakenIn) -> Straight:
    return Straight(northwind.lines)


def test_every_message_is_applied(northwind: TakenIn) -> None:
    others = {"duplicate": 0, "held": 0, "refused": 0, "malformed": 0}
    assert northwind.counts == {"received": 2569, "applied": 2569, **others}
    books = {"received": 2569, "applied": 2569, "duplicate": 0, "held": 0, "dead": 0}
    assert northwind.waybill.ask("status")["books"] == books


def test_all_orders_accounts_and_reps_are_there(northwind: TakenIn) -> None:
    streams = Counter(event["event"] for event in northwind.waybill.ask("events"))
    expected = {"OrderPlaced": 830, "ShipmentBooked": 830, "DeliveryConfirmed": 809}
    assert streams == expected | {"AccountRegistered": 91, "RepRegistered": 9}


def test_the_known_number_of_orders_was_late_by_rep(northwind: TakenIn) -> None:
    late = Counter(row["rep_id"] for row in northwind.ask("late"))
    expected = {1: 3, 2: 4, 3: 5, 4: 10, 5: 1, 6: 3, 7: 4, 8: 5, 9: 5}
    assert late == {f"rep-{number}": count for number, count in expected.items()}
    assert late.total() == 40


@pytest.mark.parametrize(("as_of", "overdue"), [("1998-06-01T00:00:00Z", 10), ("1998-07-01T00:00:00Z", 21)])
def test_the_known_number_of_orders_was_overdue(northwind: TakenIn, as_of: str, overdue: int) -> None:
    assert len(northwind.ask("overdue", as_of)) == overdue


def test_the_orders_that_never_arrived_are_still_open(northwind: TakenIn) -> None:
    assert sum(row["open_orders"] for row in northwind.ask("workload")) == 21


@pytest.mark.parametrize("as_of", INSTANTS)
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_as_of_an_instant(northwind: TakenIn, straight: Straight, view: str, as_of: str) -> None:
    assert_same(view, northwind.ask(view, as_of), straight.ask(view, read_instant(as_of)))


@pytest.mark.parametrize("as_of", INSTANTS[2::3])
def test_the_scorecards(northwind: TakenIn, straight: Straight, as_of: str) -> None:
    assert_same("scorecard", northwind.ask("scorecard", as_of), straight.ask("scorecard", read_instant(as_of)))


@pytest.mark.parametrize("as_of", INSTANTS)
def test_the_number_of_open_orders(northwind: TakenIn, straight: Straight, as_of: str) -> None:
    at = read_instant(as_of)
    undelivered = sum(order.delivered_at is None for order in straight.orders(as_of=at))
    assert sum(row["open_orders"] for row in northwind.ask("workload", as_of)) == undelivered


def test_what_is_overdue_now(northwind: TakenIn, straight: Straight) -> None:
    """Now is some instant while the command runs; all columns but the hours say the same throughout."""
    before = datetime.now(UTC)
    found = northwind.ask("overdue")
    after = datetime.now(UTC)

    for row in found:
        promise = read_instant(row["promised_by"])
        assert float(hours(promise, before)) <= float(row["hours_overdue"]) <= float(hours(promise, after))
    timeless = [{**row, "hours_overdue": "…"} for row in found]
    assert_same("overdue", timeless, [{**row, "hours_overdue": "…"} for row in straight.ask("overdue", after)])


def test_one_order_is_shown_completely(northwind: TakenIn) -> None:
    told = northwind.waybill.ask("order", "NW-10260")

    assert [entry["event"] for entry in told["timeline"]] == ["OrderPlaced", "ShipmentBooked", "DeliveryConfirmed"]
    assert [entry["verdict"] for entry in told["timeline"]] == ["applied"] * 3
    assert told["order"]["status"] == "delivered"


def test_nothing_that_is_kept_differs_from_what_the_events_say(northwind: TakenIn) -> None:
    northwind.waybill("verify").done()
