"""`waybill relay` against a real broker: what is told, in which order, and that nothing of it is lost."""

import json
import signal
import time
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from consumers.contract import TOPICS
from consumers.relay.asyncapi import whole_document
from tests.fault.conftest import draw
from tests.follower import messages_in_effect
from tests.integration.broker import Broker, Topics
from tests.integration.command import KILLED, Command, Running
from tests.integration.messages import booked, dispatched, line, placed, voided
from tests.integration.reading_topics import all_records, create
from tests.integration.topics import PATIENCE_SECONDS, STRUCTURED, Sent, consumed, made, send
from tests.integration.what_was_told import check_that_nothing_is_lost, events_in, in_effect_in, verdicts_in
from tests.stores.conftest import postgres_server, postgres_store, sqlite_store

__all__ = ["draw", "postgres_server", "postgres_store", "sqlite_store"]  # fixtures of that folder which are used here
pytestmark = pytest.mark.kafka

StoreUrl = Callable[[], str]

PLACED = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", id="P1")
BOOKED = booked("SO-1", "2025-03-04T09:00:00Z", "2025-03-10T12:00:00Z", id="B1")
DISPATCHED = dispatched("SO-1", "2025-03-05T09:00:00Z", id="D1")
VOID = voided(BOOKED, "2025-03-06T09:00:00Z", id="V1")
FLOOR = ("--orders", "40", "--seed", "5", "--wrong", "0.15", "--until", "2025-06-30T16:00:00Z")


@pytest.fixture
def relaying(waybill: Command, topics: Topics) -> Command:
    """The command with topics of its own, on SQLite."""
    return made(waybill, topics)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def anywhere(request: pytest.FixtureRequest, waybill: Command, topics: Topics) -> Command:
    """The same on each database."""
    store: StoreUrl = request.getfixturevalue(f"{request.param}_store")
    return made(waybill.with_(WAYBILL_STORE=store(), WAYBILL_BATCH_MESSAGES="20"), topics)


def mostly(usual: str) -> pytest.MarkDecorator:
    """On this database; on the other one it is slow."""
    names = ("sqlite", "postgres")
    marks = {name: [pytest.mark.slow] if name != usual else [] for name in names}
    marks["postgres"].append(pytest.mark.postgres)
    return pytest.mark.parametrize("anywhere", [pytest.param(name, marks=marks[name]) for name in names], indirect=True)


def floor(waybill: Command) -> Path:
    """A sales floor with doubles, contradictions, voids and broken messages."""
    file = waybill.folder / "floor.jsonl"
    waybill("simulate", *FLOOR, "--out", file).done()
    return file


def url_of(waybill: Command) -> str:
    try:
        return waybill.setting("WAYBILL_STORE")
    except KeyError:
        return f"sqlite:///{waybill.store}"


def until_all_is_told(waybill: Command, *relays: Running) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (reactors := waybill.ask("status")["reactors"]) or any(reactor["lag"] for reactor in reactors):
        assert time.monotonic() < deadline, reactors
        for relay in relays:
            assert relay.is_alive(), relay.said
        time.sleep(0.1)


@mostly("sqlite")
def test_a_simulated_history_is_published_completely_in_the_order_of_each_stream(
    anywhere: Command, topics: Topics
) -> None:
    file = floor(anywhere)
    anywhere("ingest", file, "--no-project").done()

    anywhere("relay", "--once").done()

    check_that_nothing_is_lost(url_of(anywhere), topics)
    told = [record.value for record in (*events_in(topics), *verdicts_in(topics))]
    assert len({json.loads(value)["id"] for value in told}) == len(told), "each is told once when nothing fails"
    assert any(json.loads(value)["type"] == "waybill.fact.reverted.v1" for value in told), "some were reverted"
    for value in told:
        schema_of(json.loads(value)["type"]).validate(json.loads(value))
    reactors = anywhere.ask("status")["reactors"]
    assert [list(reactor) for reactor in reactors] == [["name", "position", "lag"]] * 3
    assert {reactor["lag"] for reactor in reactors} == {0}


@cache
def schema_of(told: str) -> Draft202012Validator:
    """The schema of what is told under a type, in the document of all that is."""
    name = told if told.startswith("waybill.") else f"{told}.in-effect"
    return Draft202012Validator({**whole_document(), "$ref": f"#/components/messages/{name}/payload"})


