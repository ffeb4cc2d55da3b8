"""The rows of a folder that Spark wrote, and those of a store, to compare them."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet
from sqlalchemy import select

from infra.app.container import Waybill
from infra.archive.amount_places import PLACES
from infra.archive.folder import ArchiveFolder
from infra.archive.rows_folder import read_rows_manifest
from projections.catalogue import PROJECTIONS
from projections.table import Row, RowTable
from projections.views.tables import table_of

TABLES: list[RowTable[Any]] = [
    table
    for projection in PROJECTIONS
    for table in (*projection.tables, *(totals.table for totals in projection.totals))
]


def rows_of_folder(url: str) -> dict[str, Counter[Row]]:
    """The rows of every table that the manifest names, each with how often it is there."""
    folder = ArchiveFolder(url)
    found: dict[str, Counter[Row]] = {}
    for projection in read_rows_manifest(folder).projections:
        for table in projection.tables:
            rows: Counter[Row] = Counter()
            for file in table.files:
                with folder.open_read(file.path) as opened:
                    parquet = pyarrow.parquet.ParquetFile(opened)
                    read = parquet.read([name for name in parquet.schema_arrow.names if name != PLACES])
                rows.update(zip(*(column.to_pylist() for column in read.columns), strict=True))
            found[table.table] = rows
    return found


def files_below(folder: Path) -> set[str]:
    """The paths of all files, relative to the folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def rows_of_store(waybill: Waybill) -> dict[str, Counter[Row]]:
    """The rows of every table that the embedded engine keeps."""
    with waybill.engine.connect() as connection:
        return {
            table.name: Counter(tuple(row) for row in connection.execute(select(*_columns(table)))) for table in TABLES
        }


def _columns(table: RowTable[Any]) -> list[Any]:
    stored = table_of(table)
    return [stored.c[name] for name in table.names]
