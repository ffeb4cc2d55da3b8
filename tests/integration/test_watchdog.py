"""A group that never answers: a new client is tried again and again, until one is let in."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from kafka import KafkaConsumer
from structlog.testing import capture_logs

from consumers.contract.topics import read_topics
from consumers.sources.kafka import KafkaReader
from infra.app.container import Waybill
from infra.app.status import read_status
from infra.kafka.connection import kafka_connection
from infra.runtime.consumer import HEARTBEAT_MS, SESSION_MS, Consumer, group_member
from infra.settings import Settings
from tests.integration.broker import Topics
from tests.integration.command import Command
from tests.integration.messages import placed
from tests.integration.topics import STRUCTURED, Sent, made, send

pytestmark = pytest.mark.kafka

PLACED = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")


@pytest.fixture
def service(waybill: Command, topics: Topics, tmp_path: Path) -> Iterator[Waybill]:
    made(waybill, topics)
    with Waybill(
        Settings(store=f"sqlite:///{tmp_path}/waybill.db", kafka=topics.url, topic_prefix=topics.prefix)
    ) as service:
        yield service


def member(service: Waybill) -> KafkaConsumer:
    return group_member(kafka_connection(service.settings), service.settings.topic_prefix + "waybill", 100, 1_048_576)


def reader(service: Waybill, client: KafkaConsumer) -> KafkaReader:
    topics = read_topics(service.settings.topic_prefix)
    return KafkaReader(client, topics, service.ingest(), service.register, service.clock)


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_group_that_does_not_answer_is_joined_again_until_it_does(service: Waybill, topics: Topics) -> None:
    """given a member that is alive and never joins again, so that the group waits for it and answers nobody else"""
    stuck = reader(service, member(service))
    until(lambda: stuck.step(500) == 0 and stuck.joined)
    send(topics, [Sent("orders", json.dumps(PLACED).encode(), b"SO-1", STRUCTURED)])
    stop = Event()
    consumer = Consumer(
        lambda: member(service),
        lambda client: reader(service, client),
        read_topics(topics.prefix),
        topics.url,
        stop,
        seconds_to_join=1,
    )
    with capture_logs() as said:
        thread = Thread(target=consumer.run)
        thread.start()
        try:
            until(lambda: any(line["event"] == "consumer_waits" for line in said))
            assert read_status(service).books.received == 0
            # when it leaves
            stuck.close()
            # then one of those that were tried is let in, and reads
            until(lambda: read_status(service).books.received == 1)
        finally:
            stop.set()
            thread.join()
    (waits,) = [line for line in said if line["event"] == "consumer_waits"]
    assert waits["about"] == "group"
    assert "consumer_resumed" in [line["event"] for line in said]


def test_the_partitions_of_a_dead_consumer_are_free_within_ten_seconds(service: Waybill) -> None:
    """By what the group was told: after so long without a heartbeat, a member is dead, and the others are told at
    their next one.
    """
    joined = member(service)
    try:
        assert joined.config["session_timeout_ms"] == SESSION_MS
        assert joined.config["heartbeat_interval_ms"] == HEARTBEAT_MS
        assert SESSION_MS + HEARTBEAT_MS < 10_000
    finally:
        joined.close(autocommit=False)
