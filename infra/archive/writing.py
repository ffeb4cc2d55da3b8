"""Writing a dataset: rows in any order become files of one month and one bucket each, in flat memory.

Rows wait in memory, first as they are, then packed as Arrow's arrays, until they are too many; then the largest
partitions are written, each as a row group of its file. Few files are open at a time: to open one more, the one that
was written to longest ago is closed.
"""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import count
from typing import Any

from infra.archive.dataset import Dataset
from infra.archive.folder import ArchiveFolder, NewFile
from infra.archive.manifest import ArchiveFile
from infra.archive.packages import pyarrow
from infra.archive.partitions import WHOLE, Partition, path_of
from infra.archive.schemas import arrow_schema

MOST_UNPACKED_ROWS = 10_000
MOST_UNPACKED_BYTES = 8 * 1024 * 1024
MOST_WAITING_BYTES = 32 * 1024 * 1024
"""How much waits packed, of one dataset."""
MOST_OPEN = 32
"""How many files of a dataset are open at a time."""
FILE_BYTES = 256 * 1024 * 1024
"""A file that has become so large ends; the next rows of its partition begin another one."""

Row = tuple[Any, ...]


class _Waiting:
    """The rows of a partition that are not written yet: packed ones, and after these those that are not."""

    def __init__(self) -> None:
        self.packed: list[Any] = []
        self.bytes = 0
        self.rows: list[Row] = []


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

    def write(self, batches: Sequence[Any], position: int | None) -> None:
        """Write these batches as a row group."""
        self._writer.write_table(pyarrow().Table.from_batches(batches, self._schema))
        self.rows += sum(batch.num_rows for batch in batches)
        if position is not None:
            self.first = batches[0].column(position)[0].as_py() if self.first is None else self.first
            self.last = batches[-1].column(position)[-1].as_py()

    def close(self) -> None:
        try:
            self._writer.close()
        finally:
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
        self._packed_bytes = self._unpacked_rows = self._unpacked_bytes = 0
        self._open: OrderedDict[Partition, _OpenFile] = OrderedDict()
        self._written: list[ArchiveFile] = []

    def add(self, row: Row, size: int, partition: Partition = WHOLE) -> None:
        """Write a row with about so many bytes of contents. Raises OSError."""
        waiting = self._waiting.get(partition)
        if waiting is None:
            waiting = self._waiting[partition] = _Waiting()
        waiting.rows.append(row)
        self.rows += 1
        self._unpacked_rows += 1
        self._unpacked_bytes += size
        if self._unpacked_rows > MOST_UNPACKED_ROWS or self._unpacked_bytes > MOST_UNPACKED_BYTES:
            self._pack()

    def close(self) -> Sequence[ArchiveFile]:
        """Write everything that waits, and end all files; returns them in the order of their paths' numbers."""
        self._pack()
        for partition in sorted(self._waiting):
            self._write(partition)
        while self._open:
            self._end(next(iter(self._open)))
        return self._written

    def abandon(self) -> None:
        """Close what is open. What was written counts for nothing, and the next run removes it."""
        while self._open:
            self._open.popitem()[1].file.close()

    def _pack(self) -> None:
        """Pack all rows; if they are too many then, write the largest partitions, until half of that is left."""
        arrow = pyarrow()
        for waiting in self._waiting.values():
            if waiting.rows:
                columns = zip(*waiting.rows, strict=True)
                arrays = [arrow.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
                batch = arrow.record_batch(arrays, schema=self._schema)
                waiting.packed.append(batch)
                waiting.bytes += batch.nbytes
                self._packed_bytes += batch.nbytes
                waiting.rows = []
        self._unpacked_rows = self._unpacked_bytes = 0
        if self._packed_bytes <= MOST_WAITING_BYTES:
            return
        by_size = sorted(self._waiting, key=lambda one: self._waiting[one].bytes, reverse=True)
        for partition in by_size:
            self._write(partition)
            if self._packed_bytes <= MOST_WAITING_BYTES // 2:
                return

    def _write(self, partition: Partition) -> None:
        waiting = self._waiting.pop(partition)
        self._packed_bytes -= waiting.bytes
        file = self._open.get(partition)
        if file is None:
            if len(self._open) >= MOST_OPEN:
                self._end(next(iter(self._open)))
            path = path_of(self._dataset.name, partition, self._run, next(self._numbers))
            file = self._open[partition] = _OpenFile(path, self._folder.open_new(path), self._schema)
        self._open.move_to_end(partition)
        file.write(waiting.packed, self._position)
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
