"""What ingest notes for the relay: each verdict on receipt other than applied, and each change of a verdict."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from consumers.ingest.pipeline import Part
from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.settings import Settings
from infra.store.register.tables import notices
from tests.integration.messages import booked, dispatched, placed, voided
from tests.stores.conftest import StoreUrl

PLACED = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")
BOOKED = booked("SO-1", "2025-03-04T09:00:00Z", "2025-03-10T12:00:00Z")
DISPATCHED = dispatched("SO-1", "2025-03-05T09:00:00Z")
VOID = voided(BOOKED, "2025-03-06T09:00:00Z", id="V1")


@pytest.fixture
def waybill(new_store: StoreUrl) -> Iterator[Waybill]:
    with Waybill(Settings(store=new_store())) as waybill:
        yield waybill


def take(waybill: Waybill, *messages: dict[str, Any] | bytes, rereading: bool = False) -> None:
    """Take these as one batch."""
    lines = (one if isinstance(one, bytes) else json.dumps(one).encode() for one in messages)
    waybill.ingest(rereading=rereading).read(JsonLines.of_bytes("test", b"\n".join(lines)))


def noted(waybill: Waybill) -> list[tuple[Any, ...]]:
    """(id, verdict before, verdict, stream, version) of each notice."""
    c = notices.c
    with waybill.engine.connect() as connection:
        found = connection.execute(select(c.message_id, c.before, c.verdict, c.stream, c.version).order_by(c.notice_id))
        return [tuple(row) for row in found]


def test_what_is_applied_when_it_comes_is_not_noted(waybill: Waybill) -> None:
    take(waybill, PLACED, BOOKED, DISPATCHED)
    assert noted(waybill) == []


def test_what_waits_is_noted_and_so_is_its_end(waybill: Waybill) -> None:
    take(waybill, DISPATCHED)
    take(waybill, BOOKED, PLACED)

    assert noted(waybill) == [
        (DISPATCHED["id"], None, "held", "order-SO-1", 1),
        (DISPATCHED["id"], "held", "applied", "order-SO-1", 4),
    ]


def test_what_comes_again_is_noted_each_time_unless_the_past_is_read_again(waybill: Waybill) -> None:
    take(waybill, PLACED, b"{}")
    take(waybill, PLACED, PLACED, b"{}")
    take(waybill, PLACED, b"{}", BOOKED, b"[]", rereading=True)

    assert noted(waybill) == [
        (None, None, "malformed", None, None),
        (None, None, "duplicate", None, None),
        (PLACED["id"], None, "duplicate", None, None),
        (PLACED["id"], None, "duplicate", None, None),
        (None, None, "malformed", None, None),
    ]


def test_a_void_that_leaves_its_waiting_room_is_noted_at_its_new_place(waybill: Waybill) -> None:
    """given a void of a void, which takes effect though nobody knows the message, then it never takes effect anew."""
    take(waybill, VOID, voided(VOID, "2025-03-07T09:00:00Z", id="V2"))
    take(waybill, PLACED, BOOKED)

    assert noted(waybill) == [
        ("V1", None, "refused", "void-SO-1", 1),
        ("V1", "refused", "refused", "order-SO-1", 3),
        ("V2", "applied", "applied", "order-SO-1", 4),
    ]


BROKEN = {**BOOKED, "time": "2025-03-04"}
SUPERSEDED = [
    (None, None, "malformed", None, None),
    (BOOKED["id"], "malformed", "applied", None, None),
]


@pytest.mark.parametrize(
    "batches", [[[PLACED, BROKEN], [BOOKED]], [[PLACED, BROKEN, BOOKED]]], ids=["later", "at once"]
)
def test_a_malformed_message_that_comes_right_is_noted(waybill: Waybill, batches: list[list[dict[str, Any]]]) -> None:
    for batch in batches:
        take(waybill, *batch, {**BOOKED, "subject": "SO-2"})  # an id of its own for another subject supersedes nothing

    assert [one for one in noted(waybill) if one[2] in ("malformed", "applied")] == SUPERSEDED


def test_a_malformed_message_whose_right_one_came_before_is_noted_as_superseded(waybill: Waybill) -> None:
    take(waybill, PLACED, BOOKED)
    take(waybill, BROKEN)

    assert noted(waybill) == SUPERSEDED


def test_a_superseded_message_whose_bytes_come_again_is_noted_as_superseded_again(waybill: Waybill) -> None:
    take(waybill, PLACED, BROKEN)
    take(waybill, BOOKED, BROKEN, BROKEN)

    assert [one[1:3] for one in noted(waybill)] == [
        (None, "malformed"),
        (None, "duplicate"),
        (None, "duplicate"),
        ("malformed", "applied"),
    ]


def test_a_right_message_that_is_held_is_noted_when_it_is_applied(waybill: Waybill) -> None:
    take(waybill, BROKEN)
    take(waybill, BOOKED)
    take(waybill, PLACED)

    assert [one[:3] for one in noted(waybill)] == [
        (None, None, "malformed"),
        (BOOKED["id"], None, "held"),
        (BOOKED["id"], "held", "applied"),
    ]


def test_voiding_a_refused_message_is_noted_though_the_verdict_stays(waybill: Waybill) -> None:
    second = {**PLACED, "id": "second", "data": {**PLACED["data"], "reference": "another"}}
    take(waybill, PLACED, second)
    take(waybill, voided(second, "2025-03-06T09:00:00Z", id="V3"))
    take(waybill, voided({**second, "id": "V3"}, "2025-03-07T09:00:00Z", id="V4"))

    assert [one[:3] for one in noted(waybill) if one[0] == "second"] == [
        ("second", None, "refused"),
        ("second", "refused", "refused"),
        ("second", "refused", "refused"),
    ]


def test_a_dry_run_notes_nothing(waybill: Waybill) -> None:
    take(waybill, PLACED)
    ingest = waybill.ingest(rereading=True)
    feed = waybill.register.open_feed("test", 0, waybill.clock())
    source = JsonLines.of_bytes("test", json.dumps(DISPATCHED).encode())
    (batch,) = source.batches(None)

    (receipt,) = ingest.would_take([[Part(source, feed, batch)]])

    assert receipt.verdict == "held"
    assert noted(waybill) == []
