"""The rows of an archive's files as they are restored: checked by their hashes first, and events in their order."""

from collections import deque
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush, heapreplace
from typing import Any

from infra.archive.folder import ArchiveFolder
from infra.archive.manifest import ArchiveFile
from infra.archive.reading import EVENT_AS_STORED, DamagedFileError, batches_of_file

EventRow = tuple[int, str, int, str, bytes]
"""Position, stream, version, topic and state."""

ROWS_AT_ONCE = 500
"""How many rows of each open file are Python's objects at a time; Arrow's are smaller."""
BYTES_AT_ONCE = 16 * 1024 * 1024
"""About how many bytes of rows are: a malformed message may have a megabyte."""


def expect_whole(folder: ArchiveFolder, file: ArchiveFile) -> None:
    """Raise DamagedFileError unless the file has the bytes that the manifest says."""
    if fault := folder.fault_of(file):
        raise DamagedFileError(
            f"{file.path} of the archive {folder.url} {fault}. The store stays closed: take the file from a copy of "
            "the archive and run the same waybill restore again, which continues"
        )


def events_in_order(folder: ArchiveFolder, files: Sequence[ArchiveFile], after: int) -> Iterator[EventRow]:
    """The events after a position, in the order of their positions.

    Each file is in that order. One is opened when its first event may be next, so few are open at a time: those of a
    month. Raises DamagedFileError and OSError.
    """
    left = [(file.first_position, file) for file in files if (file.last_position or 0) > after]
    waiting = deque(sorted(((first or 0, file) for first, file in left), key=lambda one: (one[0], one[1].path)))
    nexts: list[tuple[int, int, EventRow, Iterator[EventRow]]] = []
    opened = 0
    while waiting or nexts:
        while waiting and (not nexts or waiting[0][0] <= nexts[0][0]):
            rows = _events_of(folder, waiting.popleft()[1], after)
            first = next(rows, None)
            if first is not None:
                opened += 1
                heappush(nexts, (first[0], opened, first, rows))
        if not nexts:
            return
        _, number, row, rows = nexts[0]
        yield row
        following = next(rows, None)
        if following is None:
            heappop(nexts)
        else:
            heapreplace(nexts, (following[0], number, following, rows))


def rows_of_file(
    folder: ArchiveFolder, file: ArchiveFile, columns: Sequence[str], at_once: int
) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of a file in their order, with these columns, at most so many at once.

    Raises DamagedFileError and OSError.
    """
    expect_whole(folder, file)
    for batch in batches_of_file(folder, file, columns):
        few = max(1, min(at_once, BYTES_AT_ONCE * batch.num_rows // max(1, batch.nbytes)))
        for start in range(0, batch.num_rows, few):
            yield list(zip(*(column.to_pylist() for column in batch.slice(start, few).columns), strict=True))


def _events_of(folder: ArchiveFolder, file: ArchiveFile, after: int) -> Iterator[EventRow]:
    for rows in rows_of_file(folder, file, EVENT_AS_STORED, ROWS_AT_ONCE):
        for position, stream, version, topic, state in rows:
            if position > after:
                yield position, stream, version, topic, state.encode()
