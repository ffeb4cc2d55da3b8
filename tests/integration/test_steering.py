"""given an operator who steers running parts, then they obey, and the store says who did it and why."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from projections.views.tables import shipment_periods
from tests.integration.broker import Topics
from tests.integration.command import Command, Running
from tests.integration.messages import booked, placed
from tests.integration.test_consume import structured
from tests.integration.topics import lags, made, send, until_read

PLACED = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")
BOOKED = booked("SO-1", "2025-03-05T10:00:00Z", "2025-03-10T12:00:00Z")


def until(so: Callable[[], bool]) -> None:
    """Wait for it; the test's own time limit is the end of that."""
    while not so():
        time.sleep(0.1)


@contextmanager
def running(waybill: Command, *arguments: str) -> Iterator[Running]:
    """A long-running part, stopped at the end."""
    process = waybill.start(*arguments)
    try:
        yield process
    finally:
        process.terminate()
        process.wait().done()


def test_a_pause_is_shown_with_its_reason_until_the_part_is_resumed(waybill: Command) -> None:
    waybill.ingest(PLACED)

    (paused,) = waybill.ask("pause", "order-states", "--reason", "its disk is full", "--operator", "ann")
    assert (paused["name"], paused["operator"], paused["reason"]) == ("order_states", "ann", "its disk is full")
    assert waybill.ask("status")["paused"] == [paused]
    assert "its disk is full" in waybill("status").text
    waybill.ingest(BOOKED, name="more.jsonl")
    (states,) = [one for one in waybill.ask("status")["projections"] if one["name"] == "order_states"]
    # the operator's act is an event, too
    assert (states["state"], states["lag"]) == ("paused", 2)
    waybill("project", "--once").exited(0, "order_states is paused since", "waybill resume order_states")
    (told,) = [found["problem"] for found in waybill.ask("doctor")["findings"] if found["check"] == "paused"]
    assert told.startswith("order_states is paused by ann: its disk is full (for") and "2 events behind" in told

    assert "order_states goes on" in waybill("resume", "order_states", "--operator", "ann").done().text
    assert "was not paused" in waybill("resume", "order_states").done().text
    waybill("project", "--once").done()
    assert waybill.ask("status")["paused"] == []
    acts = waybill.ask("events", "--stream", "operator-ann")
    assert [(act["event"], act["data"]["part"]) for act in acts] == [
        ("PartPaused", "order_states"),
        ("PartResumed", "order_states"),
    ]
    waybill("verify").done()


def test_what_is_no_part_and_a_pause_without_a_reason_are_wrong_usage(waybill: Command) -> None:
    waybill.ingest(PLACED)

    waybill("pause", "overdue", "--reason", "x").exited(2, "'overdue' is no part that can be paused", "order_states")
    waybill("pause", "relay").exited(2, "--reason")


def test_paused_reactors_and_a_paused_relay_do_nothing_once(waybill: Command) -> None:
    waybill.ingest(PLACED)
    waybill("pause", "react", "--reason", "a test").done()

    waybill("react", "--once").exited(1, "react is paused since")
    waybill("resume", "react").done()
    waybill("react", "--once").done()


def test_a_parked_key_is_retried_while_a_projector_runs_elsewhere(waybill: Command) -> None:
    waybill.ingest(PLACED)
    trigger = (
        f"CREATE TRIGGER no_swift BEFORE INSERT ON {shipment_periods.name} WHEN NEW.carrier = 'Swift' "
        "BEGIN SELECT RAISE(ABORT, 'no such carrier'); END"
    )
    with closing(sqlite3.connect(waybill.store)) as connection, connection:
        connection.execute(trigger)
    waybill.ingest(BOOKED, name="more.jsonl")
    assert [(one["name"], one["key"]) for one in waybill.ask("parked", "list")] == [("shipments", "SO-1")]

    # while the cause is there, it stays parked
    (still,) = waybill("parked", "retry", "shipments", "SO-1", "--format", "json").exited(1).json
    assert not still["resumed"] and "no such carrier" in still["reason"]
    waybill("parked", "retry", "shipments", "SO-2").exited(2, "'SO-2' is not parked in shipments; parked there: SO-1")
    waybill("parked", "retry", "nothing").exited(2, "'nothing' is neither a projection nor a reactor")

    with running(waybill, "project"):
        until(lambda: waybill.ask("status")["projections"][0]["lag"] == 0)
        with closing(sqlite3.connect(waybill.store)) as connection, connection:
            connection.execute("DROP TRIGGER no_swift")
        retried = waybill.ask("parked", "retry", "--operator", "ann")
    # a projector that takes the lead tries it too
    assert all(one["resumed"] for one in retried)
    assert waybill.ask("parked", "list") == []
    assert len(waybill.ask("shipments")) == 1
    waybill("project", "--once").done()
    waybill("verify").done()


@pytest.mark.kafka
def test_a_paused_consumer_stores_nothing_stays_in_its_group_and_goes_on_where_it_stood(
    waybill: Command, topics: Topics
) -> None:
    consuming = made(waybill, topics).with_(WAYBILL_LOG_LEVEL="info")
    with running(consuming, "consume") as consumer:
        send(topics, [structured("orders", PLACED)])
        until_read(consuming, topics, [consumer])
        joined = consumer.said.count("partition_taken_over")

        consuming("pause", "consume", "--reason", "a wrong upstream").done()
        until(lambda: "part_paused" in consumer.said)
        send(topics, [structured("shipments", BOOKED)])
        for _ in range(5):
            assert consuming.ask("status")["books"]["received"] == 1
        assert sum(lag or 0 for lag in lags(consuming.ask("status"))) == 1

        consuming("resume", "consume").done()
        until_read(consuming, topics, [consumer])
        # the same member goes on: each partition is sought once more, and none was given to another
        assert "part_resumed" in consumer.said
        assert consumer.said.count("partition_taken_over") == 2 * joined
        assert consuming.ask("status")["books"]["applied"] == 2


@pytest.mark.kafka
def test_a_paused_relay_sends_nothing_and_sends_the_rest_later(waybill: Command, topics: Topics) -> None:
    relaying = made(waybill, topics)
    relaying.ingest(PLACED)
    relaying("relay", "--once").done()
    relaying.ingest(BOOKED, name="more.jsonl")
    relaying("pause", "relay", "--reason", "a follower is broken").done()

    relaying("relay", "--once").exited(1, "relay is paused since")
    assert [one["lag"] for one in relaying.ask("status")["reactors"] if one["name"] == "relay.events"] == [2]
    relaying("resume", "relay").done()
    relaying("relay", "--once").done()

    # and what a follower lost is sent again: a dry run first, and only from where the relay is expected
    (position,) = [one["position"] for one in relaying.ask("status")["reactors"] if one["name"] == "relay.events"]
    back = ("reset", "relay.events", "--to", "1", "--reason", "the follower lost its disk")
    assert f"repeat it with --expect {position}" in relaying(*back).done().text
    relaying(*back, "--expect", "1").exited(1, f"relay.events is at position {position}, not at 1")
    (done,) = relaying.ask(*back, "--expect", str(position))
    assert (done["to"], done["entries"], done["effect"]) == (1, position - 1, "sent again")
    relaying("reset", "order_states", "--to", "0", "--reason", "x").exited(2, "waybill rebuild order_states")
    relaying("relay", "--once").done()
    assert {one["lag"] for one in relaying.ask("status")["reactors"] if one["name"].startswith("relay.")} == {0}
