"""Reading a dataset: the rows of the files that the manifest names, a batch at a time."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

from infra.archive.folder import ArchiveFolder
from infra.archive.manifest import ArchiveFile
from infra.archive.packages import pyarrow

ROWS_AT_ONCE = 10_000
EVENT_AS_STORED = ("position", "stream", "version", "topic", "state")
"""The columns of an archived event from which it can be stored again."""


class DamagedFileError(Exception):
    """A file of an archive is missing or cannot be read; the message names it and says what to do."""


def batches_of(
    folder: ArchiveFolder, files: Iterable[ArchiveFile], columns: Sequence[str] | None = None
) -> Iterator[Any]:
    """The rows of these files, in their order, as pyarrow.RecordBatch; memory stays flat.

    `columns` names some of them, in this order; None: all. Raises DamagedFileError and OSError.
    """
    for file in files:
        yield from batches_of_file(folder, file, columns)


def batches_of_file(folder: ArchiveFolder, file: ArchiveFile, columns: Sequence[str] | None = None) -> Iterator[Any]:
    """The same of one file."""
    arrow = pyarrow()
    try:
        with closing(folder.open_read(file.path)) as opened:
            parquet = arrow.parquet.ParquetFile(opened)
            for batch in parquet.iter_batches(ROWS_AT_ONCE, columns=columns, use_threads=False):
                yield batch if columns is None else batch.select(list(columns))
    except FileNotFoundError as e:
        raise DamagedFileError(damaged(folder, file.path, "it is missing")) from e
    except arrow.ArrowException as e:
        raise DamagedFileError(damaged(folder, file.path, str(e).splitlines()[0])) from e


def damaged(folder: ArchiveFolder, path: str, what: str) -> str:
    """What to say of a damaged file."""
    return (
        f"{path} of the archive {folder.url}: {what}; take the file from a copy of the archive, or, while the store "
        "has its whole history, archive it anew into an empty folder"
    )
