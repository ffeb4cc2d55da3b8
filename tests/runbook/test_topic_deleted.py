"""Incident 6: a topic is deleted, with messages that were not read."""

import pytest
from kafka.admin import KafkaAdminClient

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
    says,
    until,
    until_read,
    until_shown,
)

pytestmark = pytest.mark.kafka


def test_a_topic_is_deleted_with_unread_messages(waybill: Command, other: Command, topics: Topics) -> None:
    service = made(waybill, topics, 1)
    first, second = floor(service, 0.5)
    with running(service, "consume", "project") as parts:
        publish(service, first)
        until_read(topics, parts[0])
        until_shown(*parts)
    # given a topic that is deleted after a deploy, before the consumer has read it
    publish(service, second)
    admin = KafkaAdminClient(bootstrap_servers=topics.url)
    admin.delete_topics([f"{topics.prefix}orders"])
    admin.close()
    with running(service, "consume", "project") as parts:
        until(says("consumer_waits", running=parts[0]), *parts)
        # when the page's commands are typed
        player = Player(
            "A topic was deleted", service, hidden={topics.prefix: ""}, others={"grep": lambda _: errors_of(parts[0])}
        )
        player.play(exits=1)
        player.play()
        # and the senders send again what they sent since
        service.file("resent.jsonl", *of_topic("orders", first)[-2:], *of_topic("orders", second))
        player.play()
        until_read(topics, parts[0])
        until_shown(*parts)
        player.play()
    player.over()
    # then nothing is lost
    assert_as_without(service, other, first + second)
