"""given a message, then its trace tells what came in, what became of it, what followed, and what the relay sends."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Event

import pytest
from sqlalchemy import event

from consumers.contract.fields import read_assignment
from consumers.sinks.sink import Record
from infra.app.container import Waybill
from infra.app.correct import do_corrections, one_message
from infra.app.trace import Trace, trace
from infra.app.void import void_message
from infra.settings import Settings
from infra.store.checkpoints import Checkpoints
from tests.integration.messages import SOURCE, booked, confirmed, dispatched, message, placed
from tests.stores.conftest import StoreUrl
from tests.stores.documents import take_in

NOW = datetime(2025, 3, 20, 12, tzinfo=UTC)
EARLY, PROMISE = "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"
CARRIER = "/carrier"


@pytest.fixture
def waybill(sqlite_store: StoreUrl) -> Iterator[Waybill]:
    with Waybill(Settings(store=sqlite_store()), clock=lambda: NOW) as waybill:
        yield waybill


@pytest.fixture
def each_store(new_store: StoreUrl) -> Iterator[Waybill]:
    with Waybill(Settings(store=new_store()), clock=lambda: NOW) as waybill:
        yield waybill


def traced(waybill: Waybill, source: str, message_id: str) -> Trace:
    (found,) = trace(waybill, source, message_id)
    return found


def sent(waybill: Waybill) -> list[Record]:
    """All records that the relay would send from the beginning."""
    return [record for outbox in waybill.outboxes() for record in outbox.after(0).records]


def test_a_message_that_waited_is_told_from_its_bytes_to_its_records(each_store: Waybill) -> None:
    waybill = each_store
    take_in(waybill, {**dispatched("SO-1", "2025-03-05T09:00:00Z", id="D-1", source=CARRIER), "note": "extra"})
    take_in(waybill, placed("SO-1", EARLY, PROMISE, id="O-1"), booked("SO-1", EARLY, PROMISE, id="B-1"))
    take_in(waybill, dispatched("SO-1", "2025-03-05T09:00:00Z", id="D-1", source=CARRIER))

    found = traced(waybill, CARRIER, "D-1")

    assert (found.subject, found.type, found.verdict) == ("SO-1", "shipment.dispatched.v1", "applied")
    assert found.received.as_received
    assert json.loads(found.received.body)["note"] == "extra"
    assert (found.received.topic, found.received.offset, found.received.repeats) == ("desk", 0, 1)
    assert [(event.event, event.verdict) for event in found.events] == [
        ("ShipmentDispatched", "held"),
        ("VerdictChanged", "applied"),
    ]
    assert "not known yet" in found.events[0].reason
    assert {row.table for row in found.rows} >= {"order_states", "shipment_periods"}
    assert "in_transit" in found.what_changed
    # Exactly the records about it of all that the relay sends.
    about = {(record.id, record.topic) for record in found.records}
    everything = [(json.loads(record.value), record.topic) for record in sent(waybill)]
    of_message = {
        (document["id"], topic)
        for document, topic in everything
        if document.get("messageid") == "D-1" or document["data"].get("id") == "D-1"
    }
    assert about == of_message
    assert len(about) == 4  # held, applied, the repeat, and that it took effect
    assert {record.sent for record in found.records} == {"not sent: the relay has never run"}


def test_what_the_relay_has_sent_is_told_by_its_checkpoint(waybill: Waybill) -> None:
    take_in(waybill, placed("SO-1", EARLY, PROMISE, id="O-1"))
    checkpoints = Checkpoints(waybill.backend)
    checkpoints.begin(waybill.outboxes(), NOW, at_the_newest=False)
    assert [record.sent for record in traced(waybill, SOURCE, "O-1").records] == ["not sent yet"]

    checkpoints.move("relay.events", 0, waybill.history.head())

    assert [record.sent for record in traced(waybill, SOURCE, "O-1").records] == ["sent"]


def test_what_followed_from_a_message_is_named_with_how(each_store: Waybill) -> None:
    waybill = each_store
    take_in(waybill, placed("SO-1", EARLY, PROMISE, id="O-1"), booked("SO-1", EARLY, PROMISE, id="B-1"))
    take_in(waybill, confirmed("SO-1", "2025-03-06T09:00:00Z", id="C-1", source=CARRIER))
    do_corrections(
        waybill, one_message(waybill, SOURCE, "B-1", (read_assignment("data.shipment_id=S9"),)), "wrong", "ann"
    )

    found = traced(waybill, SOURCE, "B-1")

    assert (found.verdict, found.rows) == ("refused", [])
    assert [event.event for event in found.events] == ["ShipmentBooked", "VerdictChanged"]
    assert found.events[1].because is not None and "waybill/operator" in found.events[1].because
    assert sorted((one.event, one.how) for one in found.followed) == [
        ("MessageVoided", "voids it"),
        ("ShipmentBooked", "corrects it"),
    ]
    (void,) = (one for one in found.followed if one.how == "voids it")
    of_void = traced(waybill, void.source, void.id)
    assert {(one.id, one.how) for one in of_void.followed} == {
        ("B-1", "applied → refused because of it"),
    }


def test_a_correction_is_told_by_its_cause_and_not_by_its_id(waybill: Waybill) -> None:
    long_id = "O-" + "x" * 190
    upstreams = {**booked("SO-1", EARLY, PROMISE, id="a.corrected-b"), "causationid": long_id}
    take_in(waybill, placed("SO-1", EARLY, PROMISE, id=long_id), upstreams)
    do_corrections(
        waybill, one_message(waybill, SOURCE, long_id, (read_assignment("data.promised_by=+1d"),)), "wrong", "ann"
    )

    told = {(one.event, one.how) for one in traced(waybill, SOURCE, long_id).followed if " → " not in one.how}

    assert told == {
        ("ShipmentBooked", "follows from it"),
        ("MessageVoided", "voids it"),
        ("OrderPlaced", "corrects it"),
    }


def test_a_trace_is_of_one_moment_beside_writers(each_store: Waybill) -> None:
    take_in(each_store, placed("SO-1", EARLY, PROMISE, id="O-1"))
    with Waybill(each_store.settings, clock=lambda: NOW) as writer:
        voided = Event()

        @event.listens_for(each_store.engine, "after_cursor_execute")
        def void_it(_: object, __: object, statement: str, *___: object) -> None:
            if statement.startswith("SELECT") and not voided.is_set():
                voided.set()
                void_message(writer, SOURCE, "O-1", "wrong", operator="ann")

        found = traced(each_store, SOURCE, "O-1")

    assert voided.is_set()
    assert (found.verdict, [one.verdict for one in found.events], found.followed) == ("applied", ["applied"], [])
    assert found.rows
    assert traced(each_store, SOURCE, "O-1").verdict == "refused"


def test_a_scan_is_followed_to_what_the_reactor_said_to_the_order(waybill: Waybill) -> None:
    take_in(
        waybill,
        placed("SO-1", EARLY, PROMISE, id="O-1"),
        booked("SO-1", EARLY, PROMISE, id="B-1", tracking_number="1Z"),
        message("parcel.delivered", "1Z", "2025-03-06T09:00:00Z", {}, id="P-1", source=CARRIER),
    )
    waybill.react(Event(), once=True)

    (followed,) = traced(waybill, CARRIER, "P-1").followed

    assert (followed.stream, followed.event, followed.how) == ("order-SO-1", "DeliveryConfirmed", "follows from it")


def test_a_malformed_message_is_found_by_what_it_claims(waybill: Waybill) -> None:
    take_in(waybill, placed("SO-1", "soon", PROMISE, id="O-1"))

    found = traced(waybill, SOURCE, "O-1")

    assert (found.verdict, found.subject, found.events, found.rows) == ("malformed", "SO-1", (), ())
    assert "time" in found.reason
    assert json.loads(found.received.body)["time"] == "soon"
    assert [record.topic for record in found.records] == ["waybill.verdicts"]


def test_a_void_of_an_unknown_message_and_one_about_several_subjects(waybill: Waybill) -> None:
    take_in(waybill, placed("SO-1", EARLY, PROMISE, id="X"), placed("SO-2", EARLY, PROMISE, id="X"))
    report = void_message(waybill, SOURCE, "Y", "never sent", "SO-1", operator="ann")

    assert [found.subject for found in trace(waybill, SOURCE, "X")] == ["SO-1", "SO-2"]
    assert [found.subject for found in trace(waybill, SOURCE, "X", "SO-2")] == ["SO-2"]
    waiting = traced(waybill, "waybill/operator", report.void[0].id)
    assert (waiting.verdict, waiting.rows) == ("held", [])
    assert trace(waybill, SOURCE, "nothing") == []
