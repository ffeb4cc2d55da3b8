"""A message that was malformed for the clock alone is taken when the very same bytes come again later."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.status import read_status
from infra.queries.books import Books, kept, recounted
from infra.settings import Settings

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
REGISTERED = (
    b'{"specversion":"1.0","id":"1","source":"hr","type":"rep.registered.v1","time":"2026-03-02T09:00:00Z",'
    b'"recordedtime":"2026-03-02T14:00:00Z","subject":"rep-7","data":{"name":"Ann","level":"senior"}}'
)


def test_a_history_recorded_ahead_of_the_clock_is_dead_no_longer_once_the_clock_has_come_there(tmp_path: Path) -> None:
    now = NOON
    with Waybill(Settings(store=f"sqlite:///{tmp_path / 'store.db'}"), clock=lambda: now) as waybill:
        # given an imported message that says it was recorded in two hours, twice: one dead letter and a duplicate of it
        _take_in(waybill, REGISTERED + b"\n" + REGISTERED)
        assert read_status(waybill).books == Books(received=2, applied=0, duplicate=1, held=0, dead=1)
        # when the same bytes come again two hours later
        now = NOON + timedelta(hours=2)
        _take_in(waybill, REGISTERED)
        # then it has taken effect, nothing is dead, and each receipt is counted once
        assert read_status(waybill).books == Books(received=3, applied=1, duplicate=2, held=0, dead=0)
        assert waybill.dead_letters.dead(now, discarded=True) == []
        assert kept(waybill.engine) == recounted(waybill.engine)
        assert [told.verdict for told in waybill.messages.find("hr", "1")] == ["applied"]


def _take_in(waybill: Waybill, content: bytes) -> None:
    pipeline = waybill.ingest(honour_recordedtime=True)
    pipeline.finish(pipeline.read(JsonLines.of_bytes("feed", content)).feed_id)
    waybill.project()
