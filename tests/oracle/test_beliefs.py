"""given orders of the SCMS history, imported with their recorded times, then stored beliefs say what the command says.

Only the orders of about a year are taken in, because everything older had arrived and was recorded by then.
"""

import gzip
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.rebuild.rebuild import Rebuild
from infra.queries import views
from infra.queries.views import Asked
from infra.settings import Settings
from infra.store.operator_log import Who
from projections.catalogue import BITEMPORAL
from projections.views.catalogue import view_named
from tests.oracle.conftest import DATA
from tests.stores.conftest import StoreUrl, new_store, postgres_server, postgres_store, sqlite_store

__all__ = ["new_store", "postgres_server", "postgres_store", "sqlite_store"]

BEGIN, END = "2013-06-01", "2014-12-01"
DAY = datetime(2014, 2, 20, tzinfo=UTC)
CLOCKS = (
    (DAY, DAY),
    (DAY, datetime(2014, 3, 1, tzinfo=UTC)),
    (DAY, datetime(2014, 12, 31, tzinfo=UTC)),
    (datetime(2014, 1, 15, 0, 0, 18, tzinfo=UTC), datetime(2014, 2, 1, 18, tzinfo=UTC)),
    (datetime(2014, 6, 1, tzinfo=UTC), datetime(2014, 5, 1, tzinfo=UTC)),
)


def lines() -> bytes:
    file: Path = DATA / "scms.jsonl.gz"
    if not file.is_file():
        pytest.skip(f"there is no scms.jsonl.gz in {DATA}; WAYBILL_DATA may name the folder")
    by_order: dict[str, list[tuple[str, bytes]]] = {}
    for line in gzip.decompress(file.read_bytes()).splitlines():
        said = json.loads(line)
        by_order.setdefault(said["subject"], []).append((max(said["time"], said.get("recordedtime", "")), line))
    return b"\n".join(
        line for told in by_order.values() if max(told)[0] >= BEGIN and min(told)[0] < END for _, line in told
    )


@pytest.fixture
def year(new_store: StoreUrl) -> Iterator[Waybill]:
    with Waybill(Settings(store=new_store())) as waybill:
        waybill.ingest(honour_recordedtime=True).read(JsonLines.of_bytes("scms", lines()))
        Rebuild(waybill, Who("tests")).run(BITEMPORAL)
        waybill.project()
        yield waybill


def test_ten_were_overdue_in_truth_and_61_as_far_as_anybody_knew(
    year: Waybill, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(asked(year, "overdue", DAY, None)) == 10
    assert len(asked(year, "overdue", DAY, DAY)) == 61
    for view in ("overdue", "at-risk", "orders"):
        for as_of, known_at in CLOCKS:
            believed, in_sql = asked(year, view, as_of, known_at), asked_in_sql(year, view, as_of, known_at)
            with monkeypatch.context() as patch:
                patch.setattr(views, "answering_beliefs", lambda *_: None)
                settled = asked(year, view, as_of, known_at)
            assert believed == settled, (view, as_of, known_at)
            assert in_sql is None or in_sql == settled, (view, as_of, known_at)


def asked(waybill: Waybill, view: str, as_of: datetime, known_at: datetime | None) -> list[Mapping[str, Any]]:
    rows = waybill.views.ask(view_named(view), Asked(as_of, known_at)).rows
    return sorted(rows, key=lambda row: str(row["order_id"]))


def asked_in_sql(waybill: Waybill, view: str, as_of: datetime, known_at: datetime) -> list[Mapping[str, Any]] | None:
    """The answer of the function of two instants; SQLite has none."""
    if waybill.engine.dialect.name == "sqlite":
        return None
    with psycopg.connect(waybill.settings.store, row_factory=dict_row) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        sql = f"SELECT * FROM waybill.{view_named(view).relation}(%s, %s)"
        return sorted(connection.execute(sql, (as_of, known_at)).fetchall(), key=lambda row: str(row["order_id"]))
