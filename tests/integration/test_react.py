"""given `waybill react`, then orders know what carriers say of their parcels, and nothing else starts it."""

import json
import sqlite3
from contextlib import closing
from typing import Any

from tests.integration.command import Command
from tests.integration.messages import Document, booked, line, message, placed, voided

PROMISE, ESTIMATE = "2026-03-06T12:00:00Z", "2026-03-05T12:00:00Z"
BOOKING = "2026-03-02T10:00:00Z"


def scan(number: str, said: str, time: str, **data: Any) -> Document:
    return message(f"parcel.{said}", number, time, data, source="/northline")


ORDER = [placed("SO-1", "2026-03-02T09:00:00Z", PROMISE), booked("SO-1", BOOKING, ESTIMATE, tracking_number="1Z")]
SCANS = [
    scan("1Z", "dispatched", "2026-03-03T08:00:00Z", carrier="Northline"),
    scan("1Z", "delivered", "2026-03-04T15:00:00Z", signed_by="M. Anders"),
]


def order(waybill: Command, order_id: str = "SO-1") -> Any:
    (found,) = [row for row in waybill.ask("orders") if row["order_id"] == order_id]
    return found


def test_an_order_is_told_what_its_carrier_says_of_the_number(waybill: Command) -> None:
    waybill.ingest(*ORDER, *SCANS)
    assert order(waybill)["status"] == "open"

    waybill("react", "--once").done()

    assert (order(waybill)["status"], order(waybill)["completed_at"]) == ("delivered", "2026-03-04T15:00:00Z")
    assert waybill.ask("status")["books"] == {"received": 6, "applied": 6, "duplicate": 0, "held": 0, "dead": 0}
    (delivery,) = [one for one in waybill.ask("order", "SO-1")["timeline"] if one["event"] == "DeliveryConfirmed"]
    assert delivery["source"] == "urn:waybill:reactor:parcels"
    (said,) = waybill.ask("message", delivery["source"], delivery["message_id"])
    assert (said["verdict"], said["subject"]) == ("applied", "SO-1")
    waybill("verify").done()


def test_a_dry_run_says_what_would_follow_and_stores_nothing(waybill: Command) -> None:
    waybill.ingest(*ORDER, *SCANS)
    before = waybill.ask("status")

    would = waybill.ask("react", "--dry-run")

    assert [(one["action"], one["subject"], one["type"], one["verdict"], one["because"]) for one in would] == [
        ("state", "SO-1", "shipment.dispatched.v1", "applied", SCANS[0]["id"]),
        ("state", "SO-1", "delivery.confirmed.v1", "applied", SCANS[1]["id"]),
    ]
    assert waybill.ask("status") == before
    assert "parcels: stated 2, withdrawn 0; standing-orders: stated 0, withdrawn 0" in waybill("react", "--once").text
    assert "nothing to state or withdraw" in waybill("react", "--once").done().text
    assert waybill.ask("react", "--dry-run") == []
    waybill.ingest(voided(ORDER[1], "2026-03-05T09:00:00Z"), name="void.jsonl")
    withdrawn = waybill.ask("react", "--dry-run")
    assert {(one["action"], one["id"], one["type"], one["time"]) for one in withdrawn} == {
        ("withdraw", one["id"], one["type"], one["time"]) for one in would
    }
    assert waybill.ask("react", "--once") == [
        {"reactor": "parcels", "stated": 0, "withdrawn": 2},
        {"reactor": "standing-orders", "stated": 0, "withdrawn": 0},
    ]


def test_what_lost_its_reason_is_withdrawn_and_stands_again_when_the_reason_returns(waybill: Command) -> None:
    # given an order that was told of its delivery
    waybill.ingest(*ORDER, *SCANS)
    waybill("react", "--once").done()
    told = [one for one in waybill.ask("order", "SO-1")["timeline"] if one["source"].startswith("urn:waybill:reactor:")]
    books = waybill.ask("status")["books"]

    # when its booking is voided
    void = voided(ORDER[1], "2026-03-05T09:00:00Z")
    waybill.ingest(void, name="void.jsonl")
    waybill("react", "--once").done()

    # then the messages count for nothing, and the timeline says so
    assert order(waybill)["status"] == "open"
    assert waybill.ask("status")["books"]["received"] == books["received"] - len(told) + 1
    for one in told:
        waybill("message", one["source"], one["message_id"]).exited(1)
    withdrawn = [one for one in waybill.ask("order", "SO-1")["timeline"] if one["verdict"] == "withdrawn"]
    assert {one["what_changed"] for one in withdrawn} == {"withdrawn: its reason is gone"}
    assert sorted(one["event"] for one in withdrawn) == sorted(
        [*(one["event"] for one in told), *["MessageWithdrawn"] * len(told)]
    )
    (unmatched,) = waybill.ask("unmatched-parcels")
    assert (unmatched["tracking_number"], unmatched["messages"], unmatched["latest"]) == ("1Z", 2, "delivered")

    # and when the void is voided, they stand again under the same ids
    waybill.ingest(voided(void, "2026-03-05T10:00:00Z"), name="void of the void.jsonl")
    waybill("react", "--once").done()
    assert order(waybill)["status"] == "delivered"
    for one in told:
        (report,) = waybill.ask("message", one["source"], one["message_id"])
        assert report["verdict"] == "applied"
        assert report["position"] > one["position"]
    assert waybill.ask("unmatched-parcels") == []
    waybill("verify").done()


