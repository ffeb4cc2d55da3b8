"""Incident 5: for two hours, an upstream sends orders whose promise is a year too early."""

import json
from datetime import datetime, timedelta
from typing import Any

from tests.integration.command import Command
from tests.runbook.page import Player
from tests.runbook.scenes import assert_as_without, simulated

WRONG, OTHER_ORDERS = 300, 450
NINE = datetime.fromisoformat("2025-06-30T09:00:00Z")
YEAR = timedelta(days=365)
MOST_COMMANDS = 4


def placed(number: int, like: dict[str, Any], shift: timedelta) -> dict[str, Any]:
    """An order of that morning, promised three days later; if it is wrong, at another time."""
    at = NINE + timedelta(seconds=24 * number)
    data = like["data"] | {"promised_by": (at + timedelta(days=3) + shift).isoformat()}
    return like | {"id": f"OE-M{number}", "subject": f"SO-{200_000 + number}", "time": at.isoformat(), "data": data}


def test_wrong_promises_for_two_hours(waybill: Command, other: Command) -> None:
    lines = simulated(OTHER_ORDERS)
    documents = [json.loads(line) for line in lines]
    models = [one for one in documents if one["type"] == "order.placed.v1" and one["source"] == "/order-entry"]
    right, wrong = (
        [json.dumps(placed(number, like, shift)).encode() for number, like in enumerate(models[:WRONG])]
        for shift in (timedelta(0), -YEAR)
    )
    assert len(wrong) == WRONG
    half = len(lines) // 2
    waybill.ingest(*lines[:half], *wrong, *lines[half:])
    incident = Player("Wrong data from an upstream for two hours", waybill)

    typed = [*incident.play(), *incident.play(), *incident.play()]
    assert len(typed) <= MOST_COMMANDS

    incident.play()
    incident.over()
    assert_as_without(waybill, other, [*lines, *right])
