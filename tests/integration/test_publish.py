"""`waybill publish`: what it sends, what it says of each line, and with what it exits."""

import gzip
import json
import time
from pathlib import Path
from typing import Any

import pytest

from consumers.contract import EXAMPLES, TOPICS
from infra.simulation import DEFAULT_UNTIL, simulate
from tests.integration.broker import Broker, Topics
from tests.integration.command import Command
from tests.integration.reading_topics import all_records, create

pytestmark = pytest.mark.kafka

PLACED = EXAMPLES["order.placed.v1"]
REGISTERED = EXAMPLES["rep.registered.v1"]
BROKEN = b'{"specversion":"1.0"'


@pytest.fixture
def publishing(waybill: Command, topics: Topics) -> Command:
    """The command with topics of its own, which are there."""
    create(topics.url, [topics.prefix + topic for topic in TOPICS])
    return waybill.with_(**topics.env)


def sent(topics: Topics) -> dict[str, list[Any]]:
    return {topic: all_records(topics.url, topics.prefix + topic) for topic in TOPICS}


def test_each_message_goes_to_its_types_topic_under_its_subject(publishing: Command, topics: Topics) -> None:
    ran = publishing("publish", publishing.file("two.jsonl", PLACED, b"", REGISTERED), "--format", "json").done()

    assert ran.json == {
        "read": 2,
        "acknowledged": 2,
        "malformed": 0,
        "not_acknowledged": 0,
        "complete": True,
        "topics": {f"{topics.prefix}orders": 1, f"{topics.prefix}people": 1},
        "failures": [],
    }
    records = sent(topics)
    (order,), (rep,) = records["orders"], records["people"]
    assert order.key == PLACED["subject"].encode()
    assert json.loads(order.value) == PLACED
    assert dict(order.headers) == {"content-type": b"application/cloudevents+json"}
    assert rep.key == REGISTERED["subject"].encode()
    assert not any(records[topic] for topic in ("expedites", "shipments", "deliveries"))


def test_a_line_that_does_not_fit_is_named_and_left_out(publishing: Command, topics: Topics) -> None:
    file = publishing.file("three.jsonl", PLACED, BROKEN, {**PLACED, "time": "yesterday"})

    ran = publishing("publish", file).exited(1, "line 2 malformed: message: must be JSON", "line 3 malformed: time:")
    assert "1 of 3 messages acknowledged" in ran.text
    assert len(sent(topics)["orders"]) == 1


def test_as_they_are_publishes_every_line(publishing: Command, topics: Topics) -> None:
    file = publishing.file("three.jsonl", PLACED, BROKEN, {**REGISTERED, "time": "yesterday"})

    publishing("publish", file, "--as-they-are").done()
    records = sent(topics)
    assert sorted((record.key, len(record.value)) for record in records["orders"] if record.key is None) == [
        (None, len(BROKEN))
    ]
    assert [record.key for record in records["people"]] == [REGISTERED["subject"].encode()]


def test_gzip_and_standard_input_are_read_too(publishing: Command, topics: Topics) -> None:
    packed = publishing.folder / "packed.jsonl.gz"
    packed.write_bytes(gzip.compress(json.dumps(PLACED).encode()))

    publishing("publish", packed).done()
    publishing("publish", "-", stdin=json.dumps(PLACED).encode()).done()
    assert len(sent(topics)["orders"]) == 2


def test_a_message_larger_than_the_topic_takes_is_named(publishing: Command, topics: Topics) -> None:
    longest = {**PLACED, "id": "too long", "data": {**PLACED["data"], "reference": "x" * 1_048_400}}

    ran = publishing.with_(WAYBILL_MAX_MESSAGE_BYTES="2000000")("publish", publishing.file("f", longest, PLACED))
    ran.exited(1, "line 1 not acknowledged: ", "larger than")
    assert len(sent(topics)["orders"]) == 1


def test_missing_topics_are_named(waybill: Command, topics: Topics) -> None:
    ran = waybill.with_(**topics.env)("publish", waybill.file("one.jsonl", PLACED))

    ran.exited(1, f"there is no topic {topics.prefix}deliveries", "waybill topics create")


def test_a_broker_that_is_not_there_is_said_in_a_line(waybill: Command) -> None:
    command = waybill.with_(WAYBILL_KAFKA="127.0.0.1:1")

    ran = command("publish", waybill.file("one.jsonl", PLACED), "--give-up-after", "1")
    ran.exited(1, "Kafka at 127.0.0.1:1 does not answer", "WAYBILL_KAFKA")


def test_a_file_that_is_not_there_is_wrong_usage(waybill: Command) -> None:
    waybill("publish", "nowhere.jsonl").exited(2, "there is no file nowhere.jsonl")


@pytest.mark.fault
def test_a_broker_that_is_killed_in_the_middle_loses_nothing(
    waybill: Command, own_broker: Broker, tmp_path: Path
) -> None:
    create(own_broker.url, TOPICS)
    lines = list(simulate(1_500, 3, DEFAULT_UNTIL, 0.0))
    command = waybill.with_(WAYBILL_KAFKA=own_broker.url, WAYBILL_BATCH_MESSAGES="100")
    # On a busy machine a broker may need minutes to come back.
    as_json_and_patient = ("--format", "json", "--give-up-after", "600")
    running = command.start("publish", waybill.file("floor.jsonl", *lines), *as_json_and_patient)
    while not all_records(own_broker.url, "people"):
        assert running.is_alive(), running.said
        time.sleep(0.01)
    # when
    own_broker.kill()
    own_broker.start()
    # then
    told = running.wait().done().json
    assert told["acknowledged"] == told["read"] == len(lines)
    kept = {record.value for record in all_records(own_broker.url, *TOPICS)}
    assert kept == set(lines)
