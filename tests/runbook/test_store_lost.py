"""Incident 13: the store is gone, and an archive becomes a new one."""

import pytest

from tests.integration.broker import Topics
from tests.integration.command import Command
from tests.integration.topics import consumed, made
from tests.runbook.page import Player
from tests.runbook.scenes import assert_as_without, publish, simulated

pytestmark = pytest.mark.kafka

BEFORE = 60
"""How many messages come before the archive."""


def test_the_store_is_lost(waybill: Command, other: Command, topics: Topics) -> None:
    service = made(waybill, topics, 1)
    lines = simulated(20)
    hidden = {topics.prefix: "", f"{service.folder}/": ""}
    incident = Player("The store is lost", service, hidden=hidden)
    publish(service, lines[:BEFORE])
    consumed(service, topics)
    incident.play()
    # given a store that is lost with what it has read since
    publish(service, lines[BEFORE:])
    consumed(service, topics)
    service.store.unlink()
    incident.play(exits=1)
    # when the page's commands are typed, and the service runs again
    incident.play()
    incident.play()
    consumed(service, topics)
    incident.play()
    incident.over()
    # then nothing is lost
    assert_as_without(service, other, lines)
