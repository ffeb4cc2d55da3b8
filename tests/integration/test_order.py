"""given an order that a caller asks about, then one answer says what a rep has to know before answering."""

from typing import Any

from tests.integration.command import Command
from tests.integration.messages import (
    attempted,
    booked,
    cancelled,
    confirmed,
    declined,
    delayed,
    dispatched,
    line,
    message,
    placed,
    requested,
)

ORDER = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", line(1, 5), line(2, 2))
BOOKING = booked(
    "SO-1", "2025-03-04T09:00:00Z", "2025-03-09T16:00:00Z", tracking_number="1Z-9", service_level="express"
)
DELAY = delayed("SO-1", "2025-03-05T09:00:00Z", "2025-03-12T16:00:00Z")
ARRIVED = message(
    "delivery.confirmed",
    "SO-1",
    "2025-03-09T10:00:00Z",
    {"shipment_id": "S1", "lines": [{"line": 1, "quantity": 3}], "signed_by": "Ms Gray"},
)
TOLD = message(
    "customer.informed",
    "SO-1",
    "2025-03-05T10:00:00Z",
    {"about": "delay", "channel": "phone", "note": "two days later, she agrees"},
)
REQUEST = requested("SO-1", "2025-03-03T10:00:00Z")
DECLINE = declined("SO-1", "2025-03-03T11:00:00Z")
ON_A_SHIPMENT_NOBODY_KNOWS = confirmed("SO-1", "2025-03-09T11:00:00Z", "S7")
WITHOUT_SHIPMENT = message("delivery.confirmed", "SO-1", "2025-03-09T12:00:00Z", {"signed_by": "Mr Brown"})
HISTORY = (ORDER, REQUEST, DECLINE, BOOKING, DELAY, TOLD, ARRIVED)


def asked(waybill: Command, *clocks: str) -> dict[str, Any]:
    order: dict[str, Any] = waybill.ask("order", "SO-1", *clocks)["order"]
    return order


def of(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


def test_the_lines_say_what_was_delivered_of_each(waybill: Command) -> None:
    waybill.ingest(*HISTORY)
    lines = of(asked(waybill)["lines"], "line", "quantity", "delivered", "booked")
    assert lines == [("1", "5", "3", "2"), ("2", "2", "0", "2")]


def test_the_shipments_say_who_carries_it_by_what_number_when_it_comes_and_who_signed(waybill: Command) -> None:
    waybill.ingest(*HISTORY)
    (shipment,) = asked(waybill)["shipments"]
    assert (shipment["carrier"], shipment["tracking_number"], shipment["service_level"]) == ("Swift", "1Z-9", "express")
    assert shipment["estimated_delivery"] == "2025-03-12T16:00:00Z"
    assert shipment["original_estimate"] == "2025-03-09T16:00:00Z"
    assert (shipment["signed_by"], shipment["delay_reason"]) == ("Ms Gray", "snow")


def test_the_reasons_say_why_it_went_so(waybill: Command) -> None:
    waybill.ingest(*HISTORY, attempted("SO-1", "2025-03-08T10:00:00Z"))
    assert of(asked(waybill)["reasons"], "event", "shipment_id", "request_id", "reason") == [
        ("ExpediteRequested", None, "E1", "trade fair"),
        ("ExpediteDeclined", None, "E1", "no lorry free"),
        ("ShipmentDelayed", "S1", None, "snow"),
        ("DeliveryAttempted", "S1", None, "nobody there"),
    ]


def test_a_cancelled_order_says_why(waybill: Command) -> None:
    waybill.ingest(ORDER, cancelled("SO-1", "2025-03-04T09:00:00Z"))
    order = asked(waybill)
    assert (order["status"], order["cancel_reason"]) == ("cancelled", "changed their mind")


def test_what_was_said_to_the_customer_is_there_and_what_is_owed(waybill: Command) -> None:
    waybill.ingest(*HISTORY)
    order = asked(waybill, "--as-of", "2025-03-11T00:00:00Z")
    assert of(order["customer_told"], "at", "about", "channel", "note") == [
        ("2025-03-05T10:00:00Z", "delay", "phone", "two days later, she agrees")
    ]
    assert of(order["follow_ups"], "about", "request_id") == [("expedite", "E1")]
    (request,) = order["expedites"]
    assert (request["decision"], request["informed_at"]) == ("declined", None)


def test_what_came_in_and_was_not_taken_is_there_with_its_reason(waybill: Command) -> None:
    waybill.ingest(*HISTORY, ON_A_SHIPMENT_NOBODY_KNOWS, WITHOUT_SHIPMENT, cancelled("SO-2", "2025-03-04T09:00:00Z"))
    order = asked(waybill)
    assert order["untaken_messages"] == 2
    held, malformed = sorted(order["untaken"], key=lambda one: str(one["verdict"]))
    assert (held["verdict"], held["id"]) == ("held", ON_A_SHIPMENT_NOBODY_KNOWS["id"])
    assert "shipment S7" in held["reason"]
    assert (malformed["verdict"], malformed["occurred_at"]) == ("malformed", "2025-03-09T12:00:00Z")
    assert "shipment_id" in malformed["reason"]
    for one in order["untaken"]:
        assert waybill.ask("dead-letters", "show", one["letter_id"])["id"] == one["id"]


def test_the_clocks_count_for_the_details_too(waybill: Command) -> None:
    waybill.ingest(*HISTORY, dispatched("SO-1", "2025-03-08T09:00:00Z"))
    then = asked(waybill, "--as-of", "2025-03-04T12:00:00Z")
    (shipment,) = then["shipments"]
    assert (shipment["estimated_delivery"], shipment["dispatched_at"]) == ("2025-03-09T16:00:00Z", None)
    assert of(then["lines"], "delivered") == [("0",), ("0",)]
    assert then["customer_told"] == []


def test_the_table_for_people_has_all_of_it(waybill: Command) -> None:
    waybill.ingest(*HISTORY, ON_A_SHIPMENT_NOBODY_KNOWS)
    page = waybill("order", "SO-1").done().text
    for title in ("Lines", "Shipments", "Expedite requests", "Reasons", "What the customer was told", "Timeline"):
        assert f"\n{title}\n" in page
    assert "\nMessages that were not taken\n" in page
    for told in ("1Z-9", "Ms Gray", "snow", "two days later, she agrees", "no lorry free", "SKU-2"):
        assert told in page


def test_an_order_that_was_not_placed_says_what_came_in(waybill: Command) -> None:
    waybill.ingest(WITHOUT_SHIPMENT)
    page = waybill("order", "SO-1").done().text
    assert "Order SO-1 is not placed yet" in page
    assert "malformed" in page
