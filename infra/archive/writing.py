"""Writing a dataset: rows in any order become files of one month and one bucket each, in flat memory.

Rows wait in memory until they are too many; then the largest partitions are written, as a row group of their file. Few
files are open at a time: to open one more, the one that was written to longest ago is closed.
"""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import count
from typing import Any

from infra.archive.datasets import Dataset
from infra.archive.folder import ArchiveFolder, NewFile
from infra.archive.manifest import ArchiveFile
from infra.archive.packages import pyarrow
from infra.archive.partitions import WHOLE, Partition, path_of
from infra.archive.schemas import arrow_schema

MOST_WAITING_BYTES = 24 * 1024 * 1024
"""How much of the rows' contents waits in memory; as Python's objects and Arrow's arrays it is several times that."""
MOST_WAITING_ROWS = 60_000
MOST_OPEN = 32
"""How many files of a dataset are open at a time."""
FILE_BYTES = 256 * 1024 * 1024
"""A file that has become so large ends; the next rows of its partition begin another one."""

Row = tuple[Any, ...]


class _Waiting:
    """The rows of a partition that are not written yet."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.bytes = 0


class _OpenFile:
    """A Parquet file that is being written."""

    def __init__(self, path: str, file: NewFile, schema: Any):
        self.path = path
        self.file = file
        self.rows = 0
        self.first: int | None = None
        self.last: int | None = None
        self._schema = schema
        self._writer = pyarrow().parquet.ParquetWriter(file, schema, compression="zstd")

    def write(self, rows: Sequence[Row], position: int | None) -> None:
        arrow = pyarrow()
        columns = zip(*rows, strict=True)
        arrays = [arrow.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
        self._writer.write_batch(arrow.record_batch(arrays, schema=self._schema))
        self.rows += len(rows)
        if position is not None:
            self.first = rows[0][position] if self.first is None else self.first
            self.last = rows[-1][position]

    def close(self) -> None:
        self._writer.close()
        self.file.close()


class DatasetWriter:
    """Writes the files of one dataset in one run. `run` is unique, and `number` that of the run.

    Rows with positions are given in their order.
    """

    def __init__(self, folder: ArchiveFolder, dataset: Dataset, run: str, number: int):
        self.rows = 0
        self._folder = folder
        self._dataset = dataset
        self._run = run
        self._number = number
        self._numbers = count(1)
        self._schema = arrow_schema(dataset)
        self._position = None if dataset.position is None else dataset.names.index(dataset.position)
        self._waiting: dict[Partition, _Waiting] = {}
        self._waiting_bytes = self._waiting_rows = 0
        self._open: OrderedDict[Partition, _OpenFile] = OrderedDict()
        self._written: list[ArchiveFile] = []

    def add(self, row: Row, size: int, partition: Partition = WHOLE) -> None:
        """Write a row with about so many bytes of contents. Raises OSError."""
        waiting = self._waiting.get(partition)
        if waiting is None:
            waiting = self._waiting[partition] = _Waiting()
        waiting.rows.append(row)
        waiting.bytes += size
        self.rows += 1
        self._waiting_rows += 1
        self._waiting_bytes += size
        if self._waiting_bytes > MOST_WAITING_BYTES or self._waiting_rows > MOST_WAITING_ROWS:
            self._make_room()

    def close(self) -> Sequence[ArchiveFile]:
        """Write everything that waits, and end all files; returns them in the order of their paths' numbers."""
        for partition in sorted(self._waiting):
            self._write(partition)
        while self._open:
            self._end(next(iter(self._open)))
        return self._written

    def _make_room(self) -> None:
        """Write the largest partitions, until half of what may wait is left."""
        by_size = sorted(self._waiting, key=lambda one: self._waiting[one].bytes, reverse=True)
        for partition in by_size:
            self._write(partition)
            if self._waiting_bytes <= MOST_WAITING_BYTES // 2 and self._waiting_rows <= MOST_WAITING_ROWS // 2:
                break

    def _write(self, partition: Partition) -> None:
        waiting = self._waiting.pop(partition)
        self._waiting_bytes -= waiting.bytes
        self._waiting_rows -= len(waiting.rows)
        file = self._open.get(partition)
        if file is None:
            if len(self._open) >= MOST_OPEN:
                self._end(next(iter(self._open)))
            path = path_of(self._dataset.name, partition, self._run, next(self._numbers))
            file = self._open[partition] = _OpenFile(path, self._folder.open_new(path), self._schema)
        self._open.move_to_end(partition)
        file.write(waiting.rows, self._position)
        if file.file.bytes > FILE_BYTES:
            self._end(partition)

    def _end(self, partition: Partition) -> None:
        file = self._open.pop(partition)
        file.close()
        self._written.append(
            ArchiveFile(
                path=file.path,
                rows=file.rows,
                bytes=file.file.bytes,
                sha256=file.file.sha256,
                run=self._number,
                month=partition.month,
                bucket=partition.bucket,
                first_position=file.first,
                last_position=file.last,
            )
        )
