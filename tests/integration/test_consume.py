"""`waybill consume`: what is in Kafka's topics is in the store, whatever the records look like."""

import json
import sqlite3
import time
from base64 import b64decode
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient

from consumers.contract import TOPICS
from consumers.sources.source import KEPT_BYTES
from tests.integration.broker import Broker, Topics
from tests.integration.command import Command
from tests.integration.messages import booked, dispatched, placed
from tests.integration.topics import STRUCTURED, Sent, consumed, lags, made, send, until_read

pytestmark = pytest.mark.kafka

PLACED = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")
BOOKED = booked("SO-1", "2025-03-04T09:00:00Z", "2025-03-10T12:00:00Z")
DISPATCHED = dispatched("SO-1", "2025-03-05T09:00:00Z")
LARGEST = 1_048_576


def structured(topic: str, message: dict[str, Any], **more: Any) -> Sent:
    return Sent(
        topic, json.dumps(message).encode(), str(message["subject"]).encode(), **{"headers": STRUCTURED, **more}
    )


def binary(topic: str, message: dict[str, Any], *more: tuple[str, bytes]) -> Sent:
    headers = [(f"ce_{name}", str(value).encode()) for name, value in message.items() if name != "data"]
    content_type = ("content-type", b"application/json")
    return Sent(topic, json.dumps(message["data"]).encode(), b"SO-1", [*headers, content_type, *more])


@pytest.fixture
def consuming(waybill: Command, topics: Topics) -> Command:
    """The command with topics of its own, which are there."""
    return made(waybill, topics)


def test_structured_and_binary_messages_of_any_topic_are_taken(consuming: Command, topics: Topics) -> None:
    traced = ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    without_headers = structured("people", DISPATCHED, headers=())
    send(topics, [structured("shipments", PLACED), binary("orders", BOOKED, traced), without_headers])

    consumed(consuming, topics)

    told = consuming.ask("status")
    assert told["books"] == {"received": 3, "applied": 3, "duplicate": 0, "held": 0, "dead": 0}
    assert lags(told) == {0}
    assert consuming.ask("order", "SO-1")["order"]["stage"] == "in_transit"
    consuming("verify").done()


def test_a_key_that_is_not_the_subject_changes_nothing(consuming: Command, topics: Topics) -> None:
    send(topics, [structured("orders", PLACED)._replace(key=key) for key in (None, b"", b"SO-2", b"\xff")])

    consumed(consuming, topics)

    assert consuming.ask("status")["books"] == {"received": 4, "applied": 1, "duplicate": 3, "held": 0, "dead": 0}


class OddName(str):
    """A header's name that is sent as these bytes."""

    def encode(self, *_: Any) -> bytes:
        return b"\xff\xfe name"


def header_name(name: str) -> str:
    """As it is kept: what is no UTF-8 is written out."""
    return name.encode().decode("utf-8", errors="backslashreplace")


POISON = {
    "a tombstone": (Sent("orders", None, b"SO-1"), "is empty"),
    "an empty value": (Sent("orders", b"", b"SO-1"), "is empty"),
    "bytes that are no UTF-8": (Sent("orders", b"\xff\xfe\x00\x01" * 20), "UTF-8"),
    "no JSON": (Sent("orders", b"<order/>"), "must be JSON"),
    "JSON that is no object": (Sent("orders", b"[1, 2, 3]"), "must be a JSON object"),
    "a nest without end": (Sent("orders", b"[" * 100_000), "nested too deeply"),
    "a content type of another format": (
        Sent("orders", b"{}", headers=[("content-type", b"application/cloudevents+avro")]),
        "content-type: must be application/cloudevents+json",
    ),
    "a binary message without data": (binary("orders", PLACED)._replace(value=None), "data: must be given"),
    "a binary message whose data are no JSON": (binary("orders", PLACED)._replace(value=b"<x/>"), "data: must be JSON"),
    "an attribute that is no UTF-8": (binary("orders", PLACED, ("ce_correlationid", b"\xff")), "ce_correlationid"),
    "an attribute twice": (binary("orders", PLACED, ("ce_id", b"another")), "ce_id: must be given once"),
    "an attribute that is missing": (
        binary("orders", PLACED)._replace(headers=[("ce_specversion", b"1.0"), ("ce_id", b"1")]),
        "must be given, but is missing",
    ),
    "a message that is too large": (Sent("orders", b"x" * (LARGEST + 1)), "at most 1048576 bytes"),
    "a binary message that is too large": (
        binary("orders", PLACED, ("ce_note", b"x" * 20_000))._replace(value=b" " * (LARGEST - 10_000)),
        "at most 1048576 bytes",
    ),
    "a header whose name is no UTF-8": (
        Sent("orders", b"{}", headers=[(OddName("name"), b"\x00\xff")]),
        "specversion: must be given",
    ),
}


