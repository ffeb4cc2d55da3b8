"""Incident 7: a topic is deleted with unread messages, and recreated with other settings; senders go on."""

from collections.abc import Sequence

import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewTopic

from tests.integration.broker import Topics
from tests.integration.command import Command
from tests.integration.topics import made
from tests.runbook.page import Player
from tests.runbook.scenes import (
    assert_as_without,
    errors_of,
    floor,
    of_topic,
    publish,
    running,
    until_read,
    until_shown,
)

pytestmark = pytest.mark.kafka


def test_a_topic_is_recreated_with_other_settings(waybill: Command, other: Command, topics: Topics) -> None:
    service = made(waybill, topics, 1)
    first, unread, later = floor(service, 0.5, 0.8)
    with running(service, "consume", "project") as parts:
        publish(service, first)
        until_read(topics, parts[0])
        until_shown(*parts)
    publish(service, unread)
    # given a topic that somebody deleted and created, while nobody read it
    admin = KafkaAdminClient(bootstrap_servers=topics.url)
    admin.delete_topics([f"{topics.prefix}orders"])
    admin.create_topics([NewTopic(f"{topics.prefix}orders", 1, 1, topic_configs={"retention.ms": "86400000"})])
    publish(service, later)

    def kafka_configs(words: Sequence[str]) -> str:
        name, settings = words[words.index("--entity-name") + 1], words[words.index("--add-config") + 1]
        configs = dict(one.split("=") for one in settings.split(","))
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topics.prefix + name, configs)])
        return f"Completed updating config for topic {name}."

    with running(service, "consume", "project") as parts:
        until_read(topics, parts[0])
        until_shown(*parts)
        # when the page's commands are typed
        player = Player(
            "A topic was recreated",
            service,
            hidden={topics.prefix: ""},
            others={"grep": lambda _: errors_of(parts[0]), "kafka-configs.sh": kafka_configs},
        )
        player.play()
        player.play()
        # and the senders send again what they sent since
        service.file("resent.jsonl", *of_topic("orders", first)[-2:], *of_topic("orders", unread))
        player.play()
        until_read(topics, parts[0])
        until_shown(*parts)
        player.play()
    admin.close()
    player.over()
    # then nothing is lost
    assert_as_without(service, other, first + unread + later)
