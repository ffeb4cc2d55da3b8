"""Incident 8: the primary is lost with transactions that its standby never got, and the standby is promoted."""

import json
import subprocess
from collections.abc import Sequence

import pytest

from tests.integration.broker import Topics
from tests.integration.command import Command
from tests.integration.messages import placed
from tests.integration.topics import made
from tests.runbook.page import Player
from tests.runbook.primary_and_standby import primary_and_standby
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

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


def psql(words: Sequence[str]) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def test_the_standby_is_promoted_without_the_last_transactions(
    waybill: Command, other: Command, topics: Topics
) -> None:
    with primary_and_standby() as (primary, standby):
        hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
        store = f"postgresql://postgres@{hosts}/waybill?target_session_attrs=read-write"
        service = made(waybill, topics, 1).with_(WAYBILL_STORE=store)
        first, second, third = floor(service, 0.5, 0.8)
        # One topic is quiet later: nothing that comes tells the consumer that its checkpoint has gone back.
        second += of_topic("people", third)
        third = [line for line in third if line not in second]
        desk = [
            json.dumps(placed(f"SO-{number}", "2025-06-12T09:00:00Z", "2025-07-02T16:00:00Z")).encode()
            for number in (8001, 8002)
        ]
        with running(service, "consume", "project") as parts:
            publish(service, first)
            until_read(topics, parts[0])
            until_shown(*parts)
            standby.has_all_of(primary)
            # given messages by Kafka and by file that only the primary has
            standby.hear_no_more()
            publish(service, second)
            service("ingest", service.file("desk.jsonl", *desk)).done()
            until_read(topics, parts[0])
            until_shown(*parts)
            # when the primary is lost, while messages come
            primary.crash()
            publish(service, third)
            until(says("consumer_waits", running=parts[0]), *parts)
            # then the page's commands go on with the standby, and nobody restarts anything
            player = Player(
                "PostgreSQL failover",
                service,
                hidden={topics.prefix: "", standby.url: "postgresql://postgres@db2/waybill"},
                others={"psql": psql, "grep": lambda _: errors_of(parts[0])},
            )
            player.play(exits=1)
            before = len(parts[0].said)
            player.play()
            until_read(topics, parts[0], since=before)
            # It shows what the consumer has read, too.
            player.play()
            player.play()
        player.over()
        # and nothing is lost or doubled
        assert_as_without(service, other, [*first, *second, *third, *desk])
