"""What an archive has of streams: enough to know that it has exactly the events of the store, byte for byte."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from infra.archive.event_digest import EventDigest
from infra.archive.folder import ArchiveFolder
from infra.archive.manifest import ArchiveFile, Manifest
from infra.archive.packages import pyarrow
from infra.archive.partitions import bucket_of
from infra.archive.reading import EVENT_AS_STORED, batches_of
from infra.archive.shares import shares_of

EVENTS_AT_ONCE = 5_000_000
"""Of how many events the streams are digested at a time: some 700,000 orders, which take about 330 MB."""


class StreamDigest(NamedTuple):
    """How many events a stream has, and their digest."""

    events: int
    digest: str


NOTHING = StreamDigest(0, "")


class ArchivedEvent(NamedTuple):
    """An event as it was stored."""

    position: int
    stream: str
    version: int
    topic: str
    state: bytes


def digest_of(events: Iterable[tuple[int, str, int, str, bytes]]) -> StreamDigest:
    """The digest of these events: position, stream, version, topic and state of each."""
    digest = EventDigest()
    for event in events:
        digest.add(*event)
    return StreamDigest(digest.events, digest.digest)


def digests_in_bucket(
    folder: ArchiveFolder, manifest: Manifest, bucket: int, prefix: str, at_once: int = EVENTS_AT_ONCE
) -> Iterator[Mapping[str, StreamDigest]]:
    """The digest of each stream of a bucket whose name begins so, in shares of about `at_once` events.

    The files are read once for each share. Raises DamagedFileError and OSError.
    """
    files = _files_of(manifest, bucket)
    for chosen in shares_of(sum(file.rows for file in files), at_once):
        found: dict[str, EventDigest] = {}
        for event in _events(folder, files):
            if event.stream.startswith(prefix) and chosen(event.stream):
                if (digest := found.get(event.stream)) is None:
                    digest = found[event.stream] = EventDigest()
                digest.add(*event)
        yield {stream: StreamDigest(digest.events, digest.digest) for stream, digest in found.items()}


def archived_events(folder: ArchiveFolder, manifest: Manifest, stream: str) -> list[ArchivedEvent]:
    """All events of one stream, in the order of their versions. Raises DamagedFileError and OSError."""
    files = _files_of(manifest, bucket_of(stream, manifest.buckets))
    return sorted(_events(folder, files, stream), key=lambda event: event.version)


def _files_of(manifest: Manifest, bucket: int) -> list[ArchiveFile]:
    return [file for file in manifest.files("events") if file.bucket == bucket]


def _events(folder: ArchiveFolder, files: Iterable[ArchiveFile], stream: str | None = None) -> Iterator[ArchivedEvent]:
    for batch in batches_of(folder, files, EVENT_AS_STORED):
        if stream is not None:
            batch = batch.filter(pyarrow().compute.equal(batch.column(EVENT_AS_STORED.index("stream")), stream))
        for position, name, version, topic, state in zip(
            *(column.to_pylist() for column in batch.columns), strict=True
        ):
            yield ArchivedEvent(position, name, version, topic, state.encode())
