"""The manifest of an archive: what it is of, how far it goes, and its files with their hashes.

It is written last, so it names only files that are whole. Readers read no other files.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from infra.archive.sealed_json import ChangedDocumentError, expect_inside, expect_sealed, sealed_struct

MANIFEST = "manifest.json"
FORMAT = "waybill archive 1"
"""What a manifest says that it describes; the number grows when a reader of this one would misread a new one."""


SCHEMA_VERSION = 1
"""The version of the datasets' columns (infra/archive/datasets.py); it grows when a column comes, goes or changes."""


class NoArchiveError(Exception):
    """The folder has no archive, or one that this code cannot read; the message says what to do."""


class DamagedManifestError(Exception):
    """The manifest is not what a run wrote; the message says what to do."""

    def __init__(self, url: str, what: str):
        super().__init__(
            f"{MANIFEST} of the archive {url} was changed: {what}. Take it from a copy of the archive, or, while the "
            "store has its whole history, archive it anew into an empty folder"
        )


class NewerArchiveError(Exception):
    """The archive was written by newer code, and this one does not know its columns or rules; the message says so."""


class Column(msgspec.Struct, frozen=True):
    """A column of a dataset: its Arrow type, and what it means."""

    name: str
    type: str
    nullable: bool
    meaning: str


class ArchiveFile(msgspec.Struct, frozen=True):
    """A Parquet file. `path` is relative to the archive; `run` is the number of the run that wrote it.

    `month` is the month of recording in UTC, YYYY-MM. `first_position` and `last_position` are those of its rows, in
    whose order they are: the events' positions, or the notices' numbers. They are None in datasets without.
    """

    path: str
    rows: int
    bytes: int
    sha256: str
    run: int
    month: str | None = None
    bucket: int | None = None
    first_position: int | None = None
    last_position: int | None = None


class ArchivedDataset(msgspec.Struct, frozen=True):
    """A dataset: its kind (infra/archive/dataset.py), its columns, and its files in the order of their writing.

    `rows` counts the rows of the files: in a dataset of changed rows also those that a newer run replaced.
    """

    kind: str
    columns: Sequence[Column]
    rows: int
    files: Sequence[ArchiveFile]


class ArchivedBooks(msgspec.Struct, frozen=True):
    """The books at the archive's position: received = applied + duplicate + held + refused + malformed.

    Unlike those of `waybill status`, they depend on no clock: a message that is held too long counts as held.
    """

    received: int
    applied: int
    duplicate: int
    held: int
    refused: int
    malformed: int


class ArchivedPartition(msgspec.Struct, frozen=True):
    """The checkpoint of a partition of Kafka. `topic_id` is Kafka's id of the topic; None: unknown."""

    topic: str
    partition: int
    next_offset: int
    topic_id: str | None


class Mark(msgspec.Struct, frozen=True):
    """An archived event by which a later run recognises the store. `sha256` is that of its stored state."""

    position: int
    stream: str
    version: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """An archive as of one moment of the store.

    `archive_id` is fixed by the first run, as are `buckets` and `time_zone`. `number` counts the runs from 1. `store`
    is its URL without password, `rules_version` that of the verdicts, and `time_zone` and `clock_skew_seconds` are the
    settings by which views are made. `position` is that of the newest event (0: none), `newest_notice` the number of
    the newest notice. `store_begun_at` is when the store's first feed was opened, and `marks` are events of earlier
    runs: by both a run recognises the store. `read_again` changes when the past of a topic is read again.
    `paused` has the position of each paused projection, and `sha256` is the hash of all this: see
    infra/archive/sealed_json.py. Both are None if an earlier waybill wrote the manifest.
    """

    format: str
    schema_version: int
    waybill: str
    archive_id: str
    number: int
    written_at: datetime
    store: str
    store_version: str
    rules_version: int
    time_zone: str
    clock_skew_seconds: float
    buckets: int
    position: int
    newest_notice: int
    books: ArchivedBooks
    partitions: Sequence[ArchivedPartition]
    store_begun_at: datetime | None
    marks: Sequence[Mark]
    read_again: int
    datasets: Mapping[str, ArchivedDataset]
    paused: Mapping[str, int] | None = None
    sha256: str | None = None

    def files(self, dataset: str) -> Sequence[ArchiveFile]:
        """The files of a dataset, in the order of their writing; none if the archive does not have it."""
        found = self.datasets.get(dataset)
        return () if found is None else found.files

    @property
    def paths(self) -> frozenset[str]:
        """The paths of all files."""
        return frozenset(file.path for dataset in self.datasets.values() for file in dataset.files)

    @property
    def events(self) -> int:
        """How many events the archive has: they are only ever added."""
        return sum(file.rows for file in self.files("events"))


_EARLIER_FIELDS = frozenset(Manifest.__struct_fields__) - {"paused", "sha256"}
"""The fields of manifests that have no hash of themselves."""


class _Format(msgspec.Struct):
    format: str


class _Written(msgspec.Struct):
    schema_version: int
    waybill: str


def encode_manifest(manifest: Manifest) -> bytes:
    """The manifest as JSON, with its hash, in lines for people."""
    return sealed_struct(manifest)


def decode_manifest(stored: bytes, url: str) -> Manifest:
    """The manifest of the archive at `url`. Raises NoArchiveError, NewerArchiveError and DamagedManifestError."""
    try:
        told = msgspec.json.decode(stored, type=_Format).format
    except msgspec.ValidationError as e:
        raise NoArchiveError(f"{url}/{MANIFEST} is no manifest of an archive: {e}") from e
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        raise DamagedManifestError(url, f"it is no JSON ({e})") from e
    if told != FORMAT:
        raise NoArchiveError(
            f"{url}/{MANIFEST} is of the format {told!r}, and this waybill reads {FORMAT!r}: name the folder of an "
            "archive, or use the waybill that wrote it"
        )
    try:
        expect_sealed(stored, _EARLIER_FIELDS)
        written = msgspec.json.decode(stored, type=_Written)
        if written.schema_version > SCHEMA_VERSION:
            raise NewerArchiveError(
                f"the archive {url} has columns of version {written.schema_version}, and this waybill knows version "
                f"{SCHEMA_VERSION}: waybill {written.waybill} wrote it; install that one or a newer one"
            )
        manifest = msgspec.json.decode(stored, type=Manifest)
        expect_inside(manifest.paths)
    except (msgspec.MsgspecError, UnicodeDecodeError, ChangedDocumentError) as e:
        raise DamagedManifestError(url, str(e)) from e
    return manifest
