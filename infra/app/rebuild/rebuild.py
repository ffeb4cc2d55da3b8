"""Rebuild: fills new rows of projections beside those in use, and takes them into use in one transaction.

1. Fill: subject by subject, in the order of their streams, up to the position at which the rebuild began. Each is read,
   settled and shaped once for all projections. A page of subjects is one transaction with the last stream's name, so a
   rebuild that was killed continues there. Several processes fill parts of the streams (workers.py). Then indexes are
   made, and totals are counted from the rows. Or rows that an engine beside the store made are loaded (load.py).
2. Catch up: batch by batch, to the newest event.
3. Take into use: one transaction brings the new rows up to the position that serves, makes them serve, and moves the
   analysts' names. The earlier rows stay, to go back to.

Projectors, queries and writers go on meanwhile, and no reactor reads any of this. A rebuild parks nothing: it stops at
the first event that a projection cannot take. See docs/decisions/021-rebuild-beside.md.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from functools import partial
from threading import Event
from time import monotonic
from typing import NamedTuple

import structlog

from domain.checkpoint import CheckpointMovedError
from domain.kind import Kind
from domain.operator.acts import ProjectionRebuilt
from infra.app.container import Waybill
from infra.app.processes import PARTS_A_PROCESS
from infra.app.rebuild.advance import Advance
from infra.app.rebuild.errors import RebuildRunsError
from infra.app.rebuild.filled_pages import filled_pages
from infra.app.rebuild.load import RowsLoad, expect_begun_from_events
from infra.app.rebuild.meter import CATCHING_UP, CHECKING, FILLING, LOADING, Meter, tell_nobody
from infra.app.rebuild.switch import expect_none_newer, serve
from infra.app.rebuild.workers import fill_in_processes
from infra.archive.rows_reading import RowsFolder
from infra.store.events.ranges import StreamRange, cut
from infra.store.operator_log import Acting, Who
from infra.store.projected.builds import Build, ProjectionBuilds
from infra.store.projected.earlier_builds import drop_earlier
from infra.store.projected.serving import positions_of
from projections.projection import Projection
from projections.rebuild import RebuildProgress, pause

ROLE = "rebuild"
EVENTS_AT_ONCE = 10_000
EVENTS_AT_ONCE_WITH_ONE_WRITER = 2_000
"""How many events are filled in one transaction. SQLite has one writer at a time, so others wait meanwhile."""
SECONDS_BETWEEN_CLAIMS = 5.0
NEEDS_ALL = "a rebuild makes rows from all events"


class Rebuilt(NamedTuple):
    """A projection whose new rows serve; `build` is the number of their tables, `position` the event they reflect."""

    projection: str
    version: int
    build: int
    position: int


class Rebuild:
    """Rebuilds projections of one store, at most at `max_rate` events a second (None: as fast as possible).

    With several `processes`, each settles and inserts subjects of its own, and this one waits for them. With `rows`,
    the rows of this folder are loaded by this process instead, and `max_rate` is about rows, too. `on_switch` is called
    when the new rows serve; what comes after that only tidies up.
    """

    def __init__(
        self,
        waybill: Waybill,
        who: Who,
        *,
        processes: int = 1,
        max_rate: float | None = None,
        rows: RowsFolder | None = None,
        tell: Callable[[RebuildProgress], None] = tell_nobody,
        on_switch: Callable[[Sequence[Rebuilt]], None] = lambda rebuilt: None,
    ):
        self._waybill = waybill
        self._history = waybill.history
        self._retry = waybill.retry
        self._who = who
        self._processes = processes
        self._max_rate = max_rate
        self._tell = tell
        self._on_switch = on_switch
        self._builds = ProjectionBuilds(waybill.engine, waybill.clock)
        self._advance = Advance(waybill, self._builds)
        self._loaded_to = 0 if rows is None else rows.manifest.position
        """Of orders that were pruned, the folder has the rows up to here."""
        self._load = None if rows is None else RowsLoad(waybill, rows, self._builds, max_rate)
        self._leadership = waybill.backend.leadership(ROLE)
        self._paced_at = monotonic()

    def run(self, projections: Sequence[Projection], *, anew: bool = False) -> list[Rebuilt]:
        """Rebuild these projections. One that was interrupted continues, unless `anew`.

        Raises RebuildStoppedError, RebuildRunsError, NewerServesError, and PrunedOrdersError; with `rows`, also
        UnfitRowsError and DamagedRowsError.
        """
        try:
            self._lead()
            with self._waybill.engine.connect() as connection:
                expect_none_newer(connection, self._waybill)
            self._retry(partial(self._history.expect_unpruned, _kinds_of(projections), NEEDS_ALL, self._loaded_to))
            builds = self._begin(projections, anew=anew)
            while True:
                try:
                    builds = self._catch_up(self._fill(builds))
                    return self._take_into_use(builds)
                except CheckpointMovedError:
                    # Another process leads now, or a transaction committed although its answer was lost.
                    self._lead()
                    builds = self._retry(lambda: self._builds.begun(projections))
                    if not builds:
                        return self._in_use(projections)
        finally:
            self._leadership.close()

    def _begin(self, projections: Sequence[Projection], *, anew: bool) -> Sequence[Build]:
        """The builds that were begun, or new ones, after all that a load demands has been checked."""
        load = self._load
        begun = [] if anew else self._retry(lambda: self._builds.begun(projections))
        if load is None:
            expect_begun_from_events(begun)
            head = self._retry(self._history.head)
            return self._retry(lambda: self._builds.begin(projections, head, anew=anew))
        load.expect_ours(begun)
        filled = [build.projection for build in begun if build.stream is None]
        loaded = [projection for projection in projections if projection not in filled]
        if loaded:
            load.expect_fit(loaded)
            load.expect_whole(loaded, partial(self._told, Meter(self._tell, CHECKING, 0, load.bytes_to_check(loaded))))
        return self._retry(lambda: load.begin(projections, anew=anew))

    def _fill(self, builds: Sequence[Build]) -> list[Build]:
        """Fill the builds, those together that continue at the same place."""
        if self._load is not None:
            return self._load_each(self._load, builds)
        groups: dict[tuple[int, str | None, tuple[StreamRange, ...], bool], list[Build]] = defaultdict(list)
        for build in builds:
            groups[build.position, build.stream, build.parts, build.projection.bitemporal].append(build)
        filled: list[Build] = []
        for (_, stream, _, _), group in groups.items():
            filled += group if stream is None else self._fill_together(group, stream)
        return filled

    def _load_each(self, load: RowsLoad, builds: Sequence[Build]) -> list[Build]:
        """Load the builds with the rows of the folder, one after another."""
        meter, self._paced_at = Meter(self._tell, LOADING, *load.done_and_total(builds)), monotonic()
        loaded: list[Build] = []
        for build in builds:
            if build.stream is not None:
                for moved, rows in load.pages(build):
                    build = moved
                    self._paced(meter, rows)
                self._retry(partial(self._builds.make_indexes, build))
                self._lead()
                (build,) = self._retry(partial(self._builds.end_filling, [build], load.expect_totals))
            loaded.append(build)
        return loaded

    def _fill_together(self, builds: Sequence[Build], stream: str) -> Sequence[Build]:
        kinds = {kind for build in builds for kind in build.projection.kinds}
        position, left = builds[0].position, builds[0].parts or (StreamRange(stream),)
        total = self._retry(lambda: self._history.count_of_kinds(kinds, position))
        events = self._retry(lambda: self._history.count_of_kinds(kinds, position, left))
        meter = Meter(self._tell, FILLING, total - events, total)
        # What is believed of an order follows from several streams, so it is not filled in parts.
        processes = 1 if builds[0].projection.bitemporal else self._processes
        if processes > 1 and not builds[0].parts:
            builds = self._retry(partial(self._cut, builds, StreamRange(stream), kinds, events, processes))
        paced, self._paced_at = partial(self._paced, meter), monotonic()
        if processes > 1:
            fill_in_processes(self._waybill.settings, builds, self._events_at_once, processes, paced, self._lead)
        elif builds[0].parts:
            for part in range(len(builds[0].parts)):
                builds = self._fill_here(builds, part, paced)
        else:
            builds = self._fill_here(builds, None, paced)
        for build in builds:
            self._retry(partial(self._builds.make_indexes, build))
            self._lead()
        return self._retry(lambda: self._builds.end_filling(builds))

    def _cut(
        self, builds: Sequence[Build], among: StreamRange, kinds: Collection[Kind], events: int, processes: int
    ) -> list[Build]:
        parts = cut(among, self._history.sizes(among, kinds), events, processes * PARTS_A_PROCESS)
        return self._builds.cut(builds, parts)

    def _fill_here(self, builds: Sequence[Build], part: int | None, paced: Callable[[int], None]) -> Sequence[Build]:
        """Fill the builds, or a part of them, in this process."""
        for moved, events in filled_pages(self._waybill, self._advance, builds, part, self._events_at_once):
            builds = moved
            paced(events)
        return builds

    @property
    def _events_at_once(self) -> int:
        """How many events are filled in one transaction: few enough for the rate, and for others to write meanwhile."""
        settings = self._waybill.settings
        at_once = min(EVENTS_AT_ONCE, settings.batch_events, self._max_rate or EVENTS_AT_ONCE)
        return int(at_once if settings.sqlite_path is None else min(at_once, EVENTS_AT_ONCE_WITH_ONE_WRITER))

    def _catch_up(self, builds: Sequence[Build]) -> list[Build]:
        """Bring the builds up to the newest event."""
        builds = list(builds)
        head = self._retry(self._history.head)
        lag = self._retry(lambda: self._history.count_after(min(build.position for build in builds)))
        meter = Meter(self._tell, CATCHING_UP, 0, lag)
        while any(build.position < head for build in builds):
            builds, events = self._retry(partial(self._advance.step, builds, head))
            self._paced(meter, events)
        return builds

    def _take_into_use(self, builds: Sequence[Build]) -> list[Rebuilt]:
        kinds = _kinds_of([build.projection for build in builds])

        def switch(acting: Acting) -> list[Build]:
            # Orders that were pruned meanwhile may be missing among the new rows.
            self._history.within(acting.connection).expect_unpruned(kinds, NEEDS_ALL, self._loaded_to)
            swapped = self._builds.take_into_use(acting.connection, builds, self._advance.bring_to)
            serve(acting.connection, self._waybill)
            for build in swapped:
                name, version = build.projection.name, build.projection.version
                acting.log(ProjectionRebuilt, projection=name, version=version, position=build.position)
            return swapped

        swapped = self._waybill.operator_log.act(self._who, switch, self._builds.hold_positions)
        rebuilt = [Rebuilt(b.projection.name, b.projection.version, b.number, b.position) for b in swapped]
        self._on_switch(rebuilt)
        for build in swapped:
            projection = build.projection
            structlog.get_logger(__name__).info(
                "projection_switched",
                projection=projection.name,
                version=projection.version,
                build=build.number,
                position=build.position,
            )
            self._retry(partial(self._drop_older, projection))
        return rebuilt

    def _drop_older(self, projection: Projection) -> None:
        """Of the rows that served before, keep only the last."""
        with self._builds.locked() as connection:
            drop_earlier(connection, projection, keep_newest=True)

    def _in_use(self, projections: Sequence[Projection]) -> list[Rebuilt]:
        """What serves, after the answer of the last transaction was lost."""
        with self._waybill.engine.connect() as connection:
            rows = positions_of(connection)
        found = [rows[projection.name, projection.version] for projection in projections]
        return [Rebuilt(row.name, row.version, row.build, row.position) for row in found]

    def _told(self, meter: Meter, number: int) -> None:
        """Tell the progress, and keep the leadership."""
        meter.add(number)
        self._lead()

    def _paced(self, meter: Meter, events: int) -> None:
        """Tell the progress, wait as long as the rate demands, and keep the leadership."""
        meter.add(events)
        while (wait := pause(events, monotonic() - self._paced_at, self._max_rate)) > 0:
            Event().wait(min(wait, SECONDS_BETWEEN_CLAIMS))
            self._lead()
        self._paced_at = monotonic()
        self._lead()

    def _lead(self) -> None:
        if not self._retry(self._leadership.claim):
            raise RebuildRunsError("another process is rebuilding on this store; it has to end first")


def _kinds_of(projections: Sequence[Projection]) -> Collection[Kind]:
    return {kind for projection in projections for kind in projection.kinds}
