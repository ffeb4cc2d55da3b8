"""Rebuild: fills new rows of projections beside those in use, and takes them into use in one transaction.

1. Fill: subject by subject, in the order of their streams, up to the position at which the rebuild began. Each is read,
   settled and shaped once for all projections. A page of subjects is one transaction with the last stream's name, so a
   rebuild that was killed continues there.
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
from infra.app.rebuild.advance import Advance
from infra.app.rebuild.errors import RebuildRunsError
from infra.app.rebuild.meter import Meter, tell_nobody
from infra.app.rebuild.switch import expect_none_newer, serve
from infra.store.operator_log import Acting, Who
from infra.store.projected.builds import Build, ProjectionBuilds
from infra.store.projected.serving import positions_of
from projections.projection import Projection
from projections.rebuild import RebuildProgress, pause

ROLE = "rebuild"
STREAMS_AT_ONCE = 500
EVENTS_AT_ONCE = 2_000
"""At most so many events are in a page of subjects, if it has more than one: it holds the write lock only briefly."""
SECONDS_BETWEEN_CLAIMS = 5.0


class Rebuilt(NamedTuple):
    """A projection whose new rows serve; `build` is the number of their tables, `position` the event they reflect."""

    projection: str
    version: int
    build: int
    position: int


class Rebuild:
    """Rebuilds projections of one store, at most at `max_rate` events a second (None: as fast as possible).

    `on_switch` is called when the new rows serve; what comes after that only tidies up.
    """

    def __init__(
        self,
        waybill: Waybill,
        who: Who,
        *,
        max_rate: float | None = None,
        tell: Callable[[RebuildProgress], None] = tell_nobody,
        on_switch: Callable[[Sequence[Rebuilt]], None] = lambda rebuilt: None,
    ):
        self._waybill = waybill
        self._history = waybill.history
        self._retry = waybill.retry
        self._who = who
        self._max_rate = max_rate
        self._tell = tell
        self._on_switch = on_switch
        self._builds = ProjectionBuilds(waybill.engine, waybill.clock)
        self._advance = Advance(waybill, self._builds)
        self._leadership = waybill.backend.leadership(ROLE)

    def run(self, projections: Sequence[Projection], *, anew: bool = False) -> list[Rebuilt]:
        """Rebuild these projections. One that was interrupted continues, unless `anew`.

        Raises RebuildStoppedError, RebuildRunsError and NewerServesError.
        """
        try:
            self._lead()
            with self._waybill.engine.connect() as connection:
                expect_none_newer(connection, self._waybill)
            head = self._retry(self._history.head)
            builds = self._retry(lambda: self._builds.begin(projections, head, anew=anew))
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

    def _fill(self, builds: Sequence[Build]) -> list[Build]:
        """Fill the builds, those together that continue after the same stream."""
        groups: dict[tuple[int, str | None, bool], list[Build]] = defaultdict(list)
        for build in builds:
            groups[build.position, build.stream, build.projection.bitemporal].append(build)
        filled: list[Build] = []
        for (up_to, stream, _), group in groups.items():
            filled += group if stream is None else self._fill_together(group, up_to, stream)
        return filled

    def _fill_together(self, builds: Sequence[Build], up_to: int, stream: str) -> Sequence[Build]:
        kinds = {kind for build in builds for kind in build.projection.kinds}
        total = self._retry(lambda: self._history.count_of_kinds(kinds, up_to))
        left = self._retry(lambda: self._history.count_of_kinds(kinds, up_to, stream))
        meter = Meter(self._tell, "filling", total - left, total)
        while page := self._page(stream, kinds):
            begun = monotonic()
            names = [name for name, _ in page]
            settlings = self._retry(partial(self._advance.settled, builds, names))
            stream = names[-1]
            builds = self._retry(partial(self._advance.fill, builds, settlings, stream))
            self._paced(meter, sum(count for _, count in page), begun)
        return self._retry(lambda: self._builds.end_filling(builds))

    def _page(self, stream: str, kinds: Collection[Kind]) -> Sequence[tuple[str, int]]:
        """The next streams with the number of their events: at least one, and few enough for one transaction."""
        found = self._retry(lambda: self._history.next_streams(stream, kinds, STREAMS_AT_ONCE))
        most = min(EVENTS_AT_ONCE, self._waybill.settings.batch_events, self._max_rate or EVENTS_AT_ONCE)
        events = 0
        for number, (_, count) in enumerate(found):
            events += count
            if number and events > most:
                return found[:number]
        return found

    def _catch_up(self, builds: Sequence[Build]) -> list[Build]:
        """Bring the builds up to the newest event."""
        builds = list(builds)
        head = self._retry(self._history.head)
        lag = self._retry(lambda: self._history.count_after(min(build.position for build in builds)))
        meter = Meter(self._tell, "catching up", 0, lag)
        while any(build.position < head for build in builds):
            begun = monotonic()
            builds, events = self._retry(partial(self._advance.step, builds, head))
            self._paced(meter, events, begun)
        return builds

    def _take_into_use(self, builds: Sequence[Build]) -> list[Rebuilt]:
        def switch(acting: Acting) -> list[Build]:
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
            self._builds.drop_old(connection, projection, keep_newest=True)

    def _in_use(self, projections: Sequence[Projection]) -> list[Rebuilt]:
        """What serves, after the answer of the last transaction was lost."""
        with self._waybill.engine.connect() as connection:
            rows = positions_of(connection)
        found = [rows[projection.name, projection.version] for projection in projections]
        return [Rebuilt(row.name, row.version, row.build, row.position) for row in found]

    def _paced(self, meter: Meter, events: int, begun: float) -> None:
        """Tell the progress, wait as long as the rate demands, and keep the leadership."""
        meter.add(events)
        wait = pause(events, monotonic() - begun, self._max_rate)
        while wait > 0:
            Event().wait(min(wait, SECONDS_BETWEEN_CLAIMS))
            wait = pause(events, monotonic() - begun, self._max_rate)
            self._lead()
        self._lead()

    def _lead(self) -> None:
        if not self._retry(self._leadership.claim):
            raise RebuildRunsError("another process is rebuilding on this store; it has to end first")
