"""`waybill doctor` against a real broker: what is planted is found, and a well service exits with 0."""

import json

import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from consumers.contract.topics import EVENTS
from tests.integration.broker import Topics
from tests.integration.command import Command
from tests.integration.messages import placed
from tests.integration.topics import STRUCTURED, Sent, consumed, made, send

pytestmark = pytest.mark.kafka


def order(number: int) -> Sent:
    message = placed(f"SO-{number}", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")
    return Sent("orders", json.dumps(message).encode(), f"SO-{number}".encode(), STRUCTURED, partition=0)


def test_what_is_wrong_with_topics_group_and_positions_is_found(waybill: Command, topics: Topics) -> None:
    consuming = made(waybill, topics, partitions=1)
    send(topics, [order(1), order(2)])
    consumed(consuming, topics)
    before = consuming("doctor", "--format", "json").done().json
    assert (before["ok"], before["findings"]) == (True, [])
    assert {"topics", "retention", "positions", "group", "lag", "broker clock"} <= set(before["checks"])

    # when nobody consumes, a topic keeps messages for an hour, one is missing, and the store has read another broker's
    send(topics, [order(3)])
    admin = KafkaAdminClient(bootstrap_servers=topics.url)
    try:
        resource = ConfigResource(ConfigResourceType.TOPIC, f"{topics.prefix}people", {"retention.ms": "3600000"})
        admin.alter_configs([resource])
        admin.delete_topics([topics.prefix + EVENTS])
    finally:
        admin.close()

    told = consuming("doctor", "--format", "json").exited(1).json
    found = {finding["check"]: finding for finding in told["findings"]}
    assert found.keys() == {"topics", "retention", "group"}
    assert found["topics"]["problem"] == f"there is no topic {topics.prefix}{EVENTS}"
    assert found["topics"]["to_type"] == "waybill topics create"
    assert "people keeps its messages only for 1 h" in found["retention"]["problem"]
    assert found["group"]["problem"].endswith("unread: 1 message")
    assert "waybill topics create" in consuming("doctor").exited(1).text


def test_a_broker_that_is_away_is_wrong_for_a_store_that_read_from_it(waybill: Command, topics: Topics) -> None:
    consuming = made(waybill, topics, partitions=1)
    send(topics, [order(1)])
    consumed(consuming, topics)
    away = consuming.with_(WAYBILL_KAFKA="127.0.0.1:9")("doctor", "--format", "json").exited(1).json
    assert [(one["level"], one["check"]) for one in away["findings"]] == [("wrong", "broker")]


def test_a_topic_that_was_created_again_is_found_by_its_id_even_if_it_has_more_messages(
    waybill: Command, topics: Topics
) -> None:
    consuming = made(waybill, topics, partitions=1)
    send(topics, [order(1)])
    consumed(consuming, topics)
    admin = KafkaAdminClient(bootstrap_servers=topics.url)
    admin.delete_topics([f"{topics.prefix}orders"])
    admin.close()
    consuming("topics", "create", "--partitions", "1").done()
    send(topics, [order(n) for n in (2, 3, 4)])

    told = consuming("doctor", "--format", "json").exited(1).json
    found = {finding["check"]: finding for finding in told["findings"]}
    assert "up to offset 1; this one ends at 3: the topic was created again" in found["positions"]["problem"]
    assert "waybill topics check" in found["positions"]["to_type"]
    assert found["group"]["problem"].endswith("unread: 3 messages")
