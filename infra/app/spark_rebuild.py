"""The rows of all views of an archive, made on Spark: a folder of Parquet files, which `waybill rebuild --from` loads.

The files get new names, and the manifest is written last: until then the folder has the rows of an earlier run, if it
had any. See docs/decisions/034-spark.md.
"""

import secrets
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from time import monotonic, time
from typing import NamedTuple

from domain.rules_version import RULES_VERSION
from infra.archive.folder import ArchiveFolder, WrongFolderError, is_part_of, read_manifest
from infra.archive.manifest import Manifest, NewerArchiveError
from infra.archive.rows_folder import (
    FORMAT,
    ROWS_LOCK,
    ROWS_MANIFEST,
    FailedRows,
    NoRowsError,
    RowsFile,
    RowsManifest,
    RowsProjection,
    RowsTable,
    read_rows_manifest,
    write_rows_manifest,
)
from infra.spark.archived_events import archived_events, grouped_by_stream, of_subjects, partitions_for, spark_path
from infra.spark.executors.row_files import RowFiles, WrittenFile
from infra.spark.executors.rows import MOST_FAILED
from infra.spark.progress import TaskProgress, tell_nobody, watched
from infra.spark.row_fold import FoldedRows, fold_rows
from infra.spark.session import spark_session
from infra.version import waybill_version
from projections.catalogue import PROJECTIONS

NAME = "waybill spark rebuild"
TOTALS = [totals for projection in PROJECTIONS for totals in projection.totals]
TABLES = [table for projection in PROJECTIONS for table in projection.tables] + [totals.table for totals in TOTALS]


class TooManyFailedError(Exception):
    """So many streams failed that the code or the archive is at fault; the message names one.

    The folder has the rows of an earlier run, if it had any.
    """


class RowsMade(NamedTuple):
    """The manifest that was written; how many events and streams were read, and the seconds of it, start-up apart."""

    manifest: RowsManifest
    events: int
    streams: int
    seconds: float


def spark_rebuild(
    archive: str,
    to: str,
    *,
    master: str | None = None,
    options: Mapping[str, str] | None = None,
    partitions: int | None = None,
    tell: Callable[[TaskProgress], None] = tell_nobody,
) -> RowsMade:
    """Make the rows of every projection that is not bitemporal of the archive's events, in the folder `to`.

    `archive` and `to` are folders, or URLs of object stores that fsspec and Spark know. A stream that fails is left out
    and named in the manifest. Raises NoArchiveError, NewerArchiveError, WrongFolderError, TooManyFailedError,
    ArchiveRunsError, OSError, and what `spark_session` raises.
    """
    for url in (archive, to):
        spark_path(url)  # where executors cannot read, they cannot write either
    manifest = read_manifest(ArchiveFolder(archive))
    if manifest.rules_version > RULES_VERSION:
        raise NewerArchiveError(
            f"the archive follows rules of version {manifest.rules_version}, and this waybill knows {RULES_VERSION}: "
            f"use waybill {manifest.waybill} or newer"
        )
    folder = ArchiveFolder(to)
    expect_own_rows(folder)
    run = secrets.token_hex(4)
    with folder.writing_alone(ROWS_LOCK), spark_session(NAME, master, options) as session:
        begun = monotonic()
        events = of_subjects(archived_events(session, archive, manifest))
        number = partitions or partitions_for(manifest.events, session.sparkContext.defaultParallelism)
        with watched(session, archive, manifest.events, tell):
            folded = fold_rows(grouped_by_stream(events, number), to, run, TOTALS)
        seconds = monotonic() - begun
        _expect_few_failed(folded)
        files = [*folded.files, *_write_totals(folder, run, folded)]
        made = _manifest_of(manifest, folded, files)
        replace_rows(folder, run, made)
    return RowsMade(made, folded.counts["events"], folded.counts["streams"], seconds)


