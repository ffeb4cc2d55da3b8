"""Archives of real histories on Spark answer every view as the store does, at five instants of each, by both clocks.

By hand, of a FOLDER with waybill.db and archive/, at all clocks or the first N: python -m tests.spark.test_real_answers
FOLDER [N].
"""

import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from consumers.sources.json_lines import JsonLines
from infra.app.archive import archive_store
from infra.app.container import Waybill
from infra.app.ingest import ingest_source
from infra.archive.folder import ArchiveFolder, read_manifest
from infra.archive.reading import batches_of
from infra.queries.views import Asked
from infra.settings import Settings
from infra.spark.session import spark_session
from infra.store.opening import Access
from projections.views.catalogue import VIEWS
from tests.oracle.conftest import DATA
from tests.spark.answers import Rows, of_archive

HISTORIES = ("northwind", "adventureworks-plant", "scms", "adventureworks-sales", "olist")
BY_RELATION = {view.relation: view for view in VIEWS}
INSTANTS = 5


def clocks_of(folder: Path) -> list[Asked]:
    """At five instants of the history: as of it, as known at it, and as of it as known at another."""
    archive = ArchiveFolder(str(folder))
    columns = ["occurred_at", "recorded_at"]
    rows = [row for b in batches_of(archive, read_manifest(archive).files("events"), columns) for row in b.to_pylist()]
    occurred = _spread(row["occurred_at"] for row in rows if row["occurred_at"] is not None)
    recorded = _spread(row["recorded_at"] for row in rows)
    beside = [*recorded[1:], recorded[0]]
    return [
        asked
        for one, known, other in zip(occurred, recorded, beside, strict=True)
        for asked in (Asked(as_of=one), Asked(known_at=known), Asked(as_of=one, known_at=other))
    ]


def _spread(instants: Iterable[datetime]) -> Sequence[datetime]:
    found = sorted(instants)
    return [found[len(found) * part // (INSTANTS + 1)] for part in range(1, INSTANTS + 1)]


def of_store(waybill: Waybill, asked: Asked) -> dict[str, Rows]:
    """Every view of the store, from one settling."""
    wanted = [one for one in waybill.exports.relations if one.relation in BY_RELATION]
    with waybill.exports.reading(wanted, asked) as reader:
        found: dict[str, Rows] = {}
        for one in wanted:
            answer = reader.answer(one, None)
            names = list(answer.columns)
            found[one.relation] = [dict(zip(names, row, strict=True)) for batch in answer.batches() for row in batch]
        return found


def equal_rows(spark: Any, waybill: Waybill, folder: Path, asked: Asked, partitions: int = 4) -> Mapping[str, int]:
    """The number of rows by view; raises AssertionError for the first view that differs."""
    now = waybill.clock()
    rows, failed = of_archive(spark, folder, asked, now, BY_RELATION, partitions)
    expected = of_store(waybill, asked)
    assert failed == []
    for view in BY_RELATION:
        assert rows[view] == expected[view], f"{view} of {asked}"
    return {view: len(found) for view, found in rows.items()}


@pytest.mark.slow
@pytest.mark.timeout(7_200)
@pytest.mark.parametrize("name", HISTORIES)
def test_every_view_of_a_real_history_reads_as_in_the_store(name: str, tmp_path: Path, spark: Any) -> None:
    packed = DATA / f"{name}.jsonl.gz"
    if not packed.exists():
        pytest.skip(f"{packed} is not there")
    settings = Settings(store=f"sqlite:///{tmp_path}/waybill.db")
    with Waybill(settings) as waybill:
        source = JsonLines.of_file(packed, batch_lines=10_000)
        with ingest_source(waybill, source, honour_recordedtime=True, project=False):
            pass
        waybill.project()
        archive_store(waybill, str(tmp_path / "archive"))
    compare(spark, tmp_path)
    shutil.rmtree(tmp_path)


def compare(spark: Any, folder: Path, most: int | None = None) -> None:
    """Compare the answers of a folder's archive with those of its store, at the first `most` clocks or all."""
    archive, now = folder / "archive", datetime.now(UTC)
    with Waybill(Settings(store=f"sqlite:///{folder}/waybill.db"), lambda: now, Access.READING) as waybill:
        for asked in clocks_of(archive)[:most]:
            begun = monotonic()
            rows = equal_rows(spark, waybill, archive, asked)
            print(f"{folder.name} {asked}: equal, {sum(rows.values())} rows, {monotonic() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    with spark_session("answers", "local[2]", {"spark.driver.memory": "2g"}) as session:
        compare(session, Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
