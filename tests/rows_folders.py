"""Folders of rows as Spark writes them, made of the rows that a store has: tests of loading need no JVM."""

import hashlib
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow
import pyarrow.parquet
from sqlalchemy import select

from domain.rules_version import RULES_VERSION
from infra.app.container import Waybill
from infra.archive.amount_places import amount_arrays, amounts_of, schema_with_places
from infra.archive.event_rows import StoredEvents
from infra.archive.folder import ArchiveFolder
from infra.archive.rows_folder import (
    FORMAT,
    RowsFile,
    RowsManifest,
    RowsProjection,
    RowsTable,
    write_rows_manifest,
)
from infra.archive.rows_reading import RowsFolder, open_rows
from infra.export.arrow_schema import schema_of_table
from infra.store.projected.serving import answering
from infra.store.projected.tables import tables_at
from infra.version import waybill_version
from projections.catalogue import PROJECTIONS
from projections.projection import Projection
from projections.table import Row, RowTable

FILES = 3
FEW_ROWS = 40


def folder_of_rows(
    waybill: Waybill,
    at: Path,
    projections: Sequence[Projection] = PROJECTIONS,
    *,
    places: bool = True,
    group: int = FEW_ROWS,
) -> Path:
    """Write a folder of the rows that answer in a store now; returns its path.

    Rows of a subject are in one of FILES files, in the order of their keys, and `group` are a row group. Without
    `places`, amounts have only values.
    """
    with waybill.engine.connect() as connection:
        stored = answering(connection, projections)
        told = []
        for projection in projections:
            tables = []
            totals = {each.table: each.measures for each in projection.totals}
            for declared, table in tables_at(projection, stored.stored[projection.name]).items():
                rows = sorted((tuple(row) for row in connection.execute(select(table))), key=_key(declared))
                if declared in totals:
                    measured = [declared.names.index(name) for name in totals[declared]]
                    rows = [row for row in rows if any(row[index] for index in measured)]
                files = [
                    _written(at, declared, number, some, places, group)
                    for number, some in enumerate(_shared(rows))
                    if some
                ]
                kind: Any = "totals" if declared in totals else "rows"
                tables.append(RowsTable(declared.name, kind, len(rows), files))
            told.append(RowsProjection(projection.name, projection.version, tables))
        position = stored.position
        newest = StoredEvents(connection, waybill.backend).mark(position)
    manifest = RowsManifest(
        format=FORMAT,
        waybill=waybill_version(),
        archive_id="7d0c1a52-0000-4000-8000-000000000000",
        number=1,
        position=position,
        rules_version=RULES_VERSION,
        time_zone=waybill.settings.time_zone,
        clock_skew_seconds=waybill.settings.clock_skew.total_seconds(),
        as_of=None,
        known_at=None,
        written_at=waybill.clock(),
        projections=told,
        failed=(),
        marks=[] if newest is None else [newest],
        events=waybill.history.count_up_to(position),
    )
    write_rows_manifest(ArchiveFolder(str(at)), manifest)
    return at


def opened(at: Path) -> RowsFolder:
    return open_rows(ArchiveFolder(str(at)))


def change_manifest(at: Path, **changed: Any) -> None:
    """Replace fields of a folder's manifest."""
    manifest = opened(at).manifest
    write_rows_manifest(ArchiveFolder(str(at)), msgspec.structs.replace(manifest, **changed))


def _written(at: Path, table: RowTable[Any], number: int, rows: Sequence[Row], places: bool, group: int) -> RowsFile:
    schema = schema_with_places(table) if places else schema_of_table(table)
    values: list[Any] = list(zip(*rows, strict=True))
    if places and (amounts := amounts_of(table)):
        values.append(amount_arrays([values[index] for index in amounts]).places)
    columns = [pyarrow.array(column, field.type) for column, field in zip(values, schema, strict=True)]
    path = f"{table.name}/part-{number:05}.parquet"
    (at / table.name).mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(
        pyarrow.Table.from_arrays(columns, schema=schema), at / path, compression="zstd", row_group_size=group
    )
    content = (at / path).read_bytes()
    return RowsFile(path, len(rows), len(content), hashlib.sha256(content).hexdigest())


def _shared(rows: Iterable[Row]) -> list[list[Row]]:
    files: list[list[Row]] = [[] for _ in range(FILES)]
    for row in rows:
        files[zlib.crc32(str(row[0]).encode()) % FILES].append(row)
    return files


def _key(table: RowTable[Any]) -> Any:
    places = [table.names.index(name) for name in table.key]
    return lambda row: [str(row[place]) for place in places]


def rewrite(at: Path, table: str, change: Callable[[Any], Any], *, count: bool = True, twice: bool = False) -> None:
    """Change the second file of a table (of totals: the first), as its manifest then says; `twice`: a copy besides.

    Without `count`, the manifest says as many rows as before.
    """
    manifest, projections = opened(at).manifest, []
    for projection in manifest.projections:
        tables = []
        for each in projection.tables:
            if each.table == table:
                files = [*each.files]
                file = files[min(1, len(files) - 1)]
                changed = change(pyarrow.parquet.read_table(at / file.path))
                if twice:
                    changed = pyarrow.concat_tables([changed, changed])
                pyarrow.parquet.write_table(changed, at / file.path)
                content = (at / file.path).read_bytes()
                rows = changed.num_rows if count else file.rows
                now = RowsFile(file.path, rows, len(content), hashlib.sha256(content).hexdigest())
                files = [now if one is file else one for one in files]
                each = RowsTable(table, each.kind, sum(one.rows for one in files), files)
            tables.append(each)
        projections.append(RowsProjection(projection.name, projection.version, tables))
    change_manifest(at, projections=projections)
