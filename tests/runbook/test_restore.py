"""Incident 12: the store is lost, and a backup is restored that is older than what a topic still has."""

import os
import subprocess
from collections.abc import Callable, Sequence

import pytest
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from tests.integration.broker import Topics
from tests.integration.command import Command
from tests.integration.topics import consumed, made
from tests.runbook.page import Player
from tests.runbook.scenes import assert_as_without, simulated

pytestmark = pytest.mark.kafka

BEFORE = 60
"""How many messages come before the backup."""
GONE = 3
"""How many messages retention deletes that the backup does not have."""


def test_a_restore(waybill: Command, other: Command, topics: Topics) -> None:
    service = made(waybill, topics, 1)
    lines = simulated(20)
    incident = Player("A restore", service, hidden={topics.prefix: "", f"{service.folder}/": ""}, others=shell(service))
    published(service, lines[:BEFORE])
    consumed(service, topics)
    incident.play()
    published(service, lines[BEFORE:])
    consumed(service, topics)

    # when the disk loses half of the store, and retention was short
    os.truncate(service.store, service.store.stat().st_size // 2)
    delete_unread(service, topics)
    incident.play(exits=1)
    incident.play(exits=1)

    # when the service runs again, and the senders send again what they have
    consumed(service, topics)
    service.file("resent.jsonl", *lines[BEFORE:])
    incident.play()
    consumed(service, topics)

    incident.play()
    incident.over()
    assert_as_without(service, other, lines)


def published(service: Command, lines: Sequence[bytes]) -> None:
    service("publish", service.file("part.jsonl", *lines), "--as-they-are").done()


def delete_unread(service: Command, topics: Topics) -> None:
    """Retention deletes the oldest orders that the backup has not read."""
    backup = service.with_(WAYBILL_STORE="sqlite:///waybill-0300.db")
    (read,) = [one for one in backup.ask("status")["partitions"] if one["topic"].endswith("orders")]
    admin = KafkaAdminClient(bootstrap_servers=topics.url)
    admin.delete_records({TopicPartition(read["topic"], 0): read["next_offset"] + GONE})
    admin.close()


def shell(service: Command) -> dict[str, Callable[[Sequence[str]], str]]:
    """What is typed besides Waybill's commands, in its folder."""

    def run(words: Sequence[str]) -> str:
        return subprocess.run(
            " ".join(words), shell=True, cwd=service.folder, check=True, capture_output=True, text=True
        ).stdout

    return dict.fromkeys(("mkdir", "mv", "cp"), run)