@mostly("sqlite")
def test_another_order_of_arrival_leaves_a_follower_with_the_same(
    anywhere: Command, other: Command, topics: Topics
) -> None:
    """given a history in the order of hearing and backwards, then who follows either, or both, is told the same."""
    lines = [line for line in floor(anywhere).read_bytes().splitlines() if line]
    elsewhere = Topics(topics.url, f"{topics.prefix}back.")
    forwards, backwards = anywhere, made(other, elsewhere)
    # Of two contents under one id the first to come is kept: that order stays.
    ids: dict[bytes, list[bytes]] = defaultdict(list)
    for sent in lines:
        ids[_id_of(sent)].append(sent)
    turned = [sent for key in reversed(ids) for sent in ids[key]]
    forwards("ingest", forwards.file("forwards.jsonl", *lines), "--no-project").done()
    backwards("ingest", backwards.file("backwards.jsonl", *turned), "--no-project").done()

    for waybill in (forwards, backwards):
        waybill("relay", "--once").done()

    here = [record.value for record in events_in(topics)]
    there = [record.value for record in events_in(elsewhere)]
    assert messages_in_effect(here) == messages_in_effect(there) == in_effect_in(url_of(forwards))


def _id_of(line: bytes) -> bytes:
    try:
        message = json.loads(line)
        return json.dumps([message["source"], message["id"], message["subject"]]).encode()
    except (ValueError, KeyError, TypeError):
        return line


@mostly("postgres")
def test_a_relay_that_is_killed_again_and_again_loses_nothing(anywhere: Command, topics: Topics, draw: Random) -> None:
    talkative = anywhere.with_(WAYBILL_LOG_LEVEL="info")
    ingest = anywhere.with_(WAYBILL_BATCH_MESSAGES="5").start("ingest", floor(anywhere), "--no-project")
    for _ in range(5):
        relay = talkative.start("relay")
        # It is killed while it sends, or when there is nothing left to send.
        while "batch_relayed" not in relay.said and (ingest.is_alive() or "leadership_taken" not in relay.said):
            assert relay.is_alive(), relay.said
        time.sleep(draw.uniform(0, 0.1))
        relay.kill()
        assert relay.wait().code == KILLED
    ingest.wait().done()

    anywhere("relay", "--once").done()

    check_that_nothing_is_lost(url_of(anywhere), topics)


@mostly("postgres")
def test_one_of_several_is_active_and_another_takes_over_when_it_dies(anywhere: Command, topics: Topics) -> None:
    talkative = anywhere.with_(WAYBILL_LOG_LEVEL="info")
    active = talkative.start("relay")
    until_said(active, "leadership_taken")
    standby = talkative.start("relay")
    until_said(standby, "standing_by")
    anywhere("ingest", anywhere.file("1.jsonl", PLACED), "--no-project").done()
    anywhere("relay", "--once").done()
    assert [reactor["lag"] for reactor in anywhere.ask("status")["reactors"]] == [0, 0, 0], "whoever told it"

    active.kill()
    active.wait()
    anywhere("ingest", anywhere.file("2.jsonl", BOOKED), "--no-project").done()
    until_said(standby, "batch_relayed")
    until_all_is_told(anywhere, standby)
    standby.terminate()
    standby.wait().done()

    assert [json.loads(record.value)["messageid"] for record in events_in(topics)] == ["P1", "B1"]


