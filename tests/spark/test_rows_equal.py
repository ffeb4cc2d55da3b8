"""The rows that Spark makes of an archive equal those that the embedded engine keeps, value for value.

Each task failed once after it had written its files (see `made`), and was tried again.
"""

from pathlib import Path

import pytest

from infra.app.diff import diff_projections
from infra.app.rebuild.rebuild import Rebuild
from infra.archive.folder import ArchiveFolder, read_manifest
from infra.archive.rows_folder import ROWS_LOCK, read_rows_manifest
from infra.archive.rows_reading import open_rows
from infra.store.operator_log import Who
from projections.catalogue import PROJECTIONS
from tests.spark.conftest import Floor
from tests.spark.reading_rows import TABLES, files_below, rows_of_folder, rows_of_store
from tests.stores.test_rebuild_processes import rows_in_use


@pytest.mark.parametrize("table", [table.name for table in TABLES])
def test_every_table_has_the_rows_of_the_embedded_engine(table: str, floor: Floor, made: str) -> None:
    of_spark, of_store = rows_of_folder(made)[table], rows_of_store(floor.waybill)[table]
    assert of_spark - of_store == {}
    assert of_store - of_spark == {}
    assert of_store, "the floor has no rows of it"


def test_the_manifest_names_each_file_with_its_rows_and_hash_and_no_other_file_is_left(floor: Floor, made: str) -> None:
    folder = ArchiveFolder(made)
    manifest = read_rows_manifest(folder)
    assert files_below(Path(made)) == {"rows.json", ROWS_LOCK, *manifest.paths}
    assert manifest.position == read_manifest(ArchiveFolder(str(floor.archive))).position
    assert manifest.failed == []
    for projection in manifest.projections:
        for table in projection.tables:
            assert table.rows == sum(file.rows for file in table.files)
            for file in table.files:
                assert (folder.size(file.path), folder.sha256(file.path)) == (file.bytes, file.sha256)


def test_they_are_loaded_into_the_store_that_was_archived_digit_for_digit(floor: Floor, made: str) -> None:
    before = rows_in_use(floor.waybill)

    done = Rebuild(floor.waybill, Who("ann"), rows=open_rows(ArchiveFolder(made))).run(PROJECTIONS)

    assert {each.build for each in done} == {1}
    assert rows_in_use(floor.waybill) == before
    assert [found.table for found in diff_projections(floor.waybill, PROJECTIONS) if found.differs] == []
