"""Incident 2: a sender floods a topic with thousands of messages that cannot be taken, among good ones."""

import json
from typing import Any

from tests.integration.command import Command
from tests.runbook.page import Player
from tests.runbook.scenes import assert_as_without, simulated

SOURCE = "/couriers/swift-van"
TRIES, SCANS = 130, 300


def test_a_flood_of_dead_letters(waybill: Command, other: Command) -> None:
    lines = simulated(60)
    documents = [json.loads(line) for line in lines]
    voided = {one["data"]["id"] for one in documents if one["type"] == "message.voided.v1"}
    mine = [
        one
        for one in documents
        if one["source"] == SOURCE and one["type"] != "message.voided.v1" and one["id"] not in voided
    ]
    good = [line for line, document in zip(lines, documents, strict=True) if document not in mine]
    # A release of the sender leaves out the offset of its times, sends each message again and again, and makes its
    # scanners confirm one delivery at ever later times.
    flood = [without_offset(one, attempt) for attempt in range(TRIES) for one in mine]
    scanned = next(one for one in mine if one["type"] == "delivery.confirmed.v1")
    scans = [scanned | {"id": f"SV-S{n}", "time": f"2025-06-29T{n // 60:02}:{n % 60:02}:00Z"} for n in range(SCANS)]
    half = len(good) // 2
    waybill.ingest(*good[:half], *flood, scanned, *scans, *good[half:])
    incident = Player("Poison flood", waybill)

    incident.play()
    incident.play()
    # when the sender sends again what it still has
    waybill.ingest(*mine[:-1], name="resent.jsonl")
    incident.play()

    incident.play()
    incident.over()
    assert_as_without(waybill, other, [*good, *(json.dumps(one).encode() for one in mine)])


def without_offset(document: dict[str, Any], attempt: int) -> dict[str, Any]:
    return document | {"time": document["time"].removesuffix("Z"), "attempt": attempt}
