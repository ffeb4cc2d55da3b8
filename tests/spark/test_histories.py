"""Spark's rows of histories of real orders equal those of the embedded engine, value for value.

The histories are not in this repository (WAYBILL_DATA, or ../shared/data): without them these tests skip. Northwind is
short; `python -m tests.spark.comparing` compares a floor of any size.
"""

from pathlib import Path
from threading import Event
from typing import Any

import pytest

from consumers.sources.json_lines import JsonLines
from infra.app.archive import archive_store
from infra.app.container import Waybill
from infra.app.ingest import ingest_source
from infra.app.spark_rebuild import spark_rebuild
from infra.settings import Settings
from tests.oracle.conftest import DATA
from tests.spark.comparing import Digest, differing_tables, digest_of


def history(name: str, *marks: pytest.MarkDecorator) -> Any:
    """A parameter; where the history is missing, Spark is not even started."""
    file = DATA / f"{name}.jsonl.gz"
    why = f"needs {file.name}, which is not in this repository: WAYBILL_DATA names its folder"
    return pytest.param(file, id=name, marks=[*marks, pytest.mark.skipif(not file.exists(), reason=why)])


LONG = (pytest.mark.slow, pytest.mark.timeout(7200))


@pytest.mark.parametrize(
    "file",
    [
        history("northwind"),
        history("scms", *LONG),
        history("olist", *LONG),
        history("adventureworks-sales", *LONG),
        history("adventureworks-plant", *LONG),
    ],
)
def test_every_table_of_a_history_has_the_rows_of_the_embedded_engine(file: Path, tmp_path: Path, spark: Any) -> None:
    with Waybill(Settings(store=f"sqlite:///{tmp_path}/waybill.db")) as waybill:
        source = JsonLines.of_file(file, batch_lines=waybill.settings.batch_messages)
        with ingest_source(waybill, source, honour_recordedtime=True, project=False):
            pass
        waybill.react(Event(), once=True)
        waybill.project()
        archive_store(waybill, str(tmp_path / "archive"))
        made = spark_rebuild(str(tmp_path / "archive"), str(tmp_path / "rows"))
        assert made.manifest.failed == []
        assert differing_tables(waybill, str(tmp_path / "rows")) == {}


def test_a_digest_tells_rows_that_differ_in_one_value() -> None:
    rows = [("a", 1, None), ("b", 2, None)]
    assert digest_of(rows) == digest_of(reversed(rows))
    assert digest_of(rows) != digest_of([("a", 1, None), ("b", 3, None)])
    assert digest_of([]) == Digest(0, 0)