def kept_of(value: bytes) -> bytes:
    """All of it, and of what is too large its beginning."""
    return value[:KEPT_BYTES] if len(value) > LARGEST else value


def test_poison_of_every_kind_is_kept_whole_and_stops_nothing(consuming: Command, topics: Topics) -> None:
    poison = [record._replace(partition=1) for record, _ in POISON.values()]
    send(topics, [structured("orders", PLACED, partition=1), *poison, structured("orders", BOOKED, partition=1)])

    ran = consumed(consuming, topics)

    assert consuming.ask("status")["books"] == {
        "received": 2 + len(POISON), "applied": 2, "duplicate": 0, "held": 0, "dead": len(POISON),
    }  # fmt: skip
    # Some claim to be the order's placing, which was applied, and so are superseded.
    letters = sorted(consuming.ask("dead-letters", "list", "--all"), key=lambda letter: int(letter["offset"]))
    assert [letter["offset"] for letter in letters] == list(range(1, len(POISON) + 1))
    for letter, (kind, (record, reason)) in zip(letters, POISON.items(), strict=True):
        assert reason in letter["reason"], kind
        assert (letter["topic"], letter["partition"]) == (f"{topics.prefix}orders", 1)
        assert letter["letter_id"] == f"{topics.prefix}orders/1/{letter['offset']}"
        whole = consuming.ask("dead-letters", "show", letter["letter_id"])
        assert whole["body"] == kept_of(record.value or b"").decode("utf-8", errors="backslashreplace"), kind
        kept = [
            (h["name"], b64decode(h["value_base64"]) if "value_base64" in h else h["value"].encode())
            for h in whole["headers"]
        ]
        assert kept == [(header_name(name), value) for name, value in record.headers], kind
    assert "Traceback" not in ran.err
    consuming("verify").done()


def test_the_books_tell_of_what_only_ends_a_transaction(consuming: Command, topics: Topics) -> None:
    """given transactions, one of them aborted, then what was committed is taken and nothing is left to be read."""
    producer = KafkaProducer(bootstrap_servers=topics.url, transactional_id=topics.prefix, retry_backoff_ms=5)
    producer.init_transactions()
    for message, ending in ((PLACED, "commit_transaction"), (BOOKED, "abort_transaction")):
        producer.begin_transaction()
        producer.send(topics.prefix + "orders", json.dumps(message).encode(), partition=0)
        producer.flush()
        getattr(producer, ending)()
    producer.close()

    consumed(consuming, topics)

    told = consuming.ask("status")
    assert told["books"]["received"] == told["books"]["applied"] == 1
    assert lags(told) == {0}


def test_an_empty_store_that_reads_the_same_topics_has_the_same_answers(
    consuming: Command, other: Command, topics: Topics
) -> None:
    send(topics, [structured("orders", message) for message in (DISPATCHED, BOOKED, PLACED, PLACED)])
    send(topics, [Sent("people", b"broken", partition=0)])
    consumed(consuming, topics)

    again = other.with_(**topics.env, WAYBILL_KAFKA_GROUP="another")
    consumed(again, topics)

    assert again.ask("status")["books"] == consuming.ask("status")["books"]
    assert again.ask("order", "SO-1")["order"] == consuming.ask("order", "SO-1")["order"]
    assert [row["letter_id"] for row in again.ask("dead-letters", "list")] == [f"{topics.prefix}people/0/0"]


