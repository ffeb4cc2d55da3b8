"""given two runs that make rows in an object store, which has no lock, then those of one count, and are whole.

No Spark is needed: how the rows were made does not matter.
"""

from pathlib import Path, PurePosixPath
from uuid import uuid4

import pytest
from msgspec.structs import replace

from infra.app.container import Waybill
from infra.app.spark_rebuild import replace_rows
from infra.archive.folder import ArchiveFolder, ArchiveRunsError
from infra.archive.rows_folder import ROWS_MANIFEST, RowsFile, RowsManifest, read_rows_manifest
from infra.settings import Settings
from tests.rows_folders import folder_of_rows, opened
from tests.stores.conftest import StoreUrl
from tests.stores.histories import floor, take_in


@pytest.fixture
def rows(sqlite_store: StoreUrl, tmp_path: Path) -> Path:
    """A folder of rows."""
    with Waybill(Settings(store=sqlite_store())) as waybill:
        take_in(waybill, floor(5))
        waybill.project()
        return folder_of_rows(waybill, tmp_path / "rows")


@pytest.fixture
def to() -> ArchiveFolder:
    return ArchiveFolder(f"memory://{uuid4().hex}/rows")


def written(rows: Path, to: ArchiveFolder, run: str) -> RowsManifest:
    """Write the files as this run would; tells the manifest that it would write."""

    def named(file: RowsFile) -> RowsFile:
        path = PurePosixPath(file.path)
        at = f"{path.parent}/part-{run}-{path.name.removeprefix('part-')}"
        new = to.open_new(at)
        new.write((rows / file.path).read_bytes())
        new.close()
        return replace(file, path=at)

    manifest = opened(rows).manifest
    projections = [
        replace(each, tables=[replace(table, files=[named(file) for file in table.files]) for table in each.tables])
        for each in manifest.projections
    ]
    return replace(manifest, projections=projections)


def test_a_run_leaves_the_files_of_one_beside_it(rows: Path, to: ArchiveFolder) -> None:
    replace_rows(to, "00", written(rows, to, "00"))
    first, second = written(rows, to, "0a"), written(rows, to, "0b")
    left = to.open_new("order_states/part-0a-00099-7.parquet")
    left.close()
    # when one of them ends, then its rows are there, and neither those of before nor what its tasks left
    replace_rows(to, "0a", first)
    assert set(to.files()) == {ROWS_MANIFEST} | first.paths | second.paths
    # and when the other one ends, its rows alone
    replace_rows(to, "0b", second)
    assert set(to.files()) == {ROWS_MANIFEST} | second.paths
    files = [file for each in second.projections for table in each.tables for file in table.files]
    assert {to.fault_of(file) for file in files} == {None}


def test_a_run_whose_files_are_gone_leaves_the_rows_of_before(rows: Path, to: ArchiveFolder) -> None:
    before = written(rows, to, "00")
    replace_rows(to, "00", before)
    made = written(rows, to, "0a")
    to.remove(min(made.paths))
    with pytest.raises(ArchiveRunsError, match=r"was removed or changed .* what was there before still counts"):
        replace_rows(to, "0a", made)
    assert read_rows_manifest(to).paths == before.paths
    assert before.paths < set(to.files())
