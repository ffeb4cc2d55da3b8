"""Topics of a test's own, filled record by record, and a consumer run until it has read them."""

import gzip
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import psycopg
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient

from consumers.contract import TOPICS
from tests.integration.broker import Topics
from tests.integration.command import Command, Ran, Running

PATIENCE_SECONDS = 90
STRUCTURED = (("content-type", b"application/cloudevents+json"),)


class Sent(NamedTuple):
    """A record to be sent; without a partition, its key says which one, or chance."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int | None = None


class Place(NamedTuple):
    """Where a record stands; the topic's name with its prefix."""

    topic: str
    partition: int
    offset: int


def made(waybill: Command, topics: Topics, partitions: int = 3) -> Command:
    """The command with these topics, which it makes."""
    with_topics = waybill.with_(**topics.env)
    with_topics("topics", "create", "--partitions", str(partitions)).done()
    return with_topics


def send(topics: Topics, records: Iterable[Sent]) -> list[Place]:
    """Send these and wait until all are kept; a topic's name stands without its prefix. Returns where each stands."""
    producer = KafkaProducer(
        bootstrap_servers=topics.url, acks="all", linger_ms=5, batch_size=262_144, max_request_size=4_000_000
    )
    try:
        futures = [
            producer.send(
                topics.prefix + sent.topic,
                value=sent.value,
                key=sent.key,
                headers=list(sent.headers),
                partition=sent.partition,
            )
            for sent in records
        ]
        kept = [future.get(PATIENCE_SECONDS) for future in futures]
        return [Place(one.topic, one.partition, one.offset) for one in kept]
    finally:
        producer.close()


def shuffled(lines: Iterable[bytes], chance: Random, partitions: int = 3) -> list[Sent]:
    """These messages in any order, each in any topic and partition: correctness must not rest on either."""
    records = [
        Sent(
            chance.choice(TOPICS),
            line,
            key=str(json.loads(line).get("subject")).encode(),
            headers=STRUCTURED,
            partition=chance.randrange(partitions),
        )
        for line in lines
    ]
    chance.shuffle(records)
    return records


def lines_of(file: Path) -> list[bytes]:
    content = file.read_bytes()
    return (gzip.decompress(content) if file.suffix == ".gz" else content).splitlines()


def ends(topics: Topics) -> dict[tuple[str, int], int]:
    """Where each partition of the five topics ends."""
    consumer = KafkaConsumer(bootstrap_servers=topics.url, isolation_level="read_committed")
    try:
        partitions = [
            TopicPartition(topics.prefix + topic, partition)
            for topic in TOPICS
            for partition in consumer.partitions_for_topic(topics.prefix + topic) or ()
        ]
        return {tuple(partition): offset for partition, offset in consumer.end_offsets(partitions).items()}
    finally:
        consumer.close()


def positions(waybill: Command) -> dict[tuple[str, int], int]:
    """Where the store stands; nowhere while the consumer that was started has not made it yet."""
    ran = waybill("status", "--format", "json")
    if ran.code and "there is no store" in ran.err:
        return {}
    return {(p["topic"], p["partition"]): p["next_offset"] for p in ran.done().json["partitions"]}


def until_read(waybill: Command, topics: Topics, consumers: Sequence[Running] = ()) -> None:
    """Wait until the store has come to the end of every partition."""
    wanted = {place: end for place, end in ends(topics).items() if end}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(stored_positions(waybill).get(place, 0) < end for place, end in wanted.items()):
        for consumer in consumers:
            assert consumer.is_alive(), consumer.wait()
        assert time.monotonic() < deadline, f"not read to its end: {positions(waybill)} of {wanted}"
        time.sleep(0.1)


def stored_positions(waybill: Command) -> dict[tuple[str, int], int]:
    """The same as `positions`, read from the store: the command would use the processor that the consumer needs."""
    url = waybill.setting("WAYBILL_STORE", f"sqlite:///{waybill.store}")
    path = url.removeprefix("sqlite:///")
    try:
        with closing(
            # The command runs in its folder, and the path may be relative to that.
            psycopg.connect(url) if path == url else sqlite3.connect(f"file:{waybill.folder / path}?mode=ro", uri=True)
        ) as store:
            # A topic that was created again has a new feed; the newest counts.
            read = store.execute("SELECT topic, partition, next_offset FROM feeds ORDER BY feed_id").fetchall()
    except (sqlite3.OperationalError, psycopg.errors.UndefinedTable):
        return {}
    return {(topic, partition): next_offset for topic, partition, next_offset in read}


def consumed(waybill: Command, topics: Topics) -> Ran:
    """Read all that is there, stop as an operator would, and bring the views up."""
    consumer = waybill.start("consume")
    try:
        until_read(waybill, topics, [consumer])
    finally:
        consumer.terminate()
    ran = consumer.wait().done()
    waybill("project", "--once").done()
    return ran


def lags(status: dict[str, Any]) -> set[int | None]:
    return {partition["lag"] for partition in status["partitions"]}


def damage_last_batch(topics: Topics, topic: str) -> None:
    """Change a byte of what the broker has on its disk. It reads from there what it sends."""
    admin = KafkaAdminClient(bootstrap_servers=topics.url)
    try:
        (broker,) = admin.describe_log_dirs()
        (folder,) = [one["log_dir"] for one in broker["log_dirs"]]
    finally:
        admin.close()
    (log,) = Path(folder, f"{topics.prefix}{topic}-0").glob("*.log")
    with log.open("r+b") as stream:
        stream.seek(-1, os.SEEK_END)
        last = stream.read(1)
        stream.seek(-1, os.SEEK_END)
        stream.write(bytes([last[0] ^ 1]))
