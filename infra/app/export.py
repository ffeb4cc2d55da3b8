"""Export: write a relation to a file, or all of them to a folder."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from infra.app.container import Waybill
from infra.app.known_names import expect_rep
from infra.app.reactor_lag import not_stated
from infra.export.formats import WriteFile, file_format
from infra.export.whole_file import whole_file
from infra.export.whole_folder import whole_folder
from infra.masking import masked
from infra.queries.exported import Exported, Rows
from infra.queries.order_timelines import ORDER_TIMELINE
from infra.queries.views import Asked
from infra.serialization import json_text
from infra.version import waybill_version
from projections.table import ValueType

MANIFEST = "manifest.json"
FORMAT = "waybill export 1"
"""What a manifest says that it describes; the number grows when a reader of manifests would misread a new one."""
TYPE_NAMES = {ValueType.DAY: "date"}
"""What a manifest calls a column's type where that is not the type's own name."""
BYTES_AT_ONCE = 1024 * 1024


class ExportReport(NamedTuple):
    """The number of rows written, their instant, and the position that they reflect."""

    rows: int
    instant: datetime
    position: int


class ForeignFilesError(Exception):
    """The folder has files that no export wrote; the message names one and says what to do."""


class FolderReport(NamedTuple):
    """What `export_all` wrote: the number of files and rows, their instant, and the position that they reflect.

    `left_out` are the relations that have no file, each with the reason.
    """

    files: int
    rows: int
    instant: datetime
    position: int
    left_out: Mapping[str, str]


def export_rows(
    waybill: Waybill,
    relation: Exported,
    to: Path,
    clocks: Asked,
    rep: str | None = None,
    on_rows: Callable[[int, Callable[[], int]], None] | None = None,
    *,
    for_spreadsheets: bool = False,
) -> ExportReport:
    """Write all rows of a relation to `to`, whose suffix is one of FORMATS.

    The file is complete or absent. `on_rows` is called after each batch with the number of rows written; its second
    argument counts all rows. `for_spreadsheets`: a CSV file in which no cell begins a formula. Raises OSError, and
    UnknownNameError for a rep whom the store does not know.
    """
    form = file_format(to.suffix.lower(), for_spreadsheets=for_spreadsheets)
    # The file takes its place last: until the reading has ended, a store file may turn out to have changed meanwhile.
    with whole_file(to) as part, waybill.exports.reading([relation], clocks) as reader:
        answer = reader.answer(relation, rep)
        written = _write(answer, part, form, (lambda done: on_rows(done, answer.count)) if on_rows else None)
        if rep is not None and not written:
            expect_rep(waybill, rep)
    return ExportReport(written, answer.instant, answer.position)


def export_all(
    waybill: Waybill,
    folder: Path,
    clocks: Asked,
    ending: str,
    on_rows: Callable[[Exported, int], None] = lambda relation, written: None,
) -> FolderReport:
    """Write every relation to a file of `folder`, and a manifest.

    All files have the rows of one snapshot. Where orders were pruned, the timelines have no file: a part of
    them would be taken for all. The folder is the whole old set or the whole new one, whenever the process is killed.
    `ending` is one of FORMATS. Raises ForeignFilesError, OSError, and, as known at an instant, PrunedOrdersError.
    """
    form = file_format(ending)
    left_out = _left_out(waybill, clocks)
    relations = [relation for relation in waybill.exports.relations if relation.relation not in left_out]
    # Asked before and after the reading, so that neither messages nor reactions between the two hide that rows lack
    # what follows.
    behind = _reactors_behind(waybill, clocks)
    files: list[Mapping[str, Any]] = []
    with whole_folder(folder, expect_own_files) as part:
        with waybill.exports.reading(relations, clocks) as reader:
            for relation in relations:
                path = part / f"{relation.relation}{ending}"
                answer = reader.answer(relation, None)
                rows = _write(answer, path, form, partial(on_rows, relation))
                files.append(_described(relation, path, rows, answer.position))
        manifest = {
            "format": FORMAT,
            "waybill": waybill_version(),
            "store": masked(waybill.settings.store),
            "exported_at": waybill.clock(),
            "as_of": clocks.as_of,
            "known_at": clocks.known_at,
            "instant": reader.instant,
            "position": reader.position,
            "time_zone": waybill.settings.time_zone,
            "not_stated_by": sorted(behind | _reactors_behind(waybill, clocks)),
            "left_out": left_out,
            "files": files,
        }
        (part / MANIFEST).write_text(json_text(manifest, indent=2) + "\n", encoding="utf-8")
    return FolderReport(len(files), sum(file["rows"] for file in files), reader.instant, reader.position, left_out)


def _left_out(waybill: Waybill, clocks: Asked) -> Mapping[str, str]:
    """The relations that a store cannot make any more, each with the reason; as known at an instant, it makes none."""
    pruned = 0 if clocks.known_at is not None else waybill.history.count_pruned()
    if not pruned:
        return {}
    were = "order was" if pruned == 1 else "orders were"
    return {ORDER_TIMELINE: f"{pruned:,} {were} pruned, and timelines are made from the events of all orders"}


def _reactors_behind(waybill: Waybill, clocks: Asked) -> set[str]:
    """The reactors that have not stated all that the rows should have; as known at an instant, rows derive it."""
    missing = not_stated(waybill) if clocks.known_at is None else None
    return set() if missing is None else set(missing.reactors)


def expect_own_files(folder: Path) -> None:
    """Raise ForeignFilesError unless the folder is absent, empty, or has only what an export wrote."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ForeignFilesError(f"{folder} is a file; name a folder, which the export makes")
    found = {path.name for path in folder.iterdir()}
    foreign = sorted(found - _written_by_export(folder))
    if foreign:
        raise ForeignFilesError(
            f"{folder} has {foreign[0]}, which no export wrote, and an export replaces the whole folder: "
            "name another folder, or move the file"
        )


def _written_by_export(folder: Path) -> set[str]:
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=_Manifest)
    except (FileNotFoundError, msgspec.MsgspecError):
        return set()
    return {MANIFEST, *(file.file for file in manifest.files)} if manifest.format == FORMAT else set()


class _File(msgspec.Struct):
    file: str


class _Manifest(msgspec.Struct):
    """What is read back of a manifest."""

    format: str
    files: list[_File]


def _write(answer: Rows, path: Path, form: WriteFile, on_rows: Callable[[int], None] | None) -> int:
    written = 0
    with form(path, answer.columns) as write:
        for batch in answer.batches():
            write(batch)
            written += len(batch)
            if on_rows is not None:
                on_rows(written)
    return written


def _described(relation: Exported, path: Path, rows: int, position: int) -> Mapping[str, Any]:
    return {
        "file": path.name,
        "relation": relation.relation,
        "description": relation.description,
        "rows": rows,
        "position": position,
        "bytes": path.stat().st_size,
        "sha256": _sha256(path),
        "key": list(relation.key),
        "columns": [
            {"name": column.name, "type": TYPE_NAMES.get(column.type, column.type.name.lower()), "meaning": column.doc}
            for column in relation.columns
        ],
    }


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while some := file.read(BYTES_AT_ONCE):
            digest.update(some)
    return digest.hexdigest()


def relation_named(relations: Iterable[Exported], name: str) -> Exported:
    """A relation by its name or a view's verb. Raises KeyError."""
    found: Sequence[Exported] = [one for one in relations if one.is_named(name)]
    if not found:
        raise KeyError(name)
    return found[0]
