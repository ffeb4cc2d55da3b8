"""What must hold before rows that were made elsewhere are loaded: they are whole, and of this store's own history.

Nothing is written before all of it holds.
"""

from collections.abc import Callable, Sequence
from functools import partial

from domain.rules_version import RULES_VERSION
from domain.streams import split_stream_name
from infra.app.container import Waybill
from infra.app.rebuild.errors import UnfitRowsError
from infra.archive.event_rows import StoredEvents
from infra.archive.manifest import Mark
from infra.archive.rows_folder import ROWS_MANIFEST, RowsProjection, RowsTable
from infra.archive.rows_reading import RowsFolder, expect_columns, expect_whole
from infra.store.projected.tables import tables_of
from infra.store.pruned import PrunedRow, pruned_with_held
from infra.store.pruned_commands import undo_command
from projections.projection import Projection

AGAIN = "archive this store again and make the rows from that: waybill archive, then waybill spark rebuild"
MOST_NAMED = 5


def expect_of_this_code(rows: RowsFolder, projections: Sequence[Projection], time_zone: str) -> None:
    """Raise UnfitRowsError unless the folder has whole rows of these projections, as this code would make them."""
    said = rows.manifest
    if said.as_of is not None or said.known_at is not None:
        raise _unfit(rows, "its rows answer a question about the past, and views need them as they are")
    if said.rules_version != RULES_VERSION:
        raise _unfit(
            rows,
            f"its rows follow the rules of version {said.rules_version}, and this waybill judges by version "
            f"{RULES_VERSION}: make them with this waybill",
        )
    if said.time_zone != time_zone:
        raise _unfit(
            rows,
            f"its rows are of the time zone {said.time_zone}, which their archive has, and WAYBILL_TIME_ZONE is "
            f"{time_zone} here: if {said.time_zone} is right, set WAYBILL_TIME_ZONE={said.time_zone}; if not, archive "
            "this store anew into an empty folder and make the rows of that",
        )
    wanted = {projection.name for projection in projections}
    failed = [each for each in said.failed if each.projection is None or each.projection in wanted]
    if failed:
        named = "; ".join(f"{each.stream} ({each.projection or 'all'}: {each.reason})" for each in failed[:MOST_NAMED])
        more = f"; and {len(failed) - MOST_NAMED} more" if len(failed) > MOST_NAMED else ""
        raise _unfit(
            rows,
            f"it lacks the rows of {len(failed)} streams that their projections cannot take: {named}{more}. Mend the "
            "code or void what they cannot take, then make the rows again; waybill rebuild without --from names the "
            "event at which it stops",
        )
    for projection in projections:
        stored = rows_of(rows, projection)
        if stored.version != projection.version:
            raise _unfit(
                rows,
                f"its rows of {projection.name} are of version {stored.version}, and this waybill has version "
                f"{projection.version}: make them with this waybill",
            )
        for declared in tables_of(projection):
            _expect_sums(rows, table_in(rows, stored, declared.name))


def expect_of_this_store(waybill: Waybill, rows: RowsFolder) -> None:
    """Raise UnfitRowsError unless the folder's rows follow from this store's own events up to its position."""
    said, history = rows.manifest, waybill.history
    head = waybill.retry(history.head)
    if said.position > head:
        raise _unfit(
            rows,
            f"its rows reflect position {said.position:,}, and the newest event of this store is at {head:,}: it is "
            "the folder of another store, or this store was restored from an older backup",
        )
    if said.events is None or (said.position and not said.marks):
        raise _unfit(rows, f"its {ROWS_MANIFEST} does not say of which events its rows are, so {AGAIN}")
    for mark in said.marks:
        found = waybill.retry(partial(_mark_at, waybill, mark.position))
        if found is None or (found.stream, found.version) != (mark.stream, mark.version):
            has = "no event" if found is None else f"event {found.version} of {found.stream}"
            raise _unfit(
                rows,
                f"at position {mark.position:,} it knows event {mark.version} of {mark.stream}, and this store has "
                f"{has} there: it is the folder of another store",
            )
        if found.sha256 != mark.sha256:
            raise _unfit(
                rows,
                f"the event at position {mark.position:,}, {mark.stream}, is another one in this store: it is the "
                f"folder of another store, or events were changed by hand; {AGAIN}",
            )
    held = waybill.retry(partial(_pruned_with_held, waybill, said.position))
    if held:
        raise _unfit(rows, _counts_held(held))
    events = waybill.retry(lambda: history.count_up_to(said.position))
    if events != said.events:
        raise _unfit(
            rows,
            f"its rows follow from {said.events:,} events up to position {said.position:,}, and this store has "
            f"{events:,} there: {AGAIN}",
        )


def _pruned_with_held(waybill: Waybill, position: int) -> list[PrunedRow]:
    """One more than are named, if there are as many."""
    with waybill.engine.connect() as connection:
        return pruned_with_held(connection, waybill.backend, position, MOST_NAMED + 1)


def _counts_held(held: Sequence[PrunedRow]) -> str:
    """That the rows count what is held for these orders, and a command for each archive that has some of them."""
    of_archives: dict[str, list[str]] = {}
    for row in held[:MOST_NAMED]:
        of_archives.setdefault(row.archive, []).append(split_stream_name(row.stream)[1])
    named = ", ".join(order_id for order_ids in of_archives.values() for order_id in order_ids)
    commands = "; ".join(undo_command(archive, *order_ids) for archive, order_ids in of_archives.items())
    others = " and others" if len(held) > MOST_NAMED else ""
    return (
        f"its rows count messages that this store holds, because their orders were pruned: {named}{others}. Bring "
        f"these orders back first: {commands}"
    )


def expect_whole_files(rows: RowsFolder, projections: Sequence[Projection], tell: Callable[[int], None]) -> None:
    """Raise DamagedRowsError unless every file of these projections is as the manifest says."""
    for projection in projections:
        stored = rows_of(rows, projection)
        for declared in tables_of(projection):
            for file in table_in(rows, stored, declared.name).files:
                expect_whole(rows, file, tell)
                expect_columns(rows, file, declared)


def bytes_of(rows: RowsFolder, projections: Sequence[Projection]) -> int:
    """The bytes of the files of these projections."""
    return sum(
        file.bytes for projection in projections for table in rows_of(rows, projection).tables for file in table.files
    )


def rows_of(rows: RowsFolder, projection: Projection) -> RowsProjection:
    """What the folder has of a projection. Raises UnfitRowsError."""
    found = next((each for each in rows.manifest.projections if each.name == projection.name), None)
    if found is None:
        raise _unfit(rows, f"it has no rows of {projection.name}")
    return found


def table_in(rows: RowsFolder, stored: RowsProjection, name: str) -> RowsTable:
    """A table of a projection in the folder. Raises UnfitRowsError."""
    found = next((table for table in stored.tables if table.table == name), None)
    if found is None:
        raise _unfit(rows, f"it has no table {name}, which belongs to {stored.name}")
    return found


def _mark_at(waybill: Waybill, position: int) -> Mark | None:
    with waybill.engine.connect() as connection:
        return StoredEvents(connection, waybill.backend).mark(position)


def _expect_sums(rows: RowsFolder, table: RowsTable) -> None:
    in_files = sum(file.rows for file in table.files)
    if in_files != table.rows:
        raise _unfit(rows, f"{table.table} has {table.rows:,} rows, and its files {in_files:,}: it is not whole")


def _unfit(rows: RowsFolder, why: str) -> UnfitRowsError:
    return UnfitRowsError(f"{rows.folder.url} cannot be loaded: {why}. Nothing has changed")