def test_nothing_but_react_starts_a_reactor(waybill: Command) -> None:
    waybill.ingest(*ORDER, *SCANS)
    for command in (["project", "--once"], ["verify"], ["migrate"], ["project", "--once"]):
        waybill(*command).done()
    status = waybill.ask("status")
    assert status["books"]["received"] == 4
    assert status["reactors"] == [{"name": "reactor.parcels", "position": 0, "lag": 4}]

    waybill("react", "--once", "--no-project").done()

    status = waybill.ask("status")
    assert status["books"]["received"] == 6
    assert {(one["name"], one["lag"]) for one in status["reactors"] if one["name"] == "reactor.parcels"} == {
        ("reactor.parcels", 0)
    }
    assert status["partitions"] == []
    assert order(waybill)["status"] == "open", "the views were left to waybill project"


def test_unmatched_parcels_tells_of_both_clocks(waybill: Command) -> None:
    # given scans of a number that was typed in wrong, and corrected later
    wrong = booked("SO-1", BOOKING, ESTIMATE, tracking_number="1X", recordedtime=BOOKING)
    first = placed("SO-1", "2026-03-02T09:00:00Z", PROMISE, recordedtime="2026-03-02T09:00:00Z")
    right = message(
        "shipment.rebooked",
        "SO-1",
        "2026-03-03T12:00:00Z",
        {"shipment_id": "S1", "tracking_number": "1Z"},
        recordedtime="2026-03-03T12:00:00Z",
    )
    scans = [{**one, "recordedtime": one["time"]} for one in SCANS]
    file = waybill.file("history.jsonl", first, wrong, right, *scans)
    waybill("ingest", file, "--history").done()
    waybill("react", "--once").done()

    # then it is matched now, and was not before the correction, nor was it known to be
    assert waybill.ask("unmatched-parcels") == []
    expected = {
        "tracking_number": "1Z",
        "carrier": "Northline",
        "messages": 1,
        "latest": "dispatched",
        "first_heard_at": "2026-03-03T08:00:00Z",
    }
    before = "2026-03-03T11:00:00Z"
    assert waybill.ask("unmatched-parcels", "--as-of", before) == [expected]
    assert waybill.ask("unmatched-parcels", "--known-at", before) == [expected]
    assert waybill.ask("unmatched-parcels", "--known-at", "2026-03-03T13:00:00Z") == []
    assert waybill.ask("unmatched_parcels", "--as-of", before, "--known-at", "2026-03-03T13:00:00Z") == [expected]
    (shipment,) = waybill.ask("shipments", "--known-at", before)
    assert (shipment["tracking_number"], shipment["dispatched_at"]) == ("1X", None)
    (shipment,) = waybill.ask("shipments", "--known-at", "2026-03-03T13:00:00Z")
    assert (shipment["tracking_number"], shipment["dispatched_at"]) == ("1Z", "2026-03-03T08:00:00Z")


def test_verify_finds_a_derived_message_that_does_not_follow_and_one_that_is_missing(waybill: Command) -> None:
    waybill.ingest(*ORDER, *SCANS)
    waybill("react", "--once").done()
    assert waybill.ask("verify")["checked"]["derived"] == 2
    # given a store that somebody changed
    with closing(sqlite3.connect(waybill.store)) as store, store:
        first = store.execute("SELECT min(message_id) FROM derived_messages").fetchone()
        store.execute("UPDATE derived_messages SET digest = 'another' WHERE message_id = ?", first)
        store.execute("DELETE FROM derived_messages WHERE message_id <> ?", first)
    # then
    found = waybill("verify", "--format", "json").exited(1).json["findings"]
    assert {(one["check"], one["found"]) for one in found} == {
        ("derived", "it says something else"),
        ("derived", "it was not stated"),
    }


def test_verify_leaves_derived_messages_alone_while_the_reactors_are_behind(waybill: Command) -> None:
    waybill.ingest(*ORDER)
    waybill("react", "--once").done()
    waybill.ingest(*SCANS, name="scans.jsonl")
    ran = waybill("verify", "--format", "json").exited(
        0, "derived messages are not compared: the reactors are 2 events behind; run waybill react --once"
    )
    assert "derived" not in ran.json["checked"]
    waybill("react", "--once").done()
    assert "compared" not in waybill("verify").done().err


