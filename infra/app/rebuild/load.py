"""Load: fills new rows of projections with those that an engine beside the store made of its archive.

It stands in for the first step of a rebuild (rebuild.py): rows come from a folder instead of events, and the build
begins at the folder's position. A page of rows is one transaction with the note how far it is, so a load that was
killed continues there. Totals are counted from the rows, and must be those of the folder.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from infra.app.container import Waybill
from infra.app.rebuild.errors import UnfitRowsError
from infra.app.rebuild.rows_checks import (
    bytes_of,
    expect_of_this_code,
    expect_of_this_store,
    expect_whole_files,
    rows_of,
    table_in,
)
from infra.archive.rows_folder import RowsTable
from infra.archive.rows_reading import RowsFolder, pages_of, totals_in
from infra.store.projected.builds import Build, ProjectionBuilds
from infra.store.projected.load_cursor import LoadCursor, load_cursor
from projections.failures import RowsRefusedError
from projections.projection import Projection
from projections.totals import Sums, Totals

ROWS_AT_ONCE = 20_000
ROWS_AT_ONCE_WITH_ONE_WRITER = 2_000
"""How many rows are loaded in one transaction. SQLite has one writer at a time, so others wait meanwhile."""


def expect_begun_from_events(builds: Sequence[Build]) -> None:
    """Raise UnfitRowsError for a build whose loading was interrupted: its events would be filled beside its rows."""
    for build in builds:
        if load_cursor(build.stream) is not None:
            raise UnfitRowsError(
                f"a rebuild of {build.projection.name} from a folder of rows was interrupted: continue it with --from "
                "and that folder, or add --anew to begin from the start, from the events"
            )


class LoadedPage(NamedTuple):
    """The build after a page of rows was loaded, and how many these are."""

    build: Build
    rows: int


class RowsLoad:
    """Loads the rows of a folder into builds. Raises UnfitRowsError and DamagedRowsError."""

    def __init__(self, waybill: Waybill, rows: RowsFolder, builds: ProjectionBuilds, max_rate: float | None):
        self._waybill = waybill
        self._rows = rows
        self._builds = builds
        most = ROWS_AT_ONCE if waybill.settings.sqlite_path is None else ROWS_AT_ONCE_WITH_ONE_WRITER
        self._at_once = int(min(most, max_rate or most))

    def bytes_to_check(self, projections: Sequence[Projection]) -> int:
        """How many bytes `expect_whole` reads."""
        return bytes_of(self._rows, projections)

    def expect_fit(self, projections: Sequence[Projection]) -> None:
        """Raise UnfitRowsError unless the folder has the rows of these projections, of this code and this store."""
        expect_of_this_code(self._rows, projections, self._waybill.settings.time_zone)
        expect_of_this_store(self._waybill, self._rows)

    def expect_whole(self, projections: Sequence[Projection], tell: Callable[[int], None]) -> None:
        """Raise DamagedRowsError unless all files are whole; `tell` gets the bytes that were read."""
        expect_whole_files(self._rows, projections, tell)

    def begin(self, projections: Sequence[Projection], *, anew: bool) -> list[Build]:
        """The builds to load: those that were begun, or new ones at the folder's position."""
        return self._builds.begin(
            projections, self._rows.manifest.position, anew=anew, cursor=lambda each: str(self._first(each))
        )

    def expect_ours(self, builds: Sequence[Build]) -> None:
        """Raise UnfitRowsError for a build that was begun in another way, and is not filled."""
        for build in builds:
            cursor = load_cursor(build.stream)
            if build.stream is None or (cursor is not None and cursor.folder == self._rows.id):
                continue
            how = "from its events" if cursor is None else "from another folder"
            raise UnfitRowsError(
                f"a rebuild of {build.projection.name} {how} was interrupted: continue that one, or add --anew to "
                "begin from the start"
            )

    def done_and_total(self, builds: Sequence[Build]) -> tuple[int, int]:
        """How many rows of these builds are loaded, and how many there are."""
        totals = [self._first(build.projection).total for build in builds]
        cursors = [load_cursor(build.stream) for build in builds]
        done = [total if cursor is None else cursor.done for cursor, total in zip(cursors, totals, strict=True)]
        return sum(done), sum(totals)

    def pages(self, build: Build) -> Iterator[LoadedPage]:
        """Load what is left of a build. Raises CheckpointMovedError."""
        stored, before = rows_of(self._rows, build.projection), 0
        for declared in build.projection.tables:
            table = table_in(self._rows, stored, declared.name)
            cursor = load_cursor(build.stream)
            assert cursor is not None, "it is being loaded"
            skip = min(max(cursor.done - before, 0), table.rows)
            for page in pages_of(self._rows, declared, table, skip, self._at_once):
                cursor = cursor._replace(done=cursor.done + page.number)
                try:
                    build = self._waybill.retry(partial(self._builds.load, build, declared, page, str(cursor)))
                except RowsRefusedError as e:
                    raise UnfitRowsError(
                        f"the store refuses rows of {declared.name} from {self._rows.folder.url}: {e.reason}. Nothing "
                        "has changed; make the folder anew, then load it with --anew"
                    ) from e
                yield LoadedPage(build, page.number)
            before += table.rows

    def expect_totals(self, build: Build, counted: Sequence[Sums]) -> None:
        """Raise UnfitRowsError unless the totals in the folder are those that were counted from the loaded rows."""
        stored = rows_of(self._rows, build.projection)
        for totals, sums in zip(build.projection.totals, counted, strict=True):
            told = self._told(totals, table_in(self._rows, stored, totals.table.name))
            differing = sorted(key for key in told.keys() | sums.keys() if told.get(key) != sums.get(key))
            if differing:
                key = ", ".join(map(str, differing[0]))
                raise UnfitRowsError(
                    f"{self._rows.folder.url} contradicts itself: for {key}, its {totals.table.name} has "
                    f"{told.get(differing[0])}, and its rows of {totals.over.name} add up to {sums.get(differing[0])}. "
                    "Nothing has changed; make the folder anew, then load it with --anew"
                )

    def _told(self, totals: Totals, stored: RowsTable) -> Sums:
        """The sums in the folder; those of zero say nothing."""
        keys = len(totals.keys)
        found = totals_in(self._rows, totals.table, stored)
        return {row[:keys]: row[keys:] for row in found if any(row[keys:])}

    def _first(self, projection: Projection) -> LoadCursor:
        """The cursor of a build of which nothing is loaded."""
        stored = rows_of(self._rows, projection)
        tables = (table_in(self._rows, stored, declared.name) for declared in projection.tables)
        return LoadCursor(self._rows.id, 0, sum(table.rows for table in tables))