def test_a_store_that_was_restored_reads_again_what_its_group_had_committed(consuming: Command, topics: Topics) -> None:
    """What Kafka believes is committed decides nothing: the store does."""
    send(topics, [structured("orders", PLACED)])
    consumed(consuming, topics)
    for left in consuming.folder.glob("waybill.db*"):
        left.unlink()

    consumed(consuming, topics)

    assert consuming.ask("status")["books"]["applied"] == 1


def test_messages_deleted_by_retention_are_reported_and_the_rest_is_read(consuming: Command, topics: Topics) -> None:
    topic = topics.prefix + "orders"
    send(topics, [structured("orders", PLACED, partition=0) for _ in range(5)])
    admin = KafkaAdminClient(bootstrap_servers=topics.url)
    admin.delete_records({TopicPartition(topic, 0): 3})
    admin.close()

    ran = consumed(consuming, topics)

    (told,) = [json.loads(line) for line in ran.err.splitlines() if '"messages_gone"' in line]
    assert (told["topic"], told["partition"], told["gone"], told["first_offset"]) == (topic, 0, 3, 3)
    assert consuming.ask("status")["books"]["received"] == 2


def test_a_recreated_topic_is_read_from_its_beginning(consuming: Command, topics: Topics) -> None:
    send(topics, [*(structured("orders", PLACED, partition=0) for _ in range(3)), Sent("orders", b"old", partition=0)])
    consumed(consuming, topics)
    admin = KafkaAdminClient(bootstrap_servers=topics.url)
    admin.delete_topics([f"{topics.prefix}orders"])
    admin.close()
    consuming("topics", "create", "--partitions", "3").done()
    send(topics, [Sent("orders", b"new", partition=0), structured("orders", BOOKED, partition=0)])

    consumer = consuming.start("consume")
    until_read_anew(consuming, received=6)
    consumer.terminate()
    ran = consumer.wait().done()

    assert '"topic_recreated"' in ran.err
    reasons = [letter["reason"] for letter in consuming.ask("dead-letters", "list")]
    assert len(reasons) == 2, "the letters of both topics are kept, though they stood at one offset"
    assert consuming.ask("message", PLACED["source"], BOOKED["id"])[0]["verdict"] == "applied"


def test_a_recreated_topic_that_has_grown_longer_is_read_from_its_beginning_too(
    consuming: Command, topics: Topics
) -> None:
    """Its end does not tell it from the old one; its id does."""
    send(topics, [structured("orders", PLACED, partition=0), Sent("orders", b"old", partition=0)])
    consumed(consuming, topics)
    admin = KafkaAdminClient(bootstrap_servers=topics.url)
    admin.delete_topics([f"{topics.prefix}orders"])
    admin.close()
    consuming("topics", "create", "--partitions", "3").done()
    send(
        topics,
        [
            structured("orders", BOOKED, partition=0),
            Sent("orders", b"new", partition=0),
            *(Sent("orders", b"%d" % n, partition=0) for n in range(3)),
        ],
    )

    ran = consumed(consuming, topics)

    assert '"topic_recreated"' in ran.err
    assert consuming.ask("status")["books"]["received"] == 7
    letters = consuming.ask("dead-letters", "list")
    assert len(letters) == 5, "the letters of both topics are kept, though two of them stood at one offset"
    # and whoever reads its past again finds all of it taken, by its bytes
    again = consuming.ask("reingest", "--topic", "orders", "--from", "0")
    assert (again["received"], again["duplicate"]) == (5, 5)
    assert len(consuming.ask("dead-letters", "list")) == 5


def test_a_partition_whose_checkpoint_went_back_is_read_again_though_nothing_comes(
    consuming: Command, topics: Topics
) -> None:
    """As after a failover to a copy of the store that lacks the last transactions."""
    send(topics, [structured("orders", PLACED, partition=0), structured("orders", BOOKED, partition=0)])
    consumer = consuming.start("consume")
    try:
        until_read(consuming, topics, [consumer])
        with closing(sqlite3.connect(consuming.store)) as store, store:
            store.execute("UPDATE feeds SET next_offset = 1 WHERE next_offset = 2")
        until_read(consuming, topics, [consumer])
    finally:
        consumer.terminate()
    consumer.wait().done()


