"""The rows that Spark makes of an archive equal those that the embedded engine keeps, value for value."""

from pathlib import Path
from typing import Any

import pytest

from infra.app.archive import archive_store
from infra.app.container import Waybill
from infra.app.diff import diff_projections
from infra.app.rebuild.rebuild import Rebuild
from infra.app.spark_rebuild import RowsMade, spark_rebuild
from infra.archive.folder import ArchiveFolder
from infra.archive.rows_reading import open_rows
from infra.settings import Settings
from infra.store.operator_log import Who
from projections.catalogue import PROJECTIONS
from tests.simulated_store import fill_with_floor
from tests.spark.reading_rows import TABLES, rows_of_folder, rows_of_store
from tests.stores.test_rebuild_processes import rows_in_use


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A store with a floor of 300 orders, a tenth of whose messages are wrong, and the folder of its archive."""
    folder = tmp_path_factory.mktemp("floor")
    with Waybill(Settings(store=f"sqlite:///{folder}/waybill.db")) as waybill:
        fill_with_floor(waybill, 300, wrong=0.1)
        archive_store(waybill, str(folder / "an archive [1] {of 2}"), buckets=2)
        yield waybill, folder / "an archive [1] {of 2}"


@pytest.fixture(scope="module")
def made(floor: tuple[Waybill, Path], tmp_path_factory: pytest.TempPathFactory, spark: Any) -> tuple[str, RowsMade]:
    to = str(tmp_path_factory.mktemp("rows") / "rows")
    return to, spark_rebuild(str(floor[1]), to, partitions=3)


@pytest.mark.parametrize("table", [table.name for table in TABLES])
def test_every_table_has_the_rows_of_the_embedded_engine(
    table: str, floor: tuple[Waybill, Path], made: tuple[str, RowsMade]
) -> None:
    of_spark, of_store = rows_of_folder(made[0])[table], rows_of_store(floor[0])[table]
    assert of_spark - of_store == {}
    assert of_store - of_spark == {}


def test_the_floor_has_rows_in_every_table(floor: tuple[Waybill, Path]) -> None:
    assert [table for table, rows in rows_of_store(floor[0]).items() if not rows] == []


def test_they_are_loaded_into_the_store_that_was_archived_digit_for_digit(
    floor: tuple[Waybill, Path], made: tuple[str, RowsMade]
) -> None:
    waybill = floor[0]
    before = rows_in_use(waybill)

    done = Rebuild(waybill, Who("ann"), rows=open_rows(ArchiveFolder(made[0]))).run(PROJECTIONS)

    assert {each.build for each in done} == {1}
    assert rows_in_use(waybill) == before
    assert [found.table for found in diff_projections(waybill, PROJECTIONS) if found.differs] == []
