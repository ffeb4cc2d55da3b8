"""`waybill quote`: for a booking, what each carrier did before."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.command import Command, Nursery
from tests.integration.messages import Document, booked, confirmed, message, placed

PROMISE = "2025-03-05T12:00:00Z"


def delivered_by(carrier: str, number: int, at: str, *, recorded: str | None = None, **more: Any) -> list[Document]:
    """An order promised for noon of 5 March, and its only shipment, delivered that day at this time."""
    order = f"SO-{carrier}-{number}"
    account = {"account_id": more.pop("account")} if "account" in more else {}
    told = {} if recorded is None else {"recordedtime": recorded}
    return [
        placed(order, "2025-03-01T09:00:00Z", PROMISE, recordedtime="2025-03-01T09:00:00Z", **account),
        booked(
            order,
            "2025-03-02T09:00:00Z",
            "2025-03-05T11:00:00Z",
            carrier=carrier,
            recordedtime="2025-03-02T09:00:00Z",
            **more,
        ),
        confirmed(order, f"2025-03-05T{at}Z", **(told or {"recordedtime": f"2025-03-05T{at}Z"})),
    ]


@pytest.fixture(scope="module")
def desk(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Swift is usually early, Vans are late, Newcomer is new; ACME is served worse by Swift than others are."""
    waybill = Command(nursery, tmp_path_factory.mktemp("desk"))
    hours = ("08:00:00", "10:00:00", "11:00:00", "12:00:00", "13:00:00", "14:00:00")
    messages = [
        *(m for n, at in enumerate(hours) for m in delivered_by("Swift", n, at, account="OTHER", cost="10.00")),
        *(m for n in range(5) for m in delivered_by("Swift", 10 + n, "18:00:00", cost=str(20 + n))),
        *(m for n in range(4) for m in delivered_by("Newcomer", n, "10:00:00", cost="1.00", service_level="express")),
        *(m for n in range(5) for m in delivered_by("Vans", n, "13:30:00", mode="in_house")),
        # an account without any past
        message("account.registered", "NEW", "2025-03-01T08:00:00Z", {"name": "New Ltd", "segment": "b2b"}),
        # recalled before anything arrived
        *delivered_by("Swift", 30, "09:00:00", cost="99.00")[:2],
        message("shipment.cancelled", "SO-Swift-30", "2025-03-02T10:00:00Z", {"shipment_id": "S1", "reason": "lost"}),
        *delivered_by("Swift", 20, "09:00:00", recorded="2025-03-20T09:00:00Z", account="OTHER", cost="10.00"),
    ]
    counts = waybill.ask("ingest", waybill.file("messages.jsonl", *messages), "--history")
    assert counts["applied"] == len(messages), counts
    return waybill


def test_every_carrier_of_the_mode_is_quoted_with_the_number_of_shipments_behind_it(desk: Command) -> None:
    swift, newcomer = desk.ask("quote", "--mode", "courier")
    assert swift == {
        "carrier": "Swift",
        "mode": "courier",
        "basis": "all",
        "shipments": 12,
        "on_time_percent": "41.67",
        "mean_hours_late": "1.92",
        "median_hours_late": "1.50",
        "p90_hours_late": "6.00",
        "estimates": 12,
        "median_hours_after_estimate": "2.50",
        "p90_hours_after_estimate": "7.00",
        "currency": "USD",
        "cost_basis": "all",
        "costs": 12,
        "mean_cost": "15.00",
        "median_cost": "10.00",
    }
    assert (newcomer["carrier"], newcomer["shipments"], newcomer["costs"]) == ("Newcomer", 4, 4)
    assert newcomer["on_time_percent"] is newcomer["mean_hours_late"] is newcomer["mean_cost"] is None


def test_the_minimum_is_an_option(desk: Command) -> None:
    newcomer, _ = desk.ask("quote", "--mode", "courier", "--at-least", "4")
    assert (newcomer["carrier"], newcomer["on_time_percent"], newcomer["mean_cost"]) == ("Newcomer", "100.00", "1.00")
    desk("quote", "--mode", "courier", "--at-least", "0").exited(2)


def test_an_account_with_enough_of_its_own_is_told_of_its_own(desk: Command) -> None:
    (acme,) = desk.ask("quote", "--mode", "courier", "--account", "ACME", "--carrier", "Swift")
    assert (acme["basis"], acme["shipments"], acme["on_time_percent"]) == ("account", 5, "0.00")
    assert (acme["cost_basis"], acme["median_cost"]) == ("account", "22.00")
    (stranger,) = desk.ask("quote", "--mode", "courier", "--account", "NEW", "--carrier", "Swift")
    assert (stranger["basis"], stranger["shipments"], stranger["cost_basis"]) == ("all", 12, "all")


def test_mode_carrier_and_service_level_narrow_the_quote(desk: Command) -> None:
    (vans,) = desk.ask("quote", "--mode", "in_house")
    assert (vans["carrier"], vans["mean_hours_late"], vans["currency"]) == ("Vans", "1.50", None)
    assert desk.ask("quote", "--mode", "pickup") == []
    (express,) = desk.ask("quote", "--mode", "courier", "--service-level", "express")
    assert express["carrier"] == "Newcomer"
    desk("quote").exited(2, "--mode")
    desk("quote", "--mode", "drone").exited(2, "drone")


def test_a_quote_is_of_any_instant_by_both_clocks(desk: Command) -> None:
    def swift(*clocks: str) -> int:
        told = {row["carrier"]: row["shipments"] for row in desk.ask("quote", "--mode", "courier", *clocks)}
        return int(told["Swift"])

    assert swift("--as-of", "2025-03-05T11:00:00Z") == 4
    assert swift("--known-at", "2025-03-10T00:00:00Z") == 11
    assert swift("--as-of", "2025-03-05T11:00:00Z", "--known-at", "2025-03-10T00:00:00Z") == 3


def test_a_person_reads_it_in_words(desk: Command) -> None:
    new = desk("quote", "--mode", "courier", "--account", "NEW").done().text
    assert "account NEW has no past of this kind: the figures are those of all accounts" in new
    said = desk("quote", "--mode", "courier", "--account", "ACME").done().text
    assert "has no past" not in said
    assert (
        "Swift: 0.00 % on time over 5 delivered shipments of ACME, half of them no later than 6.00 h after the promise"
        in " ".join(said.split())
    )
    assert "costs 22.00 USD (the median of 5 of ACME; the mean is 22.00)" in " ".join(said.split())
    assert "Newcomer: too few to say how late: 4 delivered shipments, and 5 are needed" in " ".join(said.split())
    assert said.count("Swift: ") == 1, "one sentence, whatever currencies it was paid in"
    assert "nothing was booked this way" in desk("quote", "--mode", "pickup").done().text


def test_a_quote_changes_nothing(desk: Command, tmp_path: Path) -> None:
    before = desk.ask("status")
    desk("quote", "--mode", "courier").done()
    assert desk.ask("status") == before
    desk.with_(WAYBILL_STORE=f"sqlite:///{tmp_path}/none.db")("quote", "--mode", "courier").exited(1)
