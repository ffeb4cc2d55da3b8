"""An archive of any size: a sales floor is ingested and archived once, and its streams are copied under other names.

A copy costs no settling, so that 5 million events take a minute. Every copy names the reps and accounts of the floor.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.compute as compute
import pyarrow.parquet
from msgspec.structs import replace

from bench import workloads
from infra.app.archive import archive_store
from infra.archive.folder import ArchiveFolder, read_manifest
from infra.archive.manifest import ArchiveFile, Manifest, NoArchiveError, encode_manifest

FLOOR = 100_000
"""Messages of the floor that is copied."""
ROWS_A_FILE = 100_000
FLOOR_ARCHIVE = "floor"
"""The archive of one floor, beside the others."""


def archive_of(folder: Path, events: int, tell: Callable[[str], None]) -> Manifest:
    """An archive in `folder` with about so many events; one that is there is taken as it is."""
    try:
        return read_manifest(ArchiveFolder(str(folder / f"archive-{events}")))
    except NoArchiveError:
        pass
    tell(f"{events:,} events: writing an archive of them")
    floor = _floor(folder)
    return _copied(folder / FLOOR_ARCHIVE, floor, folder / f"archive-{events}", max(1, round(events / floor.events)))


def _floor(folder: Path) -> Manifest:
    """The archive of one floor."""
    archive = folder / FLOOR_ARCHIVE
    try:
        return read_manifest(ArchiveFolder(str(archive)))
    except NoArchiveError:
        pass
    folder.mkdir(parents=True, exist_ok=True)
    source, store = folder / "floor.jsonl", folder / "floor.db"
    store.unlink(missing_ok=True)
    workloads.write_long_history(FLOOR, 1, str(source))
    ingested = workloads.ingest(str(source), f"sqlite:///{store}")
    for _ in ingested:
        pass
    with workloads.service(f"sqlite:///{store}") as waybill:
        archive_store(waybill, str(archive))
    return read_manifest(ArchiveFolder(str(archive)))


def _copied(floor: Path, manifest: Manifest, to: Path, copies: int) -> Manifest:
    table = pyarrow.concat_tables(
        pyarrow.parquet.ParquetFile(floor / file.path).read() for file in manifest.files("events")
    ).sort_by("position")
    folder = ArchiveFolder(str(to))
    files = []
    for copy in range(copies):
        for start in range(0, table.num_rows, ROWS_A_FILE):
            part = _copy(table.slice(start, ROWS_A_FILE), copy, manifest.position)
            files.append(_written(folder, f"events/copy={copy:05}/{start:09}.parquet", part))
    events = replace(manifest.datasets["events"], rows=sum(file.rows for file in files), files=files)
    made = replace(manifest, position=copies * manifest.position, datasets={"events": events})
    folder.write_last("manifest.json", encode_manifest(made))
    return made


def _copy(table: Any, copy: int, positions: int) -> Any:
    names, places = table["stream"], table["position"]
    if copy:
        names = compute.binary_join_element_wise(names, pyarrow.scalar(f"{copy}"), ".")
        places = compute.add(places, copy * positions)
    table = table.set_column(table.schema.get_field_index("stream"), table.schema.field("stream"), names)
    return table.set_column(table.schema.get_field_index("position"), table.schema.field("position"), places)


def _written(folder: ArchiveFolder, path: str, table: Any) -> ArchiveFile:
    file = folder.open_new(path)
    pyarrow.parquet.write_table(table, file, compression="zstd")
    file.close()
    return ArchiveFile(path, table.num_rows, file.bytes, file.sha256, 1)