def test_views_that_answer_by_a_reactor_say_that_it_is_behind(waybill: Command) -> None:
    # given orders alone, there is nothing to react to
    waybill.ingest(*ORDER)
    assert waybill.ask("status")["reactors"] == []
    waybill("unmatched-parcels", "--format", "json").done()
    # when scans come that no reactor has read
    waybill.ingest(*SCANS, name="scans.jsonl")
    ran = waybill("unmatched-parcels").done()
    # then the answer says so, until it has
    assert "the reactors are 4 events behind: waybill react --once" in ran.text
    assert "behind" not in waybill("standing-orders").done().text
    waybill("react", "--once").done()
    assert "behind" not in waybill("unmatched-parcels").done().text


NOT_STATED = (
    "what follows from parcels' scans is not stated yet, the reactors are 4 events behind: waybill react --once"
)


def test_every_answer_that_lacks_what_follows_says_so(waybill: Command) -> None:
    # given scans to which nobody has reacted
    ingested = waybill("ingest", waybill.file("all.jsonl", *ORDER, *SCANS)).done()
    assert NOT_STATED in ingested.text
    answers = (
        *(("overdue",), ("workload",), ("orders",), ("order", "SO-1"), ("quote", "--mode", "courier")),
        *(("trend", "open", "--since", "2026-03-02"), ("restated", "orders", "--known-at", "2026-03-03")),
        *(("export", "orders", "--to", "orders.csv"), ("export", "--all", "files", "--format", "csv")),
    )
    for command in answers:
        assert NOT_STATED in waybill(*command).done().text, command
    assert waybill("overdue", "--format", "json").done().json == waybill.ask("overdue")
    # an answer as known at an instant derives it itself
    assert "not stated" not in waybill("overdue", "--known-at", "2026-03-05").done().text
    assert not_stated_by(waybill) == ["parcels"]
    # when somebody has
    waybill("react", "--once").done()
    # then none does, whatever comes to which nothing follows
    ingested = waybill("ingest", waybill.file("other.jsonl", placed("SO-2", "2026-03-02T09:00:00Z", PROMISE))).done()
    assert "not stated" not in ingested.text
    for command in answers:
        assert "not stated" not in waybill(*command).done().text, command
    assert not_stated_by(waybill) == []


def not_stated_by(waybill: Command) -> Any:
    return json.loads((waybill.folder / "files" / "manifest.json").read_bytes())["not_stated_by"]


def test_ingest_says_in_json_what_it_always_said(waybill: Command) -> None:
    ran = waybill("ingest", waybill.file("all.jsonl", *ORDER, *SCANS), "--format", "json").done()
    assert ran.json == {"received": 4, "applied": 4, "duplicate": 0, "held": 0, "refused": 0, "malformed": 0}
    assert NOT_STATED in ran.err


def test_restated_says_that_rows_changed_without_a_message(waybill: Command) -> None:
    # given an order that was known to be delivered by its scans, to which nobody has reacted
    history = [{**one, "recordedtime": one["time"]} for one in (*ORDER, *SCANS)]
    waybill("ingest", waybill.file("history.jsonl", *history), "--history").done()
    ran = waybill("restated", "orders", "--known-at", "2026-03-05").done()
    assert "1 of these rows names no message" in ran.text
    assert "is not stated yet" in ran.text
    # when somebody has, nothing is restated
    waybill("react", "--once").done()
    assert "no message" not in waybill("restated", "orders", "--known-at", "2026-03-05").done().text


def test_status_counts_a_due_date_that_waits(waybill: Command) -> None:
    # given a standing order that was never reacted to
    data = {"account_id": "ACME", "rep_id": "rep-1", "segment": "b2b", "currency": "USD", "lines": [line()]}
    terms = {**data, "every": {"days": 1}, "first_on": "2999-01-02", "lead_days": 0}
    waybill.ingest(message("standing_order.established", "12", "2026-03-01T12:00:00Z", terms))
    assert waybill.ask("status")["reactors"] == [{"name": "reactor.standing-orders", "position": 0, "lag": 1}]
    assert "the reactors are 1 event behind: waybill react --once" in waybill("standing-orders").done().text
    waybill("react", "--once").done()
    assert {reactor["lag"] for reactor in waybill.ask("status")["reactors"]} == {0}
    # when its date has come
    with closing(sqlite3.connect(waybill.store)) as store, store:
        store.execute("UPDATE reaction_wakes SET wake_at = 0")
    # then it is lag
    lags = {reactor["name"]: reactor["lag"] for reactor in waybill.ask("status")["reactors"]}
    assert lags == {"reactor.parcels": 0, "reactor.standing-orders": 1}
