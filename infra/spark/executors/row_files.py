"""The Parquet files of a partition's rows: one a table, written as the rows come, with its size and hash."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from infra.archive.amount_places import amount_arrays, amounts_of, schema_with_places
from infra.archive.folder import ArchiveFolder, NewFile
from infra.export.arrow_schema import AMOUNT_DIGITS, AMOUNT_PLACES, arrow_type, pyarrow
from projections.table import Row, RowTable

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ROWS_AT_ONCE = 2_000
"""The rows that become one Arrow batch: few enough that the processor's cache still has their values."""
BATCHES_A_GROUP = 5
"""The batches of a row group, which are kept until it is written."""


class WrittenFile(NamedTuple):
    """A file of a table's rows; `path` is relative to the folder."""

    table: str
    path: str
    rows: int
    bytes: int
    sha256: str


class RefusedRow(NamedTuple):
    """A row that the table's file cannot hold, and the reason."""

    table: str
    row: Row
    reason: str


class RowFiles:
    """Writes rows of these tables to files `<table>/part-<name>.parquet` of a folder, each named once.

    Use it as a context manager: at its end, all files are closed. A row that a file cannot hold is left out, and
    reported by `refused`.
    """

    def __init__(self, folder: ArchiveFolder, name: str, tables: Sequence[RowTable[Any]]):
        self._folder = folder
        self._name = name
        self._tables: Mapping[str, RowTable[Any]] = {table.name: table for table in tables}
        self._waiting: dict[str, list[Row]] = defaultdict(list)
        self._files: dict[str, _OpenFile] = {}
        self.refused: list[RefusedRow] = []

    def __enter__(self) -> "RowFiles":
        return self

    def __exit__(self, *raised: object) -> None:
        for file in self._files.values():
            file.close()

    def add(self, table: str, rows: Sequence[Row]) -> None:
        """Add rows to the table's file. Raises OSError."""
        waiting = self._waiting[table]
        waiting.extend(rows)
        if len(waiting) >= ROWS_AT_ONCE:
            self._write(table)

    def finish(self) -> list[WrittenFile]:
        """Write what is left. Raises OSError."""
        for table in self._waiting:
            self._write(table)
        written = []
        for table, file in self._files.items():
            file.write_waiting()
            file.close()
            written.append(WrittenFile(table, file.path, file.rows, file.file.bytes, file.file.sha256))
        return written

    def _write(self, table: str) -> None:
        rows, self._waiting[table] = self._waiting[table], []
        if not rows:
            return
        file = self._files.get(table)
        if file is None:
            file = self._files[table] = self._open(self._tables[table])
        arrow = pyarrow()
        try:
            file.write(rows)
        except (arrow.ArrowInvalid, UnicodeEncodeError, OverflowError):
            fitting = [row for row in rows if self._fits(file.write_nothing, table, row)]
            if fitting:
                file.write(fitting)

    def _fits(self, try_out: Callable[[Sequence[Row]], None], table: str, row: Row) -> bool:
        try:
            try_out([row])
        except (pyarrow().ArrowInvalid, UnicodeEncodeError, OverflowError) as e:
            reason = (
                f"a row of {table} does not fit its file ({AMOUNT_DIGITS - AMOUNT_PLACES} digits before the point): {e}"
            )
            self.refused.append(RefusedRow(table, row, " ".join(reason.split())))
            return False
        return True

    def _open(self, table: RowTable[Any]) -> "_OpenFile":
        path = f"{table.name}/part-{self._name}.parquet"
        return _OpenFile(path, self._folder.open_new(path), table)


class _OpenFile:
    def __init__(self, path: str, file: NewFile, table: RowTable[Any]):
        self.path = path
        self.file = file
        self.rows = 0
        self._amounts = amounts_of(table)
        self._waiting: list[Any] = []
        self._types = [arrow_type(column.type) for column in table.columns]
        self._schema = schema_with_places(table)
        # Without dictionaries: they take longer here, and the files get no smaller.
        self._writer = pyarrow().parquet.ParquetWriter(file, self._schema, compression="zstd", use_dictionary=False)

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows to the file. Raises pyarrow.ArrowInvalid, UnicodeEncodeError or OverflowError for an unfit row."""
        self._waiting.append(self._batch(rows))
        self.rows += len(rows)
        if len(self._waiting) == BATCHES_A_GROUP:
            self.write_waiting()

    def write_nothing(self, rows: Sequence[Row]) -> None:
        """Raise what `write` would for these rows."""
        self._batch(rows)

    def write_waiting(self) -> None:
        """Write what waits as a row group."""
        if self._waiting:
            self._writer.write_table(pyarrow().Table.from_batches(self._waiting))
            self._waiting.clear()

    def close(self) -> None:
        self._writer.close()
        self.file.close()

    def _batch(self, rows: Sequence[Row]) -> Any:
        values: list[Sequence[Any]] = list(zip(*rows, strict=True))
        columns = [
            None if index in self._amounts else _array(column, type_)
            for index, (column, type_) in enumerate(zip(values, self._types, strict=True))
        ]
        if self._amounts:
            amounts = amount_arrays([values[index] for index in self._amounts])
            for index, decimals in zip(self._amounts, amounts.decimals, strict=True):
                columns[index] = decimals
            columns.append(amounts.places)
        return pyarrow().record_batch(columns, schema=self._schema)


def _array(column: Sequence[Any], type_: Any) -> Any:
    arrow = pyarrow()
    if not arrow.types.is_timestamp(type_):
        return arrow.array(column, type_)
    # Half of all columns are instants, and Arrow takes three times as long for an aware one as for a duration.
    since = [None if instant is None else instant - EPOCH for instant in column]
    return arrow.array(since, arrow.duration("us")).view(arrow.int64()).view(type_)
