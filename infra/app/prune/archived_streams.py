"""What an archive has of streams: enough to know that it has exactly the events of the store, byte for byte.

The events of a stream are digested as a set: each event has a hash of its position, version, topic and state, and those
of a stream are added up. So files may be read in any order, and memory holds a few numbers a stream.
"""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from infra.archive.folder import ArchiveFolder
from infra.archive.manifest import ArchiveFile, Manifest
from infra.archive.partitions import bucket_of
from infra.archive.reading import batches_of

EVENT = ("position", "stream", "version", "topic", "state")
"""The columns of an archived event from which it can be stored again."""
_HASHES = 1 << 128


class StreamDigest(NamedTuple):
    """How many events a stream has, the greatest version among them, and the sum of their hashes."""

    events: int
    version: int
    hashes: int

    def with_event(self, position: int, version: int, topic: str, state: bytes) -> "StreamDigest":
        """The digest with one more event."""
        told = blake2b(b"%d %d %s " % (position, version, topic.encode()), digest_size=16)
        told.update(state)
        hashes = (self.hashes + int.from_bytes(told.digest(), "big")) % _HASHES
        return StreamDigest(self.events + 1, max(self.version, version), hashes)

    @property
    def text(self) -> str:
        """The sum of the hashes, in hexadecimal digits."""
        return f"{self.hashes:032x}"


NOTHING = StreamDigest(0, 0, 0)


class ArchivedEvent(NamedTuple):
    """An event as it was stored."""

    position: int
    stream: str
    version: int
    topic: str
    state: bytes


def digest_of(events: Iterable[tuple[int, int, str, bytes]]) -> StreamDigest:
    """The digest of a stream's events: position, version, topic and state of each."""
    digest = NOTHING
    for event in events:
        digest = digest.with_event(*event)
    return digest


def digests_in_bucket(
    folder: ArchiveFolder, manifest: Manifest, bucket: int, prefix: str
) -> Mapping[str, StreamDigest]:
    """The digest of each stream of a bucket whose name begins so. Raises DamagedFileError and OSError."""
    found: dict[str, StreamDigest] = {}
    for event in _events(folder, _files_of(manifest, bucket)):
        if event.stream.startswith(prefix):
            digest = found.get(event.stream, NOTHING)
            found[event.stream] = digest.with_event(event.position, event.version, event.topic, event.state)
    return found


def archived_events(folder: ArchiveFolder, manifest: Manifest, stream: str) -> list[ArchivedEvent]:
    """All events of one stream, in the order of their versions. Raises DamagedFileError and OSError."""
    files = _files_of(manifest, bucket_of(stream, manifest.buckets))
    found = [event for event in _events(folder, files, stream) if event.stream == stream]
    return sorted(found, key=lambda event: event.version)


def _files_of(manifest: Manifest, bucket: int) -> list[ArchiveFile]:
    return [file for file in manifest.files("events") if file.bucket == bucket]


def _events(folder: ArchiveFolder, files: Iterable[ArchiveFile], stream: str | None = None) -> Iterator[ArchivedEvent]:
    for batch in batches_of(folder, files, EVENT):
        told = batch if stream is None else _only(batch, stream)
        for position, name, version, topic, state in zip(*(column.to_pylist() for column in told.columns), strict=True):
            yield ArchivedEvent(position, name, version, topic, state.encode())


def _only(batch: Any, stream: str) -> Any:
    # Imported here: pyarrow is optional, and the folder was opened with it.
    import pyarrow.compute

    return batch.filter(pyarrow.compute.equal(batch.column(1), stream))
