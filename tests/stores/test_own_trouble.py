"""docs/upstream.md, `own_trouble`: who notes the records of waybill.verdicts knows what was not taken."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.settings import Settings
from tests.integration.messages import booked, placed, voided
from tests.stores.conftest import StoreUrl

PAGE = (Path(__file__).parents[2] / "docs" / "upstream.md").read_text()
PLACED = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")
BOOKED = booked("SO-1", "2025-03-04T09:00:00Z", "2025-03-10T12:00:00Z", id="B-1")
BROKEN = {**BOOKED, "time": "2025-03-04"}
B_1 = ("SO-1", "B-1")


class Upstream:
    """Sends messages, and notes what the relay tells of them with the code of the page."""

    def __init__(self, waybill: Waybill):
        self._waybill = waybill
        self._position = 0
        self.trouble: dict[tuple[str, str], tuple[str, str]] = {}
        said: dict[str, Any] = {}
        (code,) = [code for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "def note(" in code]
        exec(code, said)
        self._note = said["note"]

    def sends(self, *messages: dict[str, Any]) -> dict[tuple[str, str], str]:
        """The verdicts of the messages that are not taken, after these."""
        lines = b"\n".join(json.dumps(one).encode() for one in messages)
        self._waybill.ingest().read(JsonLines.of_bytes("test", lines))
        (verdicts,) = [each for each in self._waybill.outboxes() if each.name == "relay.verdicts"]
        records, self._position = verdicts.after(self._position)
        for record in records:
            self._note(self.trouble, json.loads(record.value)["data"])
        return {message: verdict for message, (verdict, _) in self.trouble.items()}


@pytest.fixture
def upstream(new_store: StoreUrl) -> Iterator[Upstream]:
    with Waybill(Settings(store=new_store())) as waybill:
        yield Upstream(waybill)


def test_a_malformed_message_is_trouble_until_it_comes_right(upstream: Upstream) -> None:
    assert upstream.sends(PLACED, BROKEN) == {B_1: "malformed"}
    assert upstream.sends(BROKEN) == {B_1: "malformed"}, "a duplicate of malformed bytes is malformed still"
    assert "still malformed: time: must be" not in upstream.trouble[B_1][1], "the first reason stays"
    assert upstream.sends({**BOOKED, "subject": "SO-2"}) == {B_1: "malformed", ("SO-2", "B-1"): "held"}

    assert upstream.sends(BOOKED) == {("SO-2", "B-1"): "held"}
    assert upstream.sends(BROKEN) == {("SO-2", "B-1"): "held"}


def test_malformed_bytes_that_came_before_the_asked_hours_are_trouble_too(upstream: Upstream) -> None:
    upstream.sends(BROKEN)
    upstream.trouble.clear()

    assert upstream.sends(BROKEN) == {B_1: "malformed"}
    assert "still malformed: time: must be" in upstream.trouble[B_1][1]


def test_what_its_sender_voided_is_no_trouble(upstream: Upstream) -> None:
    second = {**PLACED, "id": "second", "data": {**PLACED["data"], "reference": "another"}}
    assert upstream.sends(PLACED, BOOKED, second) == {("SO-1", "second"): "refused"}

    void = voided(second, "2025-03-06T09:00:00Z", id="V-1")
    assert upstream.sends(void, voided(BOOKED, "2025-03-06T09:00:00Z", id="V-2")) == {}
    assert upstream.sends(voided(void, "2025-03-07T09:00:00Z", id="V-3")) == {("SO-1", "second"): "refused"}