def test_the_past_of_a_recreated_topic_differs_from_that_of_the_old_one(consuming: Command, topics: Topics) -> None:
    send(topics, [Sent("orders", b"old", partition=0)])
    consumed(consuming, topics)
    admin = KafkaAdminClient(bootstrap_servers=topics.url)
    admin.delete_topics([f"{topics.prefix}orders"])
    admin.close()
    consuming("topics", "create", "--partitions", "3").done()
    send(topics, [Sent("orders", b"new", partition=0)])

    again = consuming.ask("reingest", "--topic", "orders", "--from", "0")

    assert (again["received"], again["malformed"]) == (1, 1)
    assert len(consuming.ask("dead-letters", "list")) == 2


def until_read_anew(waybill: Command, received: int) -> None:
    deadline = time.monotonic() + 60
    while waybill.ask("status")["books"]["received"] < received:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_status_says_that_kafka_does_not_answer(consuming: Command, topics: Topics) -> None:
    send(topics, [structured("orders", PLACED, partition=0)])
    consumed(consuming, topics)

    ran = consuming.with_(WAYBILL_KAFKA="127.0.0.1:1")("status", "--format", "json")

    ran.exited(0, "Kafka at 127.0.0.1:1 was not reached, so lag is not known")
    (orders,) = [p for p in ran.json["partitions"] if (p["topic"], p["partition"]) == (f"{topics.prefix}orders", 0)]
    assert (orders["next_offset"], orders["end_offset"], orders["lag"]) == (1, None, None)


def test_what_lies_unread_is_lag(consuming: Command, topics: Topics) -> None:
    send(topics, [structured("orders", PLACED, partition=0)])
    consumed(consuming, topics)
    send(topics, [structured("orders", PLACED, partition=0), structured("orders", PLACED, partition=0)])

    told = consuming.ask("status")["partitions"]

    assert {p["lag"] for p in told if (p["topic"], p["partition"]) == (f"{topics.prefix}orders", 0)} == {2}


def test_topics_are_made_once_and_left_alone_after_that(waybill: Command, topics: Topics) -> None:
    creating = waybill.with_(**topics.env)

    first = creating.ask("topics", "create", "--partitions", "2")
    second = creating.ask("topics", "create", "--partitions", "5")

    names = {row["topic"] for row in first}
    assert names == {topics.prefix + name for topic in TOPICS for name in (topic, f"{topic}.dead")} | {
        f"{topics.prefix}waybill.events",
        f"{topics.prefix}waybill.verdicts",
    }
    assert {(row["state"], row["partitions"]) for row in first} == {("created", 2)}
    assert {(row["state"], row["partitions"]) for row in second} == {("there", 2)}


def test_missing_topics_are_reported_and_waited_for(waybill: Command, topics: Topics) -> None:
    waiting = waybill.with_(**topics.env)
    consumer = waiting.start("consume")
    while "consumer_waits" not in consumer.said:
        assert consumer.is_alive()
    made(waybill, topics)
    send(topics, [structured("orders", PLACED)])

    until_read(waiting, topics, [consumer])
    consumer.terminate()
    ran = consumer.wait().done()

    (told,) = [json.loads(line) for line in ran.err.splitlines() if '"consumer_waits"' in line]
    assert "waybill topics create" in told["reason"]


@pytest.mark.slow
@pytest.mark.fault
def test_a_broker_that_is_down_at_the_start_and_in_the_middle_is_waited_for(
    waybill: Command, own_broker: Broker
) -> None:
    topics = Topics(own_broker.url, "")
    consuming = made(waybill, topics)
    own_broker.stop()
    consumer = consuming.start("consume")
    while "consumer_waits" not in consumer.said:
        assert consumer.is_alive()
    own_broker.start()
    send(topics, [structured("orders", PLACED)])
    until_read(consuming, topics, [consumer])
    own_broker.kill()
    own_broker.start()
    send(topics, [structured("orders", BOOKED)])
    until_read(consuming, topics, [consumer])
    consumer.terminate()
    ran = consumer.wait().done()

    assert consuming.ask("status")["books"]["applied"] == 2
    complaints = [line for line in ran.err.splitlines() if '"error"' in line]
    assert 1 <= len(complaints) <= 4, ran.err
