"""A held message whose subject differs from a known one in writing alone says so in its reason."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.verify import verify_store
from infra.settings import Settings


@pytest.fixture
def waybill(tmp_path: Path) -> Iterator[Waybill]:
    with Waybill(Settings(store=f"sqlite:///{tmp_path / 'store.db'}")) as opened:
        yield opened
        opened.project()
        assert list(verify_store(opened).findings) == []


def take_in(waybill: Waybill, *messages: dict[str, Any]) -> None:
    lines = b"\n".join(json.dumps(message).encode() for message in messages)
    pipeline = waybill.ingest()
    pipeline.finish(pipeline.read(JsonLines.of_bytes(messages[0]["id"], lines)).feed_id)


def about(message_id: str, message_type: str, subject: str, **data: Any) -> dict[str, Any]:
    envelope = {"specversion": "1.0", "id": message_id, "source": "hr", "time": "2026-03-02T09:00:00Z"}
    return {**envelope, "type": message_type, "subject": subject, "data": data}


def registered(subject: str) -> dict[str, Any]:
    return about(f"registered {subject}", "rep.registered.v1", subject, name="Ann", level="senior")


def changed(subject: str) -> dict[str, Any]:
    return about(f"changed {subject}", "rep.changed.v1", subject, team="north")


def reason(waybill: Waybill, subject: str) -> str:
    (told,) = waybill.messages.find("hr", f"changed {subject}")
    assert told.verdict == "held"
    return told.reason


@pytest.mark.parametrize(
    ("known", "written"),
    [
        ("REP-7", "rep-7"),
        ("rep-7", "REP-7"),
        ("Rep-7", "REP-7"),
        ("REP-7", " rep-7 "),
        ("rep 7", "rep\u00a07"),
        ("rep7", "rep 7"),
        ("rep-7", "rep-\u200b7"),
        ("r\u00e9p-7", "re\u0301p-7"),
        ("re\u0301p-7", "r\u00e9p-7"),
        ("rep-7", "\uff32\uff25\uff30-\uff17"),
    ],
)
def test_a_subject_that_is_written_in_another_way_is_named(waybill: Waybill, known: str, written: str) -> None:
    take_in(waybill, registered(known))
    take_in(waybill, changed(written))

    assert f'perhaps the known subject "{known}" is meant' in reason(waybill, written)


def test_another_subject_is_not(waybill: Waybill) -> None:
    take_in(waybill, registered("rep-7"))
    take_in(waybill, changed("rep-8"))

    assert "perhaps" not in reason(waybill, "rep-8")


def test_it_stays_so_until_the_message_is_taken(waybill: Waybill) -> None:
    take_in(waybill, registered("REP-7"))
    take_in(waybill, changed("rep-7"))
    take_in(waybill, about("quota", "rep.quota_set.v1", "rep-7", month="2026-03", currency="EUR", target_amount="1"))
    assert "perhaps" in reason(waybill, "rep-7")

    take_in(waybill, registered("rep-7"))

    (told,) = waybill.messages.find("hr", "changed rep-7")
    assert (told.verdict, told.reason) == ("applied", "")
