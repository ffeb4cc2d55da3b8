"""Reads the Parquet files of a folder of rows, page by page, as Arrow's columns."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec

from infra.archive.amount_places import NO_AMOUNT, PLACES, amounts_of
from infra.archive.folder import ArchiveFolder
from infra.archive.packages import pyarrow
from infra.archive.rows_folder import RowsFile, RowsManifest, RowsTable, read_rows_manifest
from infra.export.arrow_schema import AMOUNT_PLACES, schema_of_table
from infra.store.projected.loading import LoadedRows
from projections.table import Row, RowTable

BYTES_AT_ONCE = 1024 * 1024
ROWS_OF_TOTALS_AT_ONCE = 10_000


class DamagedRowsError(Exception):
    """A file of the folder is not what its manifest says; the message names it. Nothing has changed."""


class RowsFolder(NamedTuple):
    """An opened folder. `id` is the beginning of its manifest's hash: another folder has another one."""

    folder: ArchiveFolder
    manifest: RowsManifest
    id: str


def open_rows(folder: ArchiveFolder) -> RowsFolder:
    """The folder with its manifest. Raises NoRowsError and OSError."""
    manifest = read_rows_manifest(folder)
    return RowsFolder(folder, manifest, hashlib.sha256(msgspec.json.encode(manifest)).hexdigest()[:16])


def expect_whole(rows: RowsFolder, file: RowsFile, tell: Callable[[int], None]) -> None:
    """Raise DamagedRowsError unless the file has the bytes that the manifest says; `tell` gets each number of bytes."""
    with _reading(rows, file):
        fault = rows.folder.fault_of(file, tell)
    if fault:
        raise _damaged(rows, file, f"it {fault}")


def expect_columns(rows: RowsFolder, file: RowsFile, table: RowTable[Any]) -> None:
    """Raise DamagedRowsError unless the file has as many rows as the manifest says, of the table's columns."""
    with _reading(rows, file), rows.folder.open_read(file.path) as opened:
        _expect_columns(rows, file, table, pyarrow().parquet.ParquetFile(opened))


def pages_of(
    rows: RowsFolder, table: RowTable[Any], stored: RowsTable, skip: int, at_once: int
) -> Iterator[LoadedRows]:
    """The rows of a table in the order of the manifest, without the first `skip`, at most so many at once.

    Raises DamagedRowsError.
    """
    for file in stored.files:
        if skip >= file.rows:
            skip -= file.rows
            continue
        with _reading(rows, file):
            for batch in _batches(rows, file, table, skip, at_once):
                yield _loaded(rows, file, table, batch)
        skip = 0


def totals_in(rows: RowsFolder, table: RowTable[Any], stored: RowsTable) -> Iterator[Row]:
    """The rows of a table of totals, as Python's values in the order of its columns. Raises DamagedRowsError."""
    for file in stored.files:
        with _reading(rows, file):
            for batch in _batches(rows, file, table, 0, ROWS_OF_TOTALS_AT_ONCE):
                yield from zip(*(batch.column(name).to_pylist() for name in table.names), strict=True)


def _batches(rows: RowsFolder, file: RowsFile, table: RowTable[Any], skip: int, at_once: int) -> Iterator[Any]:
    with rows.folder.open_read(file.path) as opened:
        # Read as it is decoded: a whole group of rows would be too much for memory.
        parquet = pyarrow().parquet.ParquetFile(opened, pre_buffer=False, buffer_size=BYTES_AT_ONCE)
        _expect_columns(rows, file, table, parquet)
        groups = list(range(parquet.num_row_groups))
        while groups and skip >= (size := parquet.metadata.row_group(groups[0]).num_rows):
            skip -= size
            del groups[0]
        for batch in parquet.iter_batches(at_once, row_groups=groups):
            left = batch.slice(skip)
            skip = max(0, skip - batch.num_rows)
            if left.num_rows:
                yield left


def _expect_columns(rows: RowsFolder, file: RowsFile, table: RowTable[Any], parquet: Any) -> None:
    if parquet.metadata.num_rows != file.rows:
        raise _damaged(rows, file, f"it has {parquet.metadata.num_rows:,} rows, and the manifest says {file.rows:,}")
    found = {field.name: field.type for field in parquet.schema_arrow if field.name != PLACES}
    expected = {field.name: field.type for field in schema_of_table(table)}
    for name, arrow_type in expected.items():
        if found.get(name) != arrow_type:
            has = f"of type {found[name]}" if name in found else "missing"
            raise _damaged(rows, file, f"its column {name} is {has}, and {table.name} has {arrow_type}")
    if further := sorted(found.keys() - expected.keys()):
        raise _damaged(rows, file, f"it has columns that {table.name} does not have: {', '.join(further)}")


def _loaded(rows: RowsFolder, file: RowsFile, table: RowTable[Any], batch: Any) -> LoadedRows:
    columns = [batch.column(name) for name in table.names]
    places = batch.column(PLACES) if PLACES in batch.schema.names else None
    for number, index in enumerate(amounts_of(table)):
        try:
            columns[index] = _exact_text(columns[index], places, number)
        except ValueError as e:
            raise _damaged(rows, file, f"its column {table.names[index]} {e}") from e
    return LoadedRows(table.names, [column.type for column in table.columns], columns, batch.num_rows)


def _exact_text(amounts: Any, places: Any, number: int) -> Any:
    """Amounts as text with the places that the column of places says; without it, with those that are needed.

    Raises ValueError.
    """
    # Imported here: the package is an optional extra.
    from pyarrow import compute

    arrow = pyarrow()
    text = amounts.cast(arrow.string())  # with AMOUNT_PLACES places
    if places is None:
        return compute.replace_substring_regex(text, r"\.?0+$", "")
    said = compute.utf8_slice_codeunits(places, number, number + 1)
    said = compute.if_else(compute.equal(said, NO_AMOUNT), None, said).cast(arrow.int8())
    if said.null_count != amounts.null_count or not 0 <= (compute.max(said).as_py() or 0) <= AMOUNT_PLACES:
        raise ValueError(f"does not go with its column {PLACES}")
    forms = {}
    for one in sorted(compute.unique(said.drop_null()).to_pylist()):
        cut = AMOUNT_PLACES - one
        forms[one] = compute.utf8_slice_codeunits(text, 0, -cut - (one == 0)) if cut else text
        lost = compute.utf8_slice_codeunits(text, -cut, None) if cut else None
        of_these = compute.equal(said, one)
        if lost is not None and not compute.all(compute.equal(lost.filter(of_these), "0" * cut)).as_py():
            raise ValueError(f"has more places than its column {PLACES} says")
    if len(forms) <= 1:
        return next(iter(forms.values()), text)
    return compute.choose(said, *(forms.get(one, text) for one in range(AMOUNT_PLACES + 1)))


@contextmanager
def _reading(rows: RowsFolder, file: RowsFile) -> Iterator[None]:
    try:
        yield
    except (OSError, pyarrow().ArrowException) as e:
        raise _damaged(rows, file, f"it cannot be read: {e}") from e


def _damaged(rows: RowsFolder, file: RowsFile, why: str) -> DamagedRowsError:
    return DamagedRowsError(
        f"{rows.folder.url}/{file.path}: {why}. Nothing has changed; copy the folder again, or make it anew with "
        "waybill spark rebuild"
    )