def until_said(running: Running, words: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while words not in running.said:
        assert running.is_alive() and time.monotonic() < deadline, running.said
        time.sleep(0.02)


def test_what_becomes_dead_is_copied_with_its_bytes_and_headers(relaying: Command, topics: Topics) -> None:
    whole = Sent("shipments", b"\xff\xfe\x00<x/>\n", b"SO-9", [("trace", b"\x00\xff"), ("trace", b"2")], 1)
    twin = {**PLACED, "id": "P2", "data": {**PLACED["data"], "rep_id": "rep-2"}}
    refused = Sent("orders", json.dumps(twin, indent=1).encode(), b"SO-1", [*STRUCTURED, ("x-hop", b"7")], 2)
    send(topics, [structured(PLACED), structured(BOOKED), structured(DISPATCHED)])
    consumed(relaying, topics)
    send(topics, [whole, Sent("people", None, b"rep-1", partition=0), refused, structured(VOID)])
    consumed(relaying, topics)

    relaying("relay", "--once").done()

    copies = {topic: all_records(topics.url, f"{topics.prefix}{topic}.dead") for topic in TOPICS}
    assert {topic: len(records) for topic, records in copies.items() if records} == {
        "orders": 2, "people": 1, "shipments": 1,
    }  # fmt: skip
    (broken,), (tombstone,) = copies["shipments"], copies["people"]
    assert (broken.key, broken.value, list(broken.headers[:2])) == (None, whole.value, whole.headers)
    assert ours(broken) == {
        "topic": f"{topics.prefix}shipments",
        "partition": "1",
        "offset": "0",
        "verdict": "malformed",
        "reason": ours(broken)["reason"],
        "letter_id": f"{topics.prefix}shipments/1/0",
        "bytes": "as received",
    }
    assert ours(broken)["reason"].startswith("message: must be UTF-8")
    assert tombstone.value == b""
    by_verdict = {ours(copy)["bytes"]: copy for copy in copies["orders"]}
    assert (by_verdict["as received"].value, list(by_verdict["as received"].headers[:2])) == (
        refused.value, refused.headers,
    )  # fmt: skip
    restated = by_verdict["restated"]
    assert (restated.key, json.loads(restated.value)["id"], ours(restated)["verdict"]) == (b"SO-1", "B1", "refused")


def structured(message: dict[str, Any]) -> Sent:
    return Sent("orders", json.dumps(message).encode(), b"SO-1", STRUCTURED, 0)


def ours(record: Any) -> dict[str, str]:
    return {
        name.removeprefix("waybill_"): value.decode() for name, value in record.headers if name.startswith("waybill_")
    }


def test_verdicts_are_keyed_by_the_source_so_that_each_upstream_follows_its_own(
    relaying: Command, topics: Topics
) -> None:
    crm = dispatched("SO-2", "2025-03-05T09:00:00Z", id="D2", source="/crm")
    send(topics, [structured(PLACED), structured(PLACED), structured(crm), structured({**BOOKED, "time": "today"})])
    consumed(relaying, topics)
    send(topics, [structured(booked("SO-2", "2025-03-04T09:00:00Z", "2025-03-10T12:00:00Z", id="B2"))])
    send(topics, [structured(placed("SO-2", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", id="P2"))])
    consumed(relaying, topics)

    relaying("relay", "--once").done()

    told: dict[bytes, list[tuple[str, str]]] = defaultdict(list)
    for record in verdicts_in(topics):
        data = json.loads(record.value)["data"]
        told[record.key].append((data["id"], data["verdict"]))
    assert told[b"/crm"] == [("D2", "held"), ("D2", "applied")]
    assert sorted(told[b"/order-entry"])[:2] == [("B1", "malformed"), ("P1", "duplicate")]


def test_reading_again_rebuilding_and_reingesting_tell_nothing_again(relaying: Command, topics: Topics) -> None:
    send(topics, [structured(PLACED), structured(BOOKED), structured(VOID), Sent("orders", b"broken", partition=0)])
    consumed(relaying, topics)
    relaying("relay", "--once").done()
    before = len(events_in(topics)), len(verdicts_in(topics)), len(dead(topics))

    relaying("reingest", "--topic", "orders", "--from", "0").done()
    relaying("verify").done()
    relaying("relay", "--once").done()

    assert (len(events_in(topics)), len(verdicts_in(topics)), len(dead(topics))) == before
    assert before[1:] == (2, 2), "what was voided and what is broken; the events depend on how it was polled"
    # and what a file brings again is told as a duplicate to its source, and takes effect no second time
    relaying("ingest", relaying.file("again.jsonl", PLACED)).done()
    relaying("relay", "--once").done()
    assert len(events_in(topics)) == before[0]
    (told_again,) = [record for record in verdicts_in(topics) if b'"duplicate"' in record.value]
    assert (told_again.key, json.loads(told_again.value)["data"]["id"]) == (b"/order-entry", "P1")


def dead(topics: Topics) -> list[Any]:
    return all_records(topics.url, *(f"{topics.prefix}{topic}.dead" for topic in TOPICS))


def test_a_relay_may_begin_with_what_comes_from_now_on(relaying: Command, topics: Topics) -> None:
    relaying.ingest(PLACED)
    from_now = relaying.with_(WAYBILL_RELAY_FROM="now")
    from_now("relay", "--once").done()

    relaying.ingest(BOOKED)
    from_now("relay", "--once").done()

    assert [json.loads(record.value)["messageid"] for record in events_in(topics)] == ["B1"]


def test_missing_topics_are_reported_and_waited_for(waybill: Command, topics: Topics) -> None:
    waiting = waybill.with_(**topics.env)
    waiting.ingest(PLACED)
    relay = waiting.start("relay")
    until_said(relay, "relay_waits")
    made(waybill, topics)

    until_all_is_told(waiting, relay)
    relay.terminate()
    ran = relay.wait().done()

    (told,) = [json.loads(line) for line in ran.err.splitlines() if '"relay_waits"' in line]
    assert "waybill topics create" in told["reason"]


def test_a_record_too_large_for_its_topic_is_reported_and_blocks_nothing(waybill: Command, topics: Topics) -> None:
    create(topics.url, [f"{topics.prefix}waybill.events"], {"max.message.bytes": "1200"})
    relaying = made(waybill, topics)
    endless = placed("SO-2", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", *(line(n) for n in range(1, 50)))
    relaying.ingest(endless, PLACED)

    ran = relaying("relay", "--once").done()

    assert [json.loads(record.value)["messageid"] for record in events_in(topics)] == ["P1"]
    (told,) = [json.loads(said) for said in ran.err.splitlines() if '"record_too_large"' in said]
    assert (told["topic"], told["key"]) == (f"{topics.prefix}waybill.events", "order-SO-2")
    status = relaying.ask("status")
    assert [reactor["lag"] for reactor in status["reactors"]] == [0, 0, 0]
    assert status["records_left_out"]["count"] == 1
    (left_out,) = status["records_left_out"]["newest"]
    assert (left_out["topic"], left_out["key"]) == (told["topic"], told["key"])
    assert left_out["event_id"] == told["event_id"]
    assert left_out["size"] == told["bytes"] > left_out["largest"] == told["largest"]
    assert left_out["largest"] <= 1200
    assert left_out["since"].endswith("Z")
    assert b"Left out by the relay" in relaying("status").done().out


def test_each_topic_has_a_limit_of_its_own(waybill: Command, topics: Topics) -> None:
    """given a small waybill.events, then what is too large for it is sent to other topics, and `records` counts it."""
    create(topics.url, [f"{topics.prefix}waybill.events"], {"max.message.bytes": "1200"})
    relaying = made(waybill.with_(WAYBILL_LOG_LEVEL="info"), topics)
    broken = b"x" * 300_000
    send(topics, [Sent("orders", broken, partition=0), structured(PLACED)])
    consumed(relaying, topics)

    ran = relaying("relay", "--once").done()

    assert [record.value for record in dead(topics)] == [broken]
    assert [json.loads(record.value)["messageid"] for record in events_in(topics)] == ["P1"]
    assert relaying.ask("status")["records_left_out"] == {"count": 0, "newest": []}
    relayed = [json.loads(said) for said in ran.err.splitlines() if '"batch_relayed"' in said]
    assert {one["outlet"]: one["records"] for one in relayed} == {"relay.events": 1, "relay.verdicts": 2}


def test_a_copy_that_its_topic_does_not_take_whole_is_a_prefix_and_names_its_letter(
    waybill: Command, topics: Topics
) -> None:
    create(topics.url, [f"{topics.prefix}orders.dead"], {"max.message.bytes": "8000"})
    relaying = made(waybill, topics)
    large, wordy = b"<x/>" * 5_000, b"no JSON"
    headers = [("trace", b"1"), ("note", b"n" * 9_000)]
    send(topics, [Sent("orders", large, headers=headers[:1], partition=0), Sent("orders", wordy, None, headers, 0)])
    consumed(relaying, topics)

    relaying("relay", "--once").done()

    of_wordy, of_large = sorted(dead(topics), key=lambda copy: len(copy.value))
    assert large.startswith(of_large.value) and len(of_large.value) > 6_000
    assert (ours(of_large)["whole_bytes"], of_large.headers[0]) == ("20000", headers[0])
    assert (of_wordy.value, ours(of_wordy)["whole_bytes"]) == (wordy, "7")
    assert "note" not in dict(of_wordy.headers), "there was no room for its sender's headers"
    for copy, whole in ((of_large, large), (of_wordy, wordy)):
        assert relaying("dead-letters", "show", ours(copy)["letter_id"]).done().out.count(whole) == 1
    assert relaying.ask("status")["records_left_out"]["count"] == 0


def test_a_limit_that_is_changed_while_the_relay_runs_counts(waybill: Command, topics: Topics) -> None:
    name = f"{topics.prefix}waybill.events"
    create(topics.url, [name], {"max.message.bytes": "1200"})
    relaying = made(waybill.with_(WAYBILL_LOG_LEVEL="info"), topics)
    lines = [line(n) for n in range(1, 50)]
    relaying.ingest(PLACED)
    relay = relaying.start("relay")
    until_said(relay, "batch_relayed")
    for order, limit in (("SO-2", "100000"), ("SO-3", "1200")):
        set_limit(topics, name, limit)
        relaying.ingest(placed(order, "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", *lines))
        until_all_is_told(relaying, relay)
    relay.terminate()
    relay.wait().done()

    assert [json.loads(record.value)["subject"] for record in events_in(topics)] == ["SO-1", "SO-2"]
    (left_out,) = relaying.ask("status")["records_left_out"]["newest"]
    assert left_out["key"] == "order-SO-3"


def set_limit(topics: Topics, topic: str, limit: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=topics.url)
    try:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": limit})])
    finally:
        admin.close()


def test_a_broker_that_is_away_is_waited_for_and_a_stop_is_heeded_meanwhile(waybill: Command) -> None:
    lost = waybill.with_(WAYBILL_KAFKA="127.0.0.1:1")
    lost.ingest(PLACED)
    relay = lost.start("relay")
    until_said(relay, "kafka_not_reached")

    relay.signal(signal.SIGTERM)

    relay.wait().done()
    assert waybill.ask("status")["reactors"][0] == {"name": "relay.events", "position": 0, "lag": 1}


@pytest.mark.slow
@pytest.mark.fault
def test_a_broker_that_dies_while_the_relay_sends_loses_nothing(waybill: Command, own_broker: Broker) -> None:
    topics = Topics(own_broker.url, "")
    relaying = made(waybill.with_(WAYBILL_BATCH_MESSAGES="20"), topics)
    file = floor(relaying)
    relay = relaying.start("relay")
    ingest = relaying.start("ingest", file, "--no-project")
    until_said(relay, "batch_relayed")
    own_broker.kill()
    ingest.wait().done()
    own_broker.start()

    until_all_is_told(relaying, relay)
    relay.terminate()
    relay.wait().done()

    check_that_nothing_is_lost(url_of(relaying), topics)


def test_up_consumes_projects_reacts_and_relays_in_one_process(relaying: Command, topics: Topics) -> None:
    running = relaying.start("up")
    numbered = {**BOOKED, "data": {**BOOKED["data"], "tracking_number": "1Z"}}
    scan = {**PLACED, "id": "N1", "type": "parcel.dispatched.v1", "subject": "1Z", "data": {}}
    send(topics, [structured(PLACED), structured(numbered), structured(scan)])
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(events_in(topics)) < 4 or not relaying.ask("workload"):
        assert running.is_alive() and time.monotonic() < deadline, running.said
    running.terminate()

    ran = running.wait().done()
    assert "Traceback" not in ran.err
    told = [json.loads(record.value) for record in events_in(topics)]
    assert {one["messageid"] for one in told} >= {"P1", "B1", "N1"}
    (derived,) = [one for one in told if one["messagesource"] == "urn:waybill:reactor:parcels"]
    assert (derived["type"], derived["causationid"]) == ("shipment.dispatched.v1", "N1")


def test_a_store_recreated_from_its_topics_does_not_send_its_history_again(
    relaying: Command, other: Command, topics: Topics
) -> None:
    """given topics with the records of a store that was lost, when a store is made from the same messages, then its
    relay sends nothing until it is told where to begin.
    """
    relaying.ingest(PLACED, BOOKED)
    relaying("relay", "--once").done()
    assert len(events_in(topics)) == 2
    recreated = other.with_(**topics.env)
    recreated.ingest(PLACED, BOOKED)

    refused = recreated("relay", "--once").exited(1, "waybill.events has records already", "WAYBILL_RELAY_FROM=now")
    assert "WAYBILL_RELAY_FROM=beginning" in refused.err
    running = recreated.start("relay")
    until_said(running, "relay_waits")
    running.terminate()
    running.wait().done()
    assert len(events_in(topics)) == 2

    from_now = recreated.with_(WAYBILL_RELAY_FROM="now")
    from_now("relay", "--once").done()
    recreated.ingest(DISPATCHED)
    recreated("relay", "--once").done()
    assert [json.loads(record.value)["messageid"] for record in events_in(topics)] == ["P1", "B1", "D1"]


def test_a_recreated_store_sends_its_history_again_if_it_is_told_to(
    relaying: Command, other: Command, topics: Topics
) -> None:
    relaying.ingest(PLACED)
    relaying("relay", "--once").done()
    recreated = other.with_(**topics.env, WAYBILL_RELAY_FROM="beginning")
    recreated.ingest(PLACED)

    recreated("relay", "--once").done()

    once, again = (json.loads(record.value) for record in events_in(topics))
    assert once["id"] == again["id"], "so that a follower drops what it has seen"
