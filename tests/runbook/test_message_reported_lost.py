"""Incident 10: a sender asks for three messages: one refused, one malformed, and one skipped in its topic."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.broker import Topics
from tests.integration.command import Command
from tests.integration.messages import placed
from tests.integration.topics import ends, made
from tests.runbook.page import Player
from tests.runbook.scenes import assert_as_without, floor, publish, running, until_read, until_shown

pytestmark = pytest.mark.kafka


def test_three_messages_are_reported_lost(waybill: Command, other: Command, topics: Topics) -> None:
    service = made(waybill, topics, 1)
    (lines,) = floor(service)
    again, broken, corrected, skipped = (
        json.dumps(message).encode()
        for message in (
            placed("SO-100005", "2025-06-12T09:00:00Z", "2025-07-02T16:00:00Z", id="OE-701"),
            placed("SO-7002", "2025-06-12T09:01:00Z", "2025-07-02T16:00:00", id="OE-702"),
            placed("SO-7002", "2025-06-12T09:01:00Z", "2025-07-02T16:00:00Z", id="OE-702"),
            placed("SO-7003", "2025-06-12T09:02:00Z", "2025-07-02T16:00:00Z", id="OE-703"),
        )
    )
    an_hour_ago = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    # given a message that was refused, one that is malformed, and one that somebody skipped in its topic
    publish(service, [*lines, again, broken])
    consume(service, topics)
    publish(service, [skipped])
    end = ends(topics)[topics.prefix + "orders", 0]
    skipping = ("topics", "skip", "--topic", "orders", "--partition", "0", "--to-offset", str(end))
    service(*skipping, "--reason", "disk of broker 2").done()
    # when their sender asks for them, then the page's commands find each
    player = Player(
        "A message is reported lost", service, hidden={topics.prefix: "", an_hour_ago: "2026-11-29T02:00:00Z"}
    )
    player.play(exits=[0, 0, 1])
    player.play()
    player.play()
    publish(service, [corrected])
    consume(service, topics)
    player.play()
    player.over()
    # and in the end each has its effect
    assert_as_without(service, other, [*lines, again, corrected, skipped])


def consume(waybill: Command, topics: Topics) -> None:
    with running(waybill, "consume", "project") as parts:
        until_read(topics, parts[0])
        until_shown(*parts)
