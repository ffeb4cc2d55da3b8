"""SQLite and PostgreSQL are two homes of one service: the same messages end in the same verdicts, books and views."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.status import read_status
from infra.app.verify import verify_store
from infra.queries.views import Asked
from infra.settings import Settings
from infra.simulation import DEFAULT_UNTIL, simulate
from infra.store.register.tables import messages
from projections.views.catalogue import VIEWS

pytestmark = pytest.mark.postgres

StoreUrl = Callable[[], str]
NOW = DEFAULT_UNTIL + timedelta(hours=3)
QUESTIONS = (
    Asked(),
    Asked(as_of=datetime(2026, 5, 20, tzinfo=UTC)),
    Asked(as_of=datetime(2026, 6, 15, 12, tzinfo=UTC), known_at=NOW),
)


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("floor") / "floor.jsonl"
    path.write_bytes(b"\n".join(simulate(150, 5, DEFAULT_UNTIL, 0.15)))
    return path


def test_one_history_has_the_same_answers_on_both(
    sqlite_store: StoreUrl, postgres_store: StoreUrl, floor: Path
) -> None:
    # given the same messages, wrong ones among them, in a store of each kind
    with _service(sqlite_store()) as light, _service(postgres_store()) as heavy:
        for waybill in (light, heavy):
            _take_in(waybill, floor)
        # then every message has the same verdict, for the same reason, from the same instant on
        assert _verdicts(light) == _verdicts(heavy)
        assert read_status(light).books == read_status(heavy).books
        # and every view says the same, in the same order
        for view in VIEWS:
            for asked in QUESTIONS:
                assert light.views.ask(view, asked).rows == heavy.views.ask(view, asked).rows, (view.command, asked)
        # and what is derived is right
        assert list(verify_store(heavy).findings) == []


def test_a_reading_in_several_runs_ends_as_one(sqlite_store: StoreUrl, postgres_store: StoreUrl, floor: Path) -> None:
    # given a store that reads the messages in one run, and one on PostgreSQL that reads them in five, backwards
    lines = floor.read_bytes().split(b"\n")
    with _service(sqlite_store()) as whole, _service(postgres_store()) as split:
        _take_in(whole, floor)
        for part in reversed(range(5)):
            content = b"\n".join(lines[part::5])
            feed = split.ingest().read(JsonLines.of_bytes(f"part {part}", content))
            split.ingest().finish(feed.feed_id)
            split.project()
        # then the views are the same; of two contents under one id the first to come was kept, so such ids are left out
        told_twice = _told_twice(whole)
        assert {k: v for k, v in _verdicts(whole).items() if k[2] not in told_twice} == {
            k: v for k, v in _verdicts(split).items() if k[2] not in told_twice
        }
        assert list(verify_store(split).findings) == []


def test_a_waybill_is_reopened_where_it_was(postgres_store: StoreUrl, floor: Path) -> None:
    url = postgres_store()
    with _service(url) as waybill:
        _take_in(waybill, floor)
        before = read_status(waybill)
    with _service(url) as waybill:
        assert read_status(waybill) == before
        # when the same file comes again, then all of it is a duplicate and nothing else changes
        _take_in(waybill, floor)
        after = read_status(waybill)
    assert after.books.duplicate == before.books.duplicate + before.books.received
    assert after.head == before.head


def _service(url: str) -> Waybill:
    return Waybill(Settings(store=url, batch_messages=100, batch_events=150), clock=lambda: NOW)


def _take_in(waybill: Waybill, path: Path) -> None:
    pipeline = waybill.ingest()
    pipeline.finish(pipeline.read(JsonLines.of_file(path, batch_lines=100)).feed_id)
    waybill.project()


def _verdicts(waybill: Waybill) -> dict[tuple[str, ...], Any]:
    with waybill.engine.connect() as connection:
        rows = connection.execute(select(messages)).all()
    return {
        (row.source, row.message_id, row.subject): (row.type, row.verdict, row.reason, row.voided, row.took_effect_at)
        for row in rows
    }


def _told_twice(waybill: Waybill) -> set[str]:
    with waybill.engine.connect() as connection:
        return set(connection.execute(select(messages.c.subject).where(messages.c.differing > 0)).scalars())
