"""Archive: what a store has come to know since the last run, as Parquet files that a manifest names.

See docs/decisions/033-archive.md.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import PurePosixPath
from secrets import token_hex
from time import time
from typing import NamedTuple
from uuid import uuid4

from infra.app.container import Waybill
from infra.archive.dataset import Kind
from infra.archive.datasets import DATASETS
from infra.archive.folder import LOCK, ArchiveFolder, ArchiveRunsError, WrongFolderError, is_part_of
from infra.archive.manifest import (
    FORMAT,
    MANIFEST,
    SCHEMA_VERSION,
    ArchivedDataset,
    ArchiveFile,
    Manifest,
    Mark,
    decode_manifest,
    encode_manifest,
)
from infra.archive.partitions import DEFAULT_BUCKETS, is_written_by_runs
from infra.archive.store_standing import (
    StoreStanding,
    expect_same_history,
    expect_whole_store,
    marks_with,
    standing_of,
)
from infra.archive.store_writing import OnRows, Since, Written, write_rows
from infra.masking import masked
from infra.store.engine import snapshot, while_unchanged
from infra.store.newest_version import NEWEST
from infra.store.opening import StoreChangedError
from infra.telemetry.progress import OnProgress, ProgressLog, tell_nobody
from infra.version import waybill_version


class ArchiveReport(NamedTuple):
    """The archive's newest run, its position, and what this call wrote.

    `run` counts the runs from 1. If nothing was new, it is that of before, and no file was written.
    """

    archive: str
    run: int
    position: int
    events: int
    rows: int
    files: int
    bytes: int


class OtherBucketsError(ValueError):
    """The archive has another number of buckets, which never changes."""


class OtherZoneError(ValueError):
    """The archive is of a store in another business time zone, which never changes."""


def archive_store(
    waybill: Waybill,
    to: str,
    buckets: int | None = None,
    tell: OnProgress = tell_nobody,
) -> ArchiveReport:
    """Write to the archive `to` (a folder or an fsspec URL) what is new since its last run; the store is only read.

    Everything is of one snapshot. If the process is killed, the archive is as it was. `buckets` is for the first run.
    `tell` is called now and then with a dataset, and how many positions or rows of it were read of how many. Raises
    ArchiveRunsError, NoArchiveError, OtherBucketsError, OtherZoneError, OtherHistoryError, WrongFolderError,
    NewerArchiveError, MissingPackageError, StoreVersionError, StoreChangedError and OSError.
    """
    folder, log = ArchiveFolder(to), ProgressLog("archive_progress")

    def on_rows(dataset: str, done: int, total: int) -> None:
        tell(dataset, done, total)
        if DATASETS[dataset].kind is not Kind.WHOLE:  # these are small
            log.tell(dataset, done, total)

    with folder.writing_alone():
        stored = folder.read_manifest_bytes()
        before = None if stored is None else decode_manifest(stored, folder.url)
        if before is not None and buckets not in (None, before.buckets):
            raise OtherBucketsError(
                f"the archive {folder.url} has {before.buckets} buckets, which never change: leave out --buckets, or "
                "name an empty folder"
            )
        if before is not None and before.time_zone != waybill.settings.time_zone:
            raise OtherZoneError(
                f"the archive {folder.url} is of a store in the business time zone {before.time_zone}, which never "
                f"changes, and WAYBILL_TIME_ZONE is {waybill.settings.time_zone}: set "
                f"WAYBILL_TIME_ZONE={before.time_zone}, or name an empty folder"
            )
        _remove_left_over(folder, before)
        number = 1 if before is None else before.number + 1
        kept_buckets = before.buckets if before is not None else buckets or DEFAULT_BUCKETS
        standing, marks, written = while_unchanged(
            lambda: _write_what_is_new(waybill, folder, before, kept_buckets, number, on_rows)
        )
        datasets = _joined(folder, before, written.files, written.anew)
        if before is not None and _says_the_same(before, waybill.settings.clock_skew, standing, datasets):
            return ArchiveReport(folder.url, before.number, before.position, 0, 0, 0, 0)
        manifest = Manifest(
            format=FORMAT,
            schema_version=SCHEMA_VERSION,
            waybill=waybill_version(),
            archive_id=str(uuid4()) if before is None else before.archive_id,
            number=number,
            written_at=waybill.clock(),
            store=masked(waybill.settings.store),
            store_version=NEWEST,
            rules_version=standing.rules_version,
            time_zone=waybill.settings.time_zone,
            clock_skew_seconds=waybill.settings.clock_skew.total_seconds(),
            buckets=kept_buckets,
            position=standing.position,
            newest_notice=standing.newest_notice,
            books=standing.books,
            partitions=standing.partitions,
            store_begun_at=standing.begun_at,
            marks=marks,
            read_again=standing.read_again,
            datasets=datasets,
            paused=standing.paused,
        )
        new = [file for dataset in datasets.values() for file in dataset.files if file.run == number]
        folder.expect_still_there(new)
        if folder.read_manifest_bytes() != stored:
            raise ArchiveRunsError(
                f"another run has written the archive {folder.url} meanwhile; this one changed nothing: run it again"
            )
        folder.write_last(MANIFEST, encode_manifest(manifest))
    return ArchiveReport(
        folder.url,
        number,
        manifest.position,
        sum(file.rows for file in datasets["events"].files if file.run == number),
        sum(file.rows for file in new),
        len(new),
        sum(file.bytes for file in new),
    )


def _write_what_is_new(
    waybill: Waybill, folder: ArchiveFolder, before: Manifest | None, buckets: int, number: int, on_rows: OnRows
) -> tuple[StoreStanding, Sequence[Mark], Written]:
    """Where the store stands at one moment, its marks, and the files of what is new then.

    Raises StoreChangedError, and leaves no file, if the store's file was read without locks and written meanwhile.
    """
    run = f"{number:06}-{token_hex(4)}"
    try:
        with snapshot(waybill.engine) as connection:
            standing = standing_of(connection, waybill.backend, waybill.settings.topic_prefix)
            if before is None:
                expect_whole_store(connection, folder.url)
            else:
                expect_same_history(connection, waybill.backend, before, standing, folder.url)
            marks = marks_with(connection, waybill.backend, before, standing.position)
            since = None if before is None else _since(before, standing)
            written = write_rows(folder, connection, waybill.backend, standing, since, buckets, run, number, on_rows)
    except StoreChangedError:
        for path in folder.files():
            if is_written_by_runs(path) and PurePosixPath(path).name.startswith(f"{run}-"):
                folder.remove(path)
        raise
    return standing, marks, written


def _since(before: Manifest, standing: StoreStanding) -> Since:
    """From where on the store is read, and whether rows that can change are all written anew."""
    anew = (
        before.schema_version != SCHEMA_VERSION
        or before.store_version != NEWEST
        or before.rules_version != standing.rules_version
        or before.read_again != standing.read_again
    )
    return Since(before.position, before.newest_notice, anew)


def _remove_left_over(folder: ArchiveFolder, manifest: Manifest | None) -> None:
    """Remove the files of killed runs, and those that the manifest before this one named.

    Raises WrongFolderError for a folder without an archive that has files of others.
    """
    named = frozenset() if manifest is None else manifest.paths
    now = time()
    for path in folder.files():
        if is_written_by_runs(path):
            if path not in named and folder.is_of_dead_run(path, now):
                folder.remove(path)
        elif is_part_of(path, MANIFEST):
            folder.remove(path)
        elif manifest is None and path != LOCK:
            raise WrongFolderError(f"{folder.url} has {path}, which no archive wrote: name an empty folder")


def _joined(
    folder: ArchiveFolder,
    before: Manifest | None,
    written: Mapping[str, Sequence[ArchiveFile]],
    anew: frozenset[str],
) -> Mapping[str, ArchivedDataset]:
    """Each dataset with its earlier files that still count, and the new ones."""
    joined = {}
    for name, dataset in DATASETS.items():
        earlier, new = () if before is None else before.files(name), written[name]
        if dataset.kind is Kind.WHOLE and _contents(earlier) == _contents(new):
            for file in new:
                folder.remove(file.path)
            files = list(earlier)
        else:
            files = [*(() if name in anew else earlier), *new]
        joined[name] = ArchivedDataset(dataset.kind, dataset.columns, sum(file.rows for file in files), files)
    return joined


def _contents(files: Sequence[ArchiveFile]) -> list[tuple[int, str]]:
    return [(file.rows, file.sha256) for file in files]


def _says_the_same(
    before: Manifest, clock_skew: timedelta, standing: StoreStanding, datasets: Mapping[str, ArchivedDataset]
) -> bool:
    """Whether a new manifest would say nothing new. One without a hash of itself is written again."""
    return (
        before.sha256 is not None
        and before.position == standing.position
        and before.newest_notice == standing.newest_notice
        and before.rules_version == standing.rules_version
        and before.clock_skew_seconds == clock_skew.total_seconds()
        and (before.paused or {}) == standing.paused
        and {name: one.files for name, one in before.datasets.items()}
        == {name: one.files for name, one in datasets.items()}
    )
