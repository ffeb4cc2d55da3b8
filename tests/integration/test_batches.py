"""Batches as brokers keep them: in every codec, larger than memory, and damaged on disk."""

import hashlib
import json
import sqlite3
import subprocess
import time
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from tests.integration.broker import Topics
from tests.integration.command import EXECUTABLE, Command, Running
from tests.integration.messages import booked, dispatched, placed, registered, requested
from tests.integration.topics import STRUCTURED, Sent, consumed, damage_last_batch, lags, made, positions, send

pytestmark = pytest.mark.kafka

CODECS = ("gzip", "snappy", "lz4", "zstd")
MIB = 1024**2
LARGE = 128 * MIB
ADDRESS_SPACE_KIB = 450_000
PATIENCE_SECONDS = 90


def order(number: int) -> dict[str, Any]:
    return placed(f"SO-{number}", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")


def send_in_one_batch(topics: Topics, codec: str | None, values: list[bytes], topic: str = "orders") -> None:
    producer = KafkaProducer(
        bootstrap_servers=topics.url,
        compression_type=codec,
        linger_ms=500,
        batch_size=2 * LARGE,
        max_request_size=2 * LARGE,
        acks="all",
    )
    try:
        sent = [producer.send(topics.prefix + topic, value, headers=list(STRUCTURED), partition=0) for value in values]
        producer.flush(PATIENCE_SECONDS)
        assert [future.get(PATIENCE_SECONDS).offset for future in sent]
    finally:
        producer.close()


def encoded(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode()


def test_batches_of_every_codec_are_read(waybill: Command, topics: Topics) -> None:
    consuming = made(waybill, topics, 1)
    for number, codec in enumerate((None, *CODECS, None)):
        send_in_one_batch(topics, codec, [encoded(order(number * 100 + n)) for n in range(100)])

    ran = consumed(consuming, topics)

    assert "batch_unreadable" not in ran.err
    assert consuming.ask("status")["books"]["applied"] == 600


def test_what_is_published_is_read_on_topics_that_compress(waybill: Command, topics: Topics) -> None:
    """Each topic has another codec, with which the broker writes its batches again."""
    consuming = made(waybill, topics, 1)
    of_topics = dict(zip(("orders", "expedites", "shipments", "people"), CODECS, strict=True))
    admin = KafkaAdminClient(bootstrap_servers=topics.url)
    try:
        admin.alter_configs(
            [
                ConfigResource(ConfigResourceType.TOPIC, topics.prefix + topic, {"compression.type": codec})
                for topic, codec in of_topics.items()
            ]
        )
    finally:
        admin.close()
    messages = [
        message
        for number in range(50)
        for message in (
            order(number),
            requested(f"SO-{number}", "2025-03-03T10:00:00Z"),
            booked(f"SO-{number}", "2025-03-03T10:00:00Z", "2025-03-10T12:00:00Z"),
            registered(f"rep-{number}", "2025-03-03T09:00:00Z", "Bo Kim"),
        )
    ]

    consuming("publish", consuming.file("messages.jsonl", *messages)).done()
    consumed(consuming, topics)

    status = consuming.ask("status")
    assert status["books"]["applied"] == 200
    read = {one["topic"].removeprefix(topics.prefix): one["next_offset"] for one in status["partitions"]}
    assert {topic: read[topic] for topic in of_topics} == dict.fromkeys(of_topics, 50)


def test_a_record_that_decompresses_to_more_than_memory_is_a_dead_letter(waybill: Command, topics: Topics) -> None:
    """given a consumer with little memory, then what comes beside the large record and after it is applied."""
    consuming = made(waybill, topics, 1)
    large = b"x" * LARGE
    send_in_one_batch(topics, "gzip", [encoded(order(1)), large, encoded(order(2))])
    send_in_one_batch(topics, None, [encoded(order(3))])
    env = {
        name: consuming.setting(name) for name in ("WAYBILL_KAFKA", "WAYBILL_TOPIC_PREFIX", "PATH", "HOME", "TMPDIR")
    }

    with subprocess.Popen(
        ["sh", "-c", f'ulimit -v {ADDRESS_SPACE_KIB}; exec "$0" consume', EXECUTABLE],
        env=env,
        cwd=consuming.folder,
        stderr=subprocess.PIPE,
    ) as consumer:
        try:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while positions(consuming).get((topics.prefix + "orders", 0)) != 4:
                assert consumer.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.2)
        finally:
            consumer.terminate()
    assert consumer.returncode == 0

    assert consuming.ask("status")["books"] == {"received": 4, "applied": 3, "duplicate": 0, "held": 0, "dead": 1}
    (letter,) = consuming.ask("dead-letters", "list")
    assert (letter["topic"], letter["partition"], letter["offset"]) == (topics.prefix + "orders", 0, 1)
    assert str(LARGE) in letter["reason"]
    assert hashlib.sha256(large).hexdigest() in letter["reason"]


def test_a_damaged_batch_stops_its_partition_alone(waybill: Command, topics: Topics) -> None:
    # given a batch that is damaged on the broker's disk, with good ones before it and after it, and another partition
    consuming, place = made(waybill, topics, 1), topics.prefix + "orders"
    send_in_one_batch(topics, None, [encoded(order(1)), encoded(order(2))])
    send_in_one_batch(topics, "lz4", [encoded(order(3)), encoded(order(4))])
    damage_last_batch(topics, "orders")
    send_in_one_batch(topics, None, [encoded(order(5))])
    booking = booked("SO-1", "2025-03-04T09:00:00Z", "2025-03-10T12:00:00Z")
    send_in_one_batch(topics, None, [encoded(booking)], "shipments")
    # when it is consumed
    consuming("ingest", consuming.file("nothing.jsonl")).done()
    consumer = consuming.start("consume")
    try:
        until_applied(consuming, consumer, 3)
        # then what comes later on the other partition is applied, too, and the member never left its group
        later = dispatched("SO-1", "2025-03-05T09:00:00Z")
        send(topics, [Sent("shipments", encoded(later), headers=STRUCTURED, partition=0)])
        until_applied(consuming, consumer, 4)
        assert positions(consuming)[place, 0] == 2
        status = consuming.ask("status")
        assert lags(status) == {0, 3}
        # and the status says so, whichever process is asked
        (unreadable,) = status["unreadable_batches"]
        since = unreadable.pop("since")
        assert unreadable == {
            "topic": place, "partition": 0, "offset": 2, "end_offset": 4, "reason": "its checksum is wrong",
        }  # fmt: skip
        assert b"Batches that cannot be read" in consuming("status").done().out
        (orders,) = [one for one in status["partitions"] if one["topic"] == place]
        assert orders["stuck_since"] >= since
        # and when the batch is skipped, then the partition goes on, and a dead letter records it
        skipping = ("topics", "skip", "--topic", "orders", "--partition", "0", "--reason", "disk of broker 2")
        consuming(*skipping, "--to-offset", "2").exited(2, "continues at offset 2;")
        (skipped,) = consuming.ask(*skipping, "--to-offset", "4")
        assert (skipped["from_offset"], skipped["to_offset"]) == (2, 4)
        until_applied(consuming, consumer, 5)
        assert consuming.ask("status")["unreadable_batches"] == []
        said = [json.loads(line) for line in consumer.said.splitlines() if line.startswith("{")]
    finally:
        consumer.terminate()
        consumer.wait().done()
    (told,) = [line for line in said if line["event"] == "batch_unreadable"]
    assert (told["topic"], told["partition"], told["next_offset"], told["end_offset"]) == (place, 0, 2, 4)
    assert told["reason"] == "its checksum is wrong"
    assert not [line for line in said if line["event"] == "consumer_waits"]
    (letter,) = consuming.ask("dead-letters", "list")
    assert (letter["topic"], letter["partition"], letter["offset"]) == (place, 0, 2)
    assert letter["letter_id"] == skipped["letter_id"]
    assert letter["reason"] == "offsets 2 to 3 were skipped unread: disk of broker 2"
    assert lags(consuming.ask("status")) == {0}


def test_what_lies_behind_an_open_transaction_is_lag(waybill: Command, topics: Topics) -> None:
    consuming = made(waybill, topics, 1)
    send_in_one_batch(topics, None, [encoded(order(1))])
    producer = KafkaProducer(bootstrap_servers=topics.url, transactional_id=f"{topics.prefix}writer", acks="all")
    try:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(topics.prefix + "orders", encoded(order(2)), headers=list(STRUCTURED)).get(PATIENCE_SECONDS)
        send_in_one_batch(topics, None, [encoded(order(3))])
        # given a transaction that is open, when all is read that can be
        consumed(consuming, topics)
        # then what cannot be read yet is told of as lag, and since when it lies there
        (orders,) = [one for one in consuming.ask("status")["partitions"] if one["topic"] == topics.prefix + "orders"]
        stuck_since = orders.pop("stuck_since")
        assert orders == {
            "topic": topics.prefix + "orders",
            "partition": 0,
            "next_offset": 1,
            "end_offset": 1,
            "lag": 2,
            "high_watermark": 3,
        }
        assert stuck_since is not None
        # and when it is committed and read, then there is no lag
        producer.commit_transaction()
    finally:
        producer.close()
    consumed(consuming, topics)
    status = consuming.ask("status")
    assert lags(status) == {0}
    assert {one["stuck_since"] for one in status["partitions"]} == {None}
    assert status["books"]["applied"] == 3


def until_applied(waybill: Command, consumer: Running, count: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while applied_in(waybill) < count:
        assert consumer.is_alive(), consumer.wait()
        assert time.monotonic() < deadline, waybill.ask("status")
        time.sleep(0.2)


def applied_in(waybill: Command) -> int:
    """How many messages are applied: of the store, which costs less than a command each time."""
    with closing(sqlite3.connect(f"file:{waybill.store}?mode=ro", uri=True)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM messages WHERE verdict = 'applied'").fetchone()
    return int(count)
