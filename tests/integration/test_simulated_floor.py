"""given a simulated sales floor, when it is ingested and the reactors ran, then every message of it applies.

Some wait for reactors alone: what carriers say about parcels reaches the orders through them.
"""

import json

import pytest

from tests.integration.command import Command

ARGUMENTS = ("--orders", "400", "--seed", "9", "--until", "2026-06-30T16:00:00Z")


@pytest.fixture
def floor(waybill: Command) -> Command:
    waybill("simulate", *ARGUMENTS, "--out", "floor.jsonl").done()
    waybill("ingest", "floor.jsonl").done()
    return waybill


def test_nothing_is_held_or_refused_except_what_was_taken_back(floor: Command) -> None:
    lines = [json.loads(line) for line in (floor.folder / "floor.jsonl").read_bytes().splitlines()]
    taken_back = sum(line["type"] == "message.voided.v1" for line in lines)

    floor("react", "--once").done()

    books = floor.ask("status")["books"]
    assert (books["held"], books["duplicate"], books["dead"]) == (0, 0, taken_back)
    assert books["received"] > len(lines)
    assert floor.ask("dead-letters") == []
    floor("verify").done()


def test_orders_are_told_what_carriers_say_about_their_parcels(floor: Command) -> None:
    before = {row["order_id"] for row in floor.ask("orders") if row["status"] == "delivered"}

    floor("react", "--once").done()

    after = {row["order_id"] for row in floor.ask("orders") if row["status"] == "delivered"}
    assert before < after
    numbers = {shipment["tracking_number"] for shipment in floor.ask("shipments")}
    strange = floor.ask("unmatched-parcels")
    assert strange
    assert not {row["tracking_number"] for row in strange} & numbers
