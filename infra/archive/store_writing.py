"""Writing what is new in a store: for each dataset, the rows that a run adds to its archive."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from infra.archive.datasets import DATASETS, EVENTS
from infra.archive.event_rows import StoredEvents, write_event
from infra.archive.folder import ArchiveFolder
from infra.archive.manifest import ArchiveFile
from infra.archive.store_standing import StoreStanding
from infra.archive.writing import DatasetWriter
from infra.store.backend import Backend

OnRows = Callable[[str, int, int | None], None]
"""Called with a dataset, how many of its rows are written, and about how many there are (None: not known)."""


class Since(NamedTuple):
    """How far the archive goes: the newest event and notice.

    With `anew`, rows that can change are all written again.
    """

    position: int
    notice: int
    anew: bool


class Written(NamedTuple):
    """The new files by dataset, and the datasets of which the earlier files count no more."""

    files: Mapping[str, Sequence[ArchiveFile]]
    anew: frozenset[str]


def write_rows(
    folder: ArchiveFolder,
    connection: Connection,
    backend: Backend,
    standing: StoreStanding,
    since: Since | None,
    buckets: int,
    run: str,
    number: int,
    on_rows: OnRows,
) -> Written:
    """Write what the connection's snapshot has and the archive has not; see `archive_store`."""
    files: dict[str, Sequence[ArchiveFile]] = dict.fromkeys(DATASETS, ())
    after = 0 if since is None else since.position
    writer = DatasetWriter(folder, EVENTS, run, number)
    for page in StoredEvents(connection, backend).pages(after, standing.position):
        for event in page:
            write_event(writer, buckets, event)
        on_rows(EVENTS.name, page[-1][0] - after, standing.position - after)
    files[EVENTS.name] = writer.close()
    return Written(files, frozenset())
