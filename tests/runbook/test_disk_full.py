"""Incident 9: the disk of an SQLite store fills up while messages come."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.fault.test_full_disk import SmallDisk, mounted
from tests.integration.broker import Topics
from tests.integration.command import Command
from tests.integration.topics import made
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


def test_the_disk_fills_up_while_messages_come(
    waybill: Command, other: Command, topics: Topics, tmp_path: Path
) -> None:
    with mounted(tmp_path / "disk", "8m") as disk:
        play(waybill, other, topics, disk)


def play(waybill: Command, other: Command, topics: Topics, disk: SmallDisk) -> None:
    service = made(waybill, topics, 1).with_(WAYBILL_STORE=f"sqlite:///{disk.folder}/waybill.db")
    first, second = floor(service, 0.3)
    with running(service, "consume", "project") as parts:
        publish(service, first)
        until_read(topics, parts[0])
        until_shown(*parts)
        # given a disk that a core dump fills, when messages come
        fill(disk.folder / "core.4711")
        publish(service, second)
        until(says("consumer_waits", running=parts[0]), *parts)
        # then the page's commands show why, and end it; the consumer goes on by itself
        player = Player(
            "Disk full",
            service,
            hidden={str(disk.folder): "/srv/waybill", topics.prefix: ""},
            others={"du": in_a_shell, "rm": in_a_shell, "grep": lambda _: errors_of(parts[0])},
        )
        player.play(exits=1)
        player.play()
        until_read(topics, parts[0])
        until_shown(*parts)
        player.play()
    player.over()
    # and nothing is lost
    assert_as_without(service, other, first + second)


def in_a_shell(words: Sequence[str]) -> str:
    return subprocess.run(" ".join(words), shell=True, check=True, capture_output=True, text=True).stdout


def fill(file: Path) -> None:
    """Write until the disk has no more room."""
    with file.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(bytes(4096))
        except OSError:
            pass
