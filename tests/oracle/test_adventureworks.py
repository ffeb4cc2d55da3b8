"""given the sales of AdventureWorks, when they are taken in, then the scorecards give the known answers."""

import gzip
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.status import read_status
from infra.queries.views import Asked
from infra.serialization import json_value
from infra.settings import Settings
from infra.telemetry.logs import configure_logs
from projections.views.catalogue import view_named
from tests.oracle.conftest import DATA
from tests.oracle.floor import assert_same
from tests.oracle.naive import Naive
from tests.oracle.naive_scorecards import scorecards
from tests.oracle.naive_views import plain

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SUBJECT = re.compile(rb'"subject":"([^"]*)"')
COMMISSION = Decimal("1101643.50")
REP_275_IN_JULY_2012 = {
    "placed_value": "384621.53",
    "delivered_value": "441266.34",
    "quota": "476333.33",
    "attainment_percent": "80.75",
    "commission": "5295.20",
    "pay": "9595.20",
}


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    file = DATA / "adventureworks-sales.jsonl.gz"
    if not file.is_file():
        pytest.skip(f"there is no {file.name} in {DATA}; WAYBILL_DATA may name the folder")
    return gzip.decompress(file.read_bytes()).splitlines()


def of_reps(lines: list[bytes]) -> list[bytes]:
    """What is about the reps and the orders that they placed: a ninth of the messages, and every commission.

    The other orders came in online, for desks without pay plans.
    """
    placed: set[bytes] = set()
    kept = []
    for line in lines:
        found = SUBJECT.search(line)
        assert found is not None
        if b'"order.placed.v1"' in line and b'"rep_id":"rep-' in line:
            placed.add(found[1])
        if found[1] in placed or b'"type":"rep.' in line:
            kept.append(line)
    return kept


@pytest.fixture
def rows(lines: list[bytes], tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[list[dict[str, Any]]]:
    taken = lines if request.param == "all" else of_reps(lines)
    settings = Settings(store=f"sqlite:///{tmp_path}/sales.db", log_level="error")
    configure_logs(settings)
    with Waybill(settings, clock=lambda: NOW) as waybill:
        ingest = waybill.ingest(honour_recordedtime=True)
        source = JsonLines("sales", lambda: io.BytesIO(b"\n".join(taken)), batch_lines=2_000)
        ingest.read(source)
        waybill.project()
        assert read_status(waybill).books.applied == len(taken)
        found = [json_value(row) for row in waybill.views.ask(view_named("scorecard"), Asked()).rows]
        if request.param == "reps":
            subjects, _ = Naive(taken, clock=NOW).settled()
            expected = [{n: plain(value) for n, value in row.items()} for row in scorecards(subjects, "UTC")]
            assert_same("scorecard", found, expected)
        yield found


@pytest.mark.parametrize("rows", ["reps", pytest.param("all", marks=pytest.mark.slow)], indirect=True)
def test_the_known_commissions(rows: list[dict[str, Any]]) -> None:
    assert sum(Decimal(row["commission"]) for row in rows if row["commission"] is not None) == COMMISSION
    (row,) = (row for row in rows if (row["rep_id"], row["month"]) == ("rep-275", "2012-07"))
    assert {name: row[name] for name in REP_275_IN_JULY_2012} == REP_275_IN_JULY_2012
