"""Verifying an archive: whether its files are what the manifest says, and belong together.

Memory stays flat: what is counted for each stream or message is counted for some of them at a time.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from infra.archive.dataset import Dataset
from infra.archive.datasets import DATASETS, EVENTS, FEEDS, MALFORMED_MESSAGES, MESSAGES
from infra.archive.event_digest import EventDigest
from infra.archive.folder import ArchiveFolder
from infra.archive.manifest import SCHEMA_VERSION, ArchiveFile, Manifest, Mark
from infra.archive.packages import pyarrow
from infra.archive.partitions import bucket_of, month_of
from infra.archive.reading import DamagedFileError, batches_of, batches_of_file
from infra.archive.schemas import arrow_schema
from infra.archive.shares import shares_of

KEYS_AT_ONCE = 500_000
"""Of how many streams or messages something is counted at a time; for more, files are read more than once."""
MOST_FINDINGS = 100

COPY = "take this file from a copy of the archive"
ANEW = "archive the store anew into an empty folder"
ROWS, STREAMS, BOOKS = "rows", "streams", "books"
"""Parts of a verification: it reads all rows, then streams and at last messages again, in buckets."""
OnProgress = Callable[[str, int, int], None]
"""Called now and then with a part, and how many rows or buckets of it were read of how many."""


class ArchiveFinding(NamedTuple):
    """What is wrong with an archive: the file (or the dataset), what was found, and what to do."""

    file: str
    finding: str
    remedy: str


class ArchiveVerifier:
    """Verifies one archive; `findings` has at most MOST_FINDINGS."""

    def __init__(self, folder: ArchiveFolder, manifest: Manifest, tell: OnProgress = lambda part, done, total: None):
        self.findings: list[ArchiveFinding] = []
        self.files = 0
        self.rows = 0
        self.events = EventDigest()
        self._folder = folder
        self._manifest = manifest
        self._tell = tell
        self._total = sum(archived.rows for archived in manifest.datasets.values())
        self._marks = {mark.position: mark for mark in manifest.marks}

    def verify(self) -> None:
        """Look at everything. Raises NoArchiveError and OSError."""
        if self._manifest.schema_version != SCHEMA_VERSION:
            self._find("manifest.json", f"is of version {self._manifest.schema_version} of the datasets' columns", ANEW)
            return
        sound = {name: self._verify_files(dataset) for name, dataset in DATASETS.items()}
        if sound[EVENTS.name]:
            self._verify_positions()
            for bucket in range(self._manifest.buckets):
                self._verify_versions(bucket)
                self._tell(STREAMS, bucket + 1, self._manifest.buckets)
        if sound[MESSAGES.name] and sound[MALFORMED_MESSAGES.name] and sound[FEEDS.name]:
            self._verify_books()

    def _find(self, file: str, finding: str, remedy: str) -> None:
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(ArchiveFinding(file, finding, remedy))

    # -- each file by itself -----------------------------------------------------------------------

    def _verify_files(self, dataset: Dataset) -> bool:
        """Whether all files of a dataset are sound."""
        before = len(self.findings)
        archived = self._manifest.datasets.get(dataset.name)
        if archived is None:
            self._find("manifest.json", f"has no dataset {dataset.name}", ANEW)
            return False
        for file in archived.files:
            self.files += 1
            if self._is_whole(file):
                try:
                    self._verify_rows(dataset, file)
                except DamagedFileError as e:
                    self._find(file.path, str(e), COPY)
            self._tell(ROWS, self.rows, self._total)
        rows = sum(file.rows for file in archived.files)
        if rows != archived.rows:
            self._find("manifest.json", f"counts {archived.rows} rows of {dataset.name}, its files {rows}", ANEW)
        return len(self.findings) == before

    def _is_whole(self, file: ArchiveFile) -> bool:
        fault = self._folder.fault_of(file)
        if fault:
            self._find(file.path, fault, COPY)
        return fault is None

    def _verify_rows(self, dataset: Dataset, file: ArchiveFile) -> None:
        """Whether rows, month, bucket and positions of a file are as the manifest says. Raises DamagedFileError."""
        compute = pyarrow().compute
        schema, rows, last = arrow_schema(dataset), 0, None
        first: int | None = None
        for batch in batches_of_file(self._folder, file):
            if not batch.schema.equals(schema):
                self._find(file.path, f"has other columns than the dataset {dataset.name}", ANEW)
                return
            rows += batch.num_rows
            if file.bucket is not None:
                names = compute.unique(batch.column("stream" if dataset is EVENTS else "subject")).to_pylist()
                if any(bucket_of(name, self._manifest.buckets) != file.bucket for name in names):
                    self._find(file.path, f"has rows of another bucket than {file.bucket}", ANEW)
                    return
            if file.month is not None:
                at = compute.min_max(batch.column("recorded_at" if dataset is EVENTS else "told_at")).as_py()
                if {month_of(at["min"]), month_of(at["max"])} != {file.month}:
                    self._find(file.path, f"has rows of another month than {file.month}", ANEW)
                    return
            if dataset.position is not None:
                positions = batch.column(dataset.position)
                numbers = positions.to_pylist()
                ordered = numbers if last is None else [last, *numbers]
                if any(one >= following for one, following in pairwise(ordered)):
                    self._find(file.path, "has rows out of the order of the store", ANEW)
                    return
                first, last = numbers[0] if first is None else first, numbers[-1]
            if dataset is EVENTS:
                self._take_events(file, batch)
        self.rows += rows
        if rows != file.rows:
            self._find(file.path, f"has {rows} rows instead of {file.rows}", ANEW)
        elif (first, last) != (file.first_position, file.last_position):
            said = f"{file.first_position} to {file.last_position}"
            self._find(file.path, f"has the positions {first} to {last} instead of {said}", ANEW)

    def _take_events(self, file: ArchiveFile, batch: Any) -> None:
        """Add events to the digest, and compare those that the manifest marks."""
        for position, stream, version, topic, state in zip(
            *(batch.column(name).to_pylist() for name in ("position", "stream", "version", "topic", "state")),
            strict=True,
        ):
            digest = self.events.add(position, stream, version, topic, state.encode())
            mark = self._marks.pop(position, None)
            if mark is not None and mark != Mark(position, stream, version, digest):
                self._find(file.path, f"has another event at position {position} than the manifest says", ANEW)

    # -- the events together -----------------------------------------------------------------------

    def _verify_positions(self) -> None:
        """Whether each run begins where the one before ended, and the newest event is there."""
        ends: dict[int, tuple[int, int]] = {}
        for file in self._manifest.files(EVENTS.name):
            assert file.first_position is not None and file.last_position is not None, "its rows were compared with it"
            first, last = ends.get(file.run, (file.first_position, file.last_position))
            ends[file.run] = min(first, file.first_position), max(last, file.last_position)
        at = 0
        for run, (first, last) in sorted(ends.items()):
            if first <= at:
                self._find("events", f"run {run} begins at position {first}, and the one before it ended at {at}", ANEW)
            at = last
        if at != self._manifest.position:
            self._find("events", f"ends at position {at}, and not at {self._manifest.position} as it says", ANEW)
        for position in self._marks:
            self._find("events", f"has no event at position {position}, which the manifest names", ANEW)

    def _verify_versions(self, bucket: int) -> None:
        """Whether each stream of a bucket has every version from 1 on, once."""
        files = [file for file in self._manifest.files(EVENTS.name) if file.bucket == bucket]
        for chosen in shares_of(sum(file.rows for file in files), KEYS_AT_ONCE):
            seen: dict[str, tuple[int, int, int]] = {}
            for batch in batches_of(self._folder, files, ["stream", "version"]):
                streams, versions = (column.to_pylist() for column in batch.columns)
                for stream, version in zip(streams, versions, strict=True):
                    if chosen(stream):
                        number, newest, total = seen.get(stream, (0, 0, 0))
                        seen[stream] = number + 1, max(newest, version), total + version
            for stream, (number, newest, total) in seen.items():
                # As many versions as the newest says, with the sum of 1 to that: none is missing, none is there twice.
                if number != newest or total != newest * (newest + 1) // 2:
                    self._find(
                        f"events (bucket {bucket})",
                        f"the stream {stream} has {number} events, and its newest is version {newest}",
                        ANEW,
                    )

    # -- the books ---------------------------------------------------------------------------------

    def _verify_books(self) -> None:
        """Whether the messages and the malformed ones, counted by their verdicts, are the books."""
        counted: Counter[str] = Counter()
        for bucket in range(self._manifest.buckets):
            files = [file for file in self._manifest.files(MESSAGES.name) if file.bucket == bucket]
            for verdict, repeats in self._newest(MESSAGES, files, ["verdict", "repeats"]):
                counted[verdict] += 1
                counted["duplicate"] += repeats
            self._tell(BOOKS, bucket + 1, self._manifest.buckets)
        for (repeats,) in self._newest(MALFORMED_MESSAGES, self._manifest.files(MALFORMED_MESSAGES.name), ["repeats"]):
            counted["malformed"] += 1
            counted["duplicate"] += repeats
        kept: Counter[str] = Counter()
        verdicts = ["applied", "duplicate", "held", "refused", "malformed"]
        for batch in batches_of(self._folder, self._manifest.files(FEEDS.name), verdicts):
            for name, column in zip(verdicts, batch.columns, strict=True):
                kept[name] += sum(column.to_pylist())
        books = self._manifest.books
        for name in verdicts:
            said = getattr(books, name)
            if not said == kept[name] == counted[name]:
                told = f"the manifest counts {said} {name}, the feeds {kept[name]}, the messages {counted[name]}"
                self._find("messages", told, "waybill verify says whether the store's books are right; then " + ANEW)
        if books.received != sum(counted.values()):
            self._find("manifest.json", f"counts {books.received} received messages of {sum(counted.values())}", ANEW)

    def _newest(self, dataset: Dataset, files: Sequence[ArchiveFile], columns: Sequence[str]) -> Iterator[list[Any]]:
        """These columns of the rows that count: of each key that of the newest run, unless it is deleted."""
        newest_first = sorted(files, key=lambda file: -file.run)
        wanted = [*dataset.key, "deleted", *columns]
        width = len(dataset.key)
        for chosen in shares_of(sum(file.rows for file in files), KEYS_AT_ONCE):
            seen: set[tuple[str, ...]] = set()
            for batch in batches_of(self._folder, newest_first, wanted):
                for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    key = row[:width]
                    if chosen("\0".join(key)) and key not in seen:
                        seen.add(key)
                        if not row[width]:
                            yield list(row[width + 1 :])