def expect_own_rows(folder: ArchiveFolder) -> None:
    """Raise WrongFolderError unless the folder is absent, empty, or has only what an earlier run wrote."""
    own = {table.name for table in TABLES}
    foreign = [path for path in folder.files() if path.partition("/")[0] not in own and not _is_own(path)]
    if foreign:
        raise WrongFolderError(f"{folder.url} has {foreign[0]}, which is not of rows: name a folder of its own")
    try:
        read_rows_manifest(folder)
    except NoRowsError as e:
        if folder.exists(ROWS_MANIFEST):
            raise WrongFolderError(f"{e}; or name another folder") from e


def _is_own(path: str) -> bool:
    """Whether it is the manifest, what a killed run had of it, or the lock."""
    return path in (ROWS_MANIFEST, ROWS_LOCK) or is_part_of(path, ROWS_MANIFEST)


def _paths_named(folder: ArchiveFolder) -> frozenset[str]:
    """The paths that the manifest names which is in the folder now; none without one."""
    try:
        return read_rows_manifest(folder).paths
    except NoRowsError:
        return frozenset()


def _expect_few_failed(folded: FoldedRows) -> None:
    failed = folded.counts["failed"]
    if failed > MOST_FAILED:
        first = folded.failed[0]
        raise TooManyFailedError(
            f"{failed:,} failures, more than {MOST_FAILED:,}: the code or the archive is at fault. "
            f"The rows of an earlier run stay. The first: {first.projection or 'every projection'}, {first.stream}: "
            f"{first.reason}"
        )


def _write_totals(folder: ArchiveFolder, run: str, folded: FoldedRows) -> Sequence[WrittenFile]:
    with RowFiles(folder, f"{run}-sums", [totals.table for totals in TOTALS]) as files:
        for totals in TOTALS:
            rows = [totals.table.row(*key, *sums) for key, sums in folded.totals[totals.table.name].items()]
            files.add(totals.table.name, rows)
        return files.finish()


def _manifest_of(archive: Manifest, folded: FoldedRows, files: Sequence[WrittenFile]) -> RowsManifest:
    by_table: dict[str, list[RowsFile]] = defaultdict(list)
    for file in files:
        by_table[file.table].append(RowsFile(file.path, file.rows, file.bytes, file.sha256))

    def table_of(name: str, kind: str) -> RowsTable:
        return RowsTable(name, kind, sum(file.rows for file in by_table[name]), by_table[name])

    return RowsManifest(
        format=FORMAT,
        waybill=waybill_version(),
        archive_id=archive.archive_id,
        number=archive.number,
        position=archive.position,
        rules_version=RULES_VERSION,
        time_zone=archive.time_zone,
        clock_skew_seconds=archive.clock_skew_seconds,
        as_of=None,
        known_at=None,
        written_at=datetime.now(UTC),
        projections=[
            RowsProjection(
                projection.name,
                projection.version,
                [table_of(table.name, "rows") for table in projection.tables]
                + [table_of(totals.table.name, "totals") for totals in projection.totals],
            )
            for projection in PROJECTIONS
        ],
        failed=[FailedRows(*each) for each in folded.failed],
        marks=archive.marks,
        events=archive.events,
    )


def replace_rows(folder: ArchiveFolder, run: str, made: RowsManifest) -> None:
    """Write the manifest of this run, and remove the files of the one before and of tasks and runs that failed.

    On an object store, files that another run may be writing stay. Raises ArchiveRunsError, and writes nothing, if
    files of this run are gone.
    """
    folder.expect_still_there(
        file for projection in made.projections for table in projection.tables for file in table.files
    )
    before = _paths_named(folder)
    write_rows_manifest(folder, made)
    now = time()
    for path in folder.files():
        if path in made.paths or path in (ROWS_MANIFEST, ROWS_LOCK):
            continue
        if path in before or f"/part-{run}-" in path or folder.is_of_dead_run(path, now):
            folder.remove(path)
