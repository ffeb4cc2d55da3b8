"""A message whose time is ahead of the clock is held until the clock comes near, and then taken by itself."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.verify import verify_store
from infra.queries.books import kept, recounted
from infra.queries.views import Asked
from infra.settings import Settings
from projections.views.catalogue import view_named

WORKLOAD = view_named("rep_workload")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Desk:
    """A store under a clock that is set by hand."""

    def __init__(self, store: str):
        self.now = NOON
        self.waybill = Waybill(Settings(store=store), clock=lambda: self.now)
        self._sent = 0

    def take_in(self, *messages: dict[str, Any]) -> None:
        self._sent += 1
        pipeline = self.waybill.ingest()
        lines = b"\n".join(json.dumps(message).encode() for message in messages)
        pipeline.finish(pipeline.read(JsonLines.of_bytes(f"feed-{self._sent}", lines)).feed_id)
        self.waybill.project()

    def verdict(self, message_id: str) -> str:
        (told,) = self.waybill.messages.find("desk", message_id)
        return told.verdict

    def reason(self, message_id: str) -> str:
        (told,) = self.waybill.messages.find("desk", message_id)
        return told.reason


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk(f"sqlite:///{tmp_path / 'store.db'}")
    with opened.waybill:
        yield opened
        assert list(verify_store(opened.waybill).findings) == []
        assert kept(opened.waybill.engine) == recounted(opened.waybill.engine)


def message(message_id: str, message_type: str, subject: str, time: datetime, **data: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": message_id,
        "source": "desk",
        "type": message_type,
        "subject": subject,
        "time": time.isoformat(),
        "data": data,
    }


def registered(message_id: str, time: datetime, name: str = "Ann") -> dict[str, Any]:
    return message(message_id, "rep.registered.v1", "rep-7", time, name=name, level="senior")


def test_a_message_within_the_skew_is_taken_and_one_further_ahead_is_held_until_then(desk: Desk) -> None:
    desk.take_in(registered("near", NOON + timedelta(hours=1)))
    desk.take_in(registered("far", NOON + timedelta(hours=1, microseconds=1)))

    assert desk.verdict("near") == "applied"
    assert desk.verdict("far") == "held"
    assert desk.reason("far") == (
        "its time is ahead of the clock; it is taken when the clock has come to 2026-03-02T12:00:00.000001Z"
    )


def test_projecting_takes_it_when_the_clock_has_come_near(desk: Desk) -> None:
    desk.take_in(registered("1", NOON + timedelta(days=2)))
    desk.now = NOON + timedelta(days=2, hours=-1, microseconds=-1)
    desk.waybill.project()
    assert desk.verdict("1") == "held"

    desk.now += timedelta(microseconds=1)
    desk.waybill.project()

    assert desk.verdict("1") == "applied"


def test_the_next_batch_takes_it_too_before_what_comes_in(desk: Desk) -> None:
    desk.take_in(registered("1", NOON + timedelta(days=2), name="Ann"))
    desk.now = NOON + timedelta(days=3)

    desk.take_in(message("2", "rep.changed.v1", "rep-7", NOON + timedelta(days=2, hours=3), team="north"))

    assert (desk.verdict("1"), desk.verdict("2")) == ("applied", "applied")


def test_while_it_is_held_it_is_left_out_of_every_answer(desk: Desk) -> None:
    desk.take_in(registered("now", NOON, name="Ann"), registered("later", NOON + timedelta(days=2), name="Beth"))
    names = [row["name"] for row in desk.waybill.views.ask(WORKLOAD, Asked()).rows]
    assert names == ["Ann"]

    desk.now = NOON + timedelta(days=3)
    desk.waybill.project()

    known = Asked(known_at=NOON + timedelta(hours=5), as_of=NOON + timedelta(days=3))
    assert [row["name"] for row in desk.waybill.views.ask(WORKLOAD, Asked()).rows] == ["Beth"]
    assert [row["name"] for row in desk.waybill.views.ask(WORKLOAD, known).rows] == ["Ann"]


def test_a_message_that_waits_for_it_is_taken_with_it(desk: Desk) -> None:
    desk.take_in(registered("1", NOON + timedelta(days=2)))
    desk.take_in(message("2", "rep.changed.v1", "rep-7", NOON, team="north"))
    assert desk.verdict("2") == "held"

    desk.now = NOON + timedelta(days=2)
    desk.waybill.project()

    assert (desk.verdict("1"), desk.verdict("2")) == ("applied", "applied")


def test_what_is_due_may_still_wait_for_something_else(desk: Desk) -> None:
    desk.take_in(message("changed", "rep.changed.v1", "rep-7", NOON + timedelta(days=2), team="north"))
    desk.now = NOON + timedelta(days=2)
    desk.waybill.project()
    assert desk.verdict("changed") == "held"
    assert "clock" not in desk.reason("changed")

    desk.take_in(registered("1", NOON + timedelta(days=1)))

    assert desk.verdict("changed") == "applied"


def test_its_id_is_taken_so_a_correction_is_a_void_and_a_new_id(desk: Desk) -> None:
    desk.take_in(registered("1", NOON + timedelta(days=2)))
    desk.take_in(registered("1", NOON))
    assert desk.verdict("1") == "held"

    desk.take_in(
        message("2", "message.voided.v1", "rep-7", NOON + timedelta(days=9), source="desk", id="1", reason="typo"),
        registered("3", NOON),
    )

    assert (desk.verdict("1"), desk.verdict("2"), desk.verdict("3")) == ("refused", "applied", "applied")
    desk.now = NOON + timedelta(days=2)
    desk.waybill.project()
    assert desk.verdict("1") == "refused"


def test_what_was_taken_stays_taken_when_the_clock_jumps_back(desk: Desk) -> None:
    desk.take_in(registered("1", NOON + timedelta(days=2), name="Beth"))
    desk.now = NOON + timedelta(days=2)
    desk.waybill.project()
    desk.now = NOON

    desk.take_in(registered("0", NOON - timedelta(days=1)))

    assert (desk.verdict("0"), desk.verdict("1")) == ("applied", "applied")


def test_another_process_that_ends_a_hold_is_heard_of(desk: Desk) -> None:
    # given a pipeline that remembers how the rep stands without the message that is ahead
    pipeline = desk.waybill.ingest()

    def take_in(name: str, *messages: dict[str, Any]) -> None:
        lines = b"\n".join(json.dumps(message).encode() for message in messages)
        pipeline.finish(pipeline.read(JsonLines.of_bytes(name, lines)).feed_id)

    take_in("a", registered("0", NOON, name="Ann"), registered("1", NOON + timedelta(hours=3), name="Beth"))
    # when another one takes it, and the first one goes on
    desk.now = NOON + timedelta(hours=4)
    assert desk.waybill.ingest().wake() == 1
    take_in("b", message("2", "rep.changed.v1", "rep-7", NOON + timedelta(hours=4), team="north"))
    # then nothing of it was lost
    desk.waybill.project()
    (row,) = desk.waybill.views.ask(WORKLOAD, Asked()).rows
    assert (row["name"], row["team"]) == ("Beth", "north")


def test_many_that_are_due_at_once_are_all_taken(desk: Desk) -> None:
    ahead = NOON + timedelta(days=1)
    desk.take_in(
        *(
            message(f"r{n}", "rep.registered.v1", f"rep-{n}", ahead, name=f"Rep {n}", level="entry")
            for n in range(1_203)
        )
    )
    desk.now = ahead
    assert desk.waybill.ingest().wake() == 1_203
    desk.waybill.project()

    assert len(desk.waybill.views.ask(WORKLOAD, Asked()).rows) == 1_203
