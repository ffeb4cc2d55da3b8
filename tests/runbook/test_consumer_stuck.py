"""Incident 3: a consumer that is frozen, and then a batch that cannot be read."""

import os
import signal
import subprocess
from collections.abc import Sequence

import pytest
from kafka.admin import KafkaAdminClient

from tests.integration.broker import Topics
from tests.integration.command import KILLED, Command, Running
from tests.integration.topics import damage_last_batch, made
from tests.runbook.page import Player
from tests.runbook.scenes import (
    assert_as_without,
    errors_of,
    floor,
    publish,
    running,
    says,
    until,
    until_read,
    until_shown,
)

pytestmark = pytest.mark.kafka


def test_a_frozen_consumer_and_an_unreadable_batch(waybill: Command, other: Command, topics: Topics) -> None:
    service = made(waybill, topics, 1)
    first, rest = floor(service, 0.5)
    damaged = next(line for line in rest if b"order.placed.v1" in line)
    rest.remove(damaged)
    frozen = service.start("consume")
    try:
        publish(service, first)
        until_read(topics, frozen)
        # given a consumer that is frozen while messages come, and a batch of them that is damaged on the broker's disk
        frozen.signal(signal.SIGSTOP)
        publish(service, [damaged])
        damage_last_batch(topics, "orders")
        publish(service, rest)
        until(lambda: not members(topics))
        # when the page's commands are typed, then they show what is wrong, and end it
        player = Player(
            "Consumer stuck",
            service,
            hidden={topics.prefix: "", str(frozen.pid): "4711"},
            others={
                "ps": lambda _: state_of(frozen),
                "kill": kill,
                "grep": lambda _: errors_of(parts[0]),
            },
        )
        player.play(exits=1)
        player.play()
        assert frozen.wait().code == KILLED
    finally:
        frozen.kill()
    with running(service, "consume", "project") as parts:
        until(says("batch_unreadable", running=parts[0]), *parts)
        player.play(exits=1)
        player.play()
        publish(service, [damaged])
        until_read(topics, parts[0])
        until_shown(*parts)
        player.play()
        player.play()
    player.over()
    # and nothing is lost
    assert_as_without(service, other, [*first, damaged, *rest])


def state_of(process: Running) -> str:
    ps = ["ps", "-o", "pid,stat", "-p", str(process.pid)]
    return subprocess.run(ps, check=True, capture_output=True, text=True).stdout


def kill(words: Sequence[str]) -> str:
    program, how, pid = words
    assert (program, how) == ("kill", "-KILL")
    os.kill(int(pid), signal.SIGKILL)
    return ""


def members(topics: Topics) -> int:
    """How many consumers the group has; a frozen one until its session ends."""
    group = f"{topics.prefix}waybill"
    admin = KafkaAdminClient(bootstrap_servers=topics.url)
    try:
        return len(admin.describe_groups([group])[group]["members"])
    finally:
        admin.close()
