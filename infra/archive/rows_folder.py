"""The folder of rows that Spark made of an archive: Parquet files by table, and a manifest that names them.

rows.json                    the manifest, written last: readers read only the files that it names
.rows.lock                   what the one holds who writes the rows
<table>/part-*.parquet       rows; the schema is that of infra/export/arrow_schema.py, with the places of amounts
                             (infra/archive/amount_places.py)
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from infra.archive.folder import ArchiveFolder
from infra.archive.manifest import Mark
from infra.archive.sealed_json import ChangedDocumentError, expect_inside, expect_sealed, sealed_struct

ROWS_MANIFEST = "rows.json"
ROWS_LOCK = ".rows.lock"
"""The file that the one holds locked who writes the rows."""
FORMAT = "waybill rows 1"
"""What a manifest says that it describes; the number grows when a reader of this one would misread a new one."""


class NoRowsError(Exception):
    """The folder has no rows, or some that this code cannot read; the message says what to do."""


class DamagedRowsManifestError(Exception):
    """The manifest of rows is not what was written; the message says what to do."""


class RowsFile(msgspec.Struct, frozen=True):
    """A Parquet file; `path` is relative to the folder."""

    path: str
    rows: int
    bytes: int
    sha256: str


class RowsTable(msgspec.Struct, frozen=True):
    """A table of a projection. `kind` is "rows", or "totals" for sums over rows."""

    table: str
    kind: str
    rows: int
    files: Sequence[RowsFile]


class RowsProjection(msgspec.Struct, frozen=True):
    """A projection of this version with all its tables."""

    name: str
    version: int
    tables: Sequence[RowsTable]


class FailedRows(msgspec.Struct, frozen=True):
    """A stream of which a projection (None: every one of its kind) does not have all rows, and why.

    `position` is that of the event at fault; None if no event is.
    """

    projection: str | None
    stream: str
    position: int | None
    reason: str


class RowsManifest(msgspec.Struct, frozen=True):
    """Rows of all events of an archive up to `position`, by the rules of `rules_version`.

    `archive_id` and `number` name the archive and its run. `as_of` and `known_at` are None: every fact counts.
    `failed` is empty, unless rows of some streams are missing. `marks` are events of the archive by which the store is
    recognised whose history it is, and `events` is how many it has up to `position`; both are the archive's. `sha256`
    is the hash of all this (infra/archive/sealed_json.py); None if an earlier waybill wrote it.
    """

    format: str
    waybill: str
    archive_id: str
    number: int
    position: int
    rules_version: int
    time_zone: str
    clock_skew_seconds: float
    as_of: datetime | None
    known_at: datetime | None
    written_at: datetime
    projections: Sequence[RowsProjection]
    failed: Sequence[FailedRows]
    marks: Sequence[Mark] = ()
    events: int | None = None
    sha256: str | None = None

    @property
    def paths(self) -> frozenset[str]:
        """The paths of all files."""
        return frozenset(
            file.path for projection in self.projections for table in projection.tables for file in table.files
        )


class _Format(msgspec.Struct):
    format: str


def read_rows_manifest(folder: ArchiveFolder) -> RowsManifest:
    """The manifest of a folder of rows. Raises NoRowsError, DamagedRowsManifestError and OSError."""
    try:
        stored = folder.read(ROWS_MANIFEST)
    except FileNotFoundError:
        raise NoRowsError(
            f"{folder.url} has no rows {folder.missing(ROWS_MANIFEST)} (to make rows of an archive: waybill spark "
            "rebuild --archive ARCHIVE --to DIR)"
        ) from None
    try:
        told = msgspec.json.decode(stored, type=_Format).format
        if told == FORMAT:
            expect_sealed(stored, RowsManifest.__struct_fields__)
            manifest = msgspec.json.decode(stored, type=RowsManifest)
            expect_inside(manifest.paths)
            return manifest
    except (msgspec.MsgspecError, UnicodeDecodeError, ChangedDocumentError) as e:
        raise DamagedRowsManifestError(
            f"{ROWS_MANIFEST} of the rows {folder.url} was changed: {e}. Take it from a copy of the folder, or make "
            "the rows anew in an empty one: waybill spark rebuild"
        ) from e
    raise NoRowsError(
        f"{folder.url}/{ROWS_MANIFEST} is of the format {told!r}, and this waybill reads {FORMAT!r}: name a folder of "
        "rows, or use the waybill that wrote it"
    )


def write_rows_manifest(folder: ArchiveFolder, manifest: RowsManifest) -> None:
    """Write the manifest in one step, after everything else is on the disk. Raises OSError."""
    folder.write_last(ROWS_MANIFEST, sealed_struct(manifest))
