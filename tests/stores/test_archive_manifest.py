"""given an archive, when its manifest is not what a run wrote, then whoever reads it is told, and nothing is done."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from consumers.sources.json_lines import JsonLines
from infra.app.archive import archive_store
from infra.app.archive_verify import verify_archive
from infra.app.container import Waybill
from infra.app.prune.undo import undo_prune
from infra.app.restore.plan import plan_restore
from infra.app.spark_ask import archive_to_ask
from infra.app.spark_rebuild import spark_rebuild
from infra.archive.folder import ArchiveFolder
from infra.archive.manifest import (
    MANIFEST,
    SCHEMA_VERSION,
    DamagedManifestError,
    NewerArchiveError,
    NoArchiveError,
    decode_manifest,
)
from infra.archive.rows_folder import DamagedRowsManifestError, read_rows_manifest
from infra.archive.sealed_json import sealed
from infra.settings import Settings
from infra.store.operator_log import Who
from tests.integration.messages import Document, booked, placed
from tests.rows_folders import folder_of_rows
from tests.stores.archived import manifest_of
from tests.stores.conftest import StoreUrl

MESSAGES: tuple[Document, ...] = (
    placed("SO-1", "2026-04-01T08:00:00Z", "2026-04-03T16:00:00Z"),
    booked("SO-1", "2026-04-01T09:00:00Z", "2026-04-03T12:00:00Z"),
    booked("SO-2", "2026-04-01T09:00:00Z", "2026-04-03T12:00:00Z"),
    {},
)


@pytest.fixture
def to(tmp_path: Path) -> str:
    return str(tmp_path / "archive")


@pytest.fixture
def waybill(sqlite_store: StoreUrl, to: str) -> Iterator[Waybill]:
    with Waybill(Settings(store=sqlite_store())) as waybill:
        waybill.ingest().read(JsonLines.of_bytes("feed", b"\n".join(json.dumps(each).encode() for each in MESSAGES)))
        waybill.project()
        archive_store(waybill, to)
        yield waybill


@pytest.mark.usefixtures("waybill")
def test_a_manifest_that_was_changed_is_refused_whatever_was_changed(to: str) -> None:
    path = Path(to, MANIFEST)
    told = path.read_bytes()
    document = json.loads(told)
    whole, nothing = document["datasets"], {"files": [], "rows": 0}
    changes: Iterable[dict[str, Any]] = (
        {"time_zone": "Asia/Tokyo"},
        {"clock_skew_seconds": -5.0},
        {"marks": []},
        {"partitions": [{"topic": "orders", "partition": 0, "next_offset": 7, "topic_id": None}]},
        *({"datasets": whole | {name: one | nothing}} for name, one in whole.items() if one["files"]),
        {"unknown": 1},
    )
    for change in changes:
        path.write_text(json.dumps(document | change, indent=1))
        with pytest.raises(DamagedManifestError, match=rf"{MANIFEST} of the archive .* copy of the archive"):
            manifest_of(to)
    # but for the space between, no bit of it can change unseen
    bits = Random(5)
    for _ in range(300):
        place, bit = bits.randrange(len(told)), 1 << bits.randrange(8)
        path.write_bytes(told[:place] + bytes([told[place] ^ bit]) + told[place + 1 :])
        try:
            found = manifest_of(to)
        except (NoArchiveError, DamagedManifestError):
            continue
        assert found == decode_manifest(told, to), told[place - 20 : place + 20]
    # and other spaces change nothing
    path.write_text(json.dumps(document, separators=(" ,", " : ")))
    assert verify_archive(to).findings == []


def readers(waybill: Waybill, to: str, new_store: StoreUrl) -> Sequence[Callable[[], object]]:
    """Each who reads an archive."""
    return (
        lambda: archive_store(waybill, to),
        lambda: verify_archive(to),
        lambda: plan_restore(Settings(store=new_store()), to),
        lambda: archive_to_ask(to),
        lambda: spark_rebuild(to, f"{to}-rows"),
        lambda: undo_prune(waybill, Who("ann", "a look"), to, ["SO-1"]),
    )


def test_a_changed_manifest_is_refused_by_all_who_read_it(waybill: Waybill, to: str, sqlite_store: StoreUrl) -> None:
    Path(to, MANIFEST).write_bytes(Path(to, MANIFEST).read_bytes().replace(b'"run": 1', b'"run": 0', 1))
    files = {path: path.read_bytes() for path in Path(to).rglob("*") if path.is_file()}
    for read in readers(waybill, to, sqlite_store):
        with pytest.raises(DamagedManifestError):
            read()
    # and nothing was changed or removed
    assert {path: path.read_bytes() for path in Path(to).rglob("*") if path.is_file()} == files


def test_an_archive_of_a_newer_waybill_is_refused_by_all_who_read_it(
    waybill: Waybill, to: str, sqlite_store: StoreUrl
) -> None:
    path = Path(to, MANIFEST)
    newer = {"schema_version": SCHEMA_VERSION + 1, "waybill": "9.9.9", "position": "of another kind"}
    path.write_bytes(sealed(json.loads(path.read_bytes()) | newer))
    before = path.read_bytes()
    for read in readers(waybill, to, sqlite_store):
        with pytest.raises(NewerArchiveError, match=r"waybill 9\.9\.9 wrote it; install that one or a newer one"):
            read()
    assert path.read_bytes() == before


@pytest.mark.parametrize("path", ["../elsewhere.parquet", "events/../../a", "/etc/passwd", "", "..\\a", "s3://b/a"])
@pytest.mark.usefixtures("waybill")
def test_a_manifest_that_names_files_elsewhere_is_refused(to: str, path: str) -> None:
    document = json.loads(Path(to, MANIFEST).read_bytes())
    document["datasets"]["notices"]["files"][0]["path"] = path
    Path(to, MANIFEST).write_bytes(sealed(document))
    with pytest.raises(DamagedManifestError, match="is not in its folder"):
        verify_archive(to)


def test_an_archive_of_an_earlier_waybill_has_no_hash_and_gets_one(waybill: Waybill, to: str) -> None:
    path = Path(to, MANIFEST)
    earlier = {name: value for name, value in json.loads(path.read_bytes()).items() if name not in ("sha256", "paused")}
    path.write_text(json.dumps(earlier))
    verified = verify_archive(to)
    assert (verified.findings, verified.manifest_has_hash) == ([], False)
    # one that says what earlier ones did not say has lost its hash
    path.write_text(json.dumps({**earlier, "paused": {}}))
    with pytest.raises(DamagedManifestError, match="'paused', which no waybill writes without a sha256"):
        verify_archive(to)
    # a field that it never had says that its hash was lost
    path.write_text(json.dumps({**earlier, "sha257": "0" * 64}))
    with pytest.raises(DamagedManifestError, match="sha257"):
        verify_archive(to)
    path.write_text(json.dumps(earlier))
    # when the store is archived again, also when nothing is new
    assert archive_store(waybill, to).run == 2
    assert verify_archive(to).manifest_has_hash
    assert archive_store(waybill, to).run == 2


def test_a_changed_manifest_of_rows_is_refused(waybill: Waybill, tmp_path: Path) -> None:
    at = folder_of_rows(waybill, tmp_path / "rows")
    folder, path = ArchiveFolder(str(at)), at / "rows.json"
    told = path.read_bytes()
    document = json.loads(told)
    elsewhere = json.loads(told)
    elsewhere["projections"][0]["tables"][0]["files"][0]["path"] = "../elsewhere.parquet"
    for changed in (
        json.dumps(document | {"time_zone": "Asia/Tokyo"}).encode(),
        json.dumps(document | {"failed": []} | {"projections": document["projections"][1:]}).encode(),
        told.replace(b'"position"', b'"positiom"', 1),
        sealed(elsewhere),
    ):
        path.write_bytes(changed)
        with pytest.raises(DamagedRowsManifestError, match=r"rows.json of the rows .* make the rows anew"):
            read_rows_manifest(folder)
    # and one of an earlier waybill, without a hash, is read
    path.write_text(json.dumps({name: value for name, value in document.items() if name != "sha256"}))
    assert read_rows_manifest(folder).sha256 is None
