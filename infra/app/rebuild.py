"""Rebuild: fills the rows of projections anew beside those in use, and takes them into use in one transaction.

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
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from threading import Event
from time import monotonic
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Connection

from domain.checkpoint import CheckpointMovedError
from domain.kind import Kind
from domain.operator.acts import ProjectionRebuilt
from domain.settling import Settling
from domain.streams import settle_stream, stream_name
from infra.app.container import Waybill
from infra.sql_views.relations import Relation, relations
from infra.sql_views.upkeep import left_out, serving_relations
from infra.store.events.history import History
from infra.store.operator_log import Acting, Who
from infra.store.projected.builds import Build, ProjectionBuilds
from infra.store.projected.serving import live_versions, positions_of
from projections.batch_settling import BatchSettler
from projections.failures import RowsRefusedError
from projections.projection import Projection
from projections.rebuild import RebuildProgress, SubjectFailedError, alone, first_failing, pause, progress, shape_all
from projections.replacement import Replacement

ROLE = "rebuild"
STREAMS_AT_ONCE = 500
EVENTS_AT_ONCE = 2_000
"""About as many events are in a page of subjects, so that it holds the store's write lock only briefly."""
SECONDS_BETWEEN_CLAIMS = 5.0
SECONDS_BETWEEN_LINES = 5.0


class RebuildStoppedError(Exception):
    """A projection cannot take an event, which the message names. Nothing has changed for those who query."""


class NewerServesError(Exception):
    """Versions of newer code serve."""


class RebuildRunsError(Exception):
    """Another process rebuilds on this store."""


class Rebuilt(NamedTuple):
    """A projection whose new rows serve; `build` is the number of their tables, `position` the event they reflect."""

    projection: str
    version: int
    build: int
    position: int


def _tell_nobody(_: RebuildProgress) -> None:
    """For callers that show no progress."""


class Rebuild:
    """Rebuilds projections of one store, at most at `max_rate` events a second (None: as fast as possible)."""

    def __init__(
        self,
        waybill: Waybill,
        who: Who,
        *,
        max_rate: float | None = None,
        tell: Callable[[RebuildProgress], None] = _tell_nobody,
    ):
        self._waybill = waybill
        self._history = waybill.history
        self._retry = waybill.retry
        self._who = who
        self._max_rate = max_rate
        self._tell = tell
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
        groups: dict[tuple[int, str | None], list[Build]] = defaultdict(list)
        for build in builds:
            groups[build.position, build.stream].append(build)
        filled: list[Build] = []
        for (up_to, stream), group in groups.items():
            filled += group if stream is None else self._fill_together(group, up_to, stream)
        return filled

    def _fill_together(self, builds: Sequence[Build], up_to: int, stream: str) -> Sequence[Build]:
        kinds = {build.projection.kind for build in builds}
        total = self._retry(lambda: self._history.count_of_kinds(kinds, up_to))
        left = self._retry(lambda: self._history.count_of_kinds(kinds, up_to, stream))
        meter = _Meter(self._tell, "filling", total - left, total)
        while page := self._page(stream, kinds):
            begun = monotonic()
            names = [name for name, _ in page]
            facts = self._retry(partial(self._history.facts_up_to, names, up_to))
            settlings = {name: settle_stream(name, filed) for name, filed in facts.items() if filed}
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
        meter = _Meter(self._tell, "catching up", 0, lag)
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
        return [Rebuilt(b.projection.name, b.projection.version, b.number, b.position) for b in swapped]

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

    def _paced(self, meter: "_Meter", events: int, begun: float) -> None:
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


class Advance:
    """Moves builds on: shapes settled subjects and writes their rows. Raises RebuildStoppedError."""

    def __init__(self, waybill: Waybill, builds: ProjectionBuilds):
        self._history: History = waybill.history
        self._batch_events = waybill.settings.batch_events
        self._builds = builds
        self._settler = BatchSettler(waybill.history)

    def fill(self, builds: Sequence[Build], settlings: Mapping[str, Settling[Any]], stream: str) -> list[Build]:
        """Add the rows of the next subjects, up to that of a stream, in one transaction."""
        up_to = builds[0].position
        replacements = self._shaped(builds, settlings, up_to)
        try:
            return self._builds.fill(builds, replacements, stream)
        except RowsRefusedError as e:
            raise self._refused(builds, replacements, e, up_to) from e

    def step(self, builds: Sequence[Build], up_to: int) -> tuple[list[Build], int]:
        """One batch in one transaction; returns the builds as they are then, and how many events it had."""
        with self._builds.locked() as connection:
            return self._move_on(connection, builds, up_to)

    def bring_to(self, connection: Connection, builds: Sequence[Build], position: int) -> Sequence[Build]:
        """Bring builds up to a position, within the connection's transaction."""
        while any(build.position < position for build in builds):
            builds, _ = self._move_on(connection, builds, position)
        return builds

    def _move_on(self, connection: Connection, builds: Sequence[Build], up_to: int) -> tuple[list[Build], int]:
        """Move the builds at the lowest position on, at most up to that of the next ones."""
        start = min(build.position for build in builds)
        group = [build for build in builds if build.position == start]
        stop = min([up_to, *(build.position for build in builds if build.position > start)])
        touched = self._history.touched_after(start, self._batch_events, stop)
        if not touched.events:
            touched = touched._replace(end=stop)
        batch = self._settler.settle(touched, start)
        replacements = self._shaped(group, batch.settlings, touched.end)
        try:
            moved = self._builds.move_on(connection, group, replacements, touched.end)
        except RowsRefusedError as e:
            raise self._refused(group, replacements, e, touched.end) from e
        self._settler.remember(batch, touched, {build.position for build in builds})
        by_name = {build.projection.name: build for build in moved}
        return [by_name.get(build.projection.name, build) for build in builds], touched.events

    def _shaped(self, builds: Sequence[Build], settlings: Mapping[str, Settling[Any]], up_to: int) -> list[Replacement]:
        try:
            return shape_all([build.projection for build in builds], settlings)
        except SubjectFailedError as e:
            raise stopped(self._history, e, up_to) from e

    def _refused(
        self, builds: Sequence[Build], replacements: Sequence[Replacement], error: RowsRefusedError, up_to: int
    ) -> RebuildStoppedError:
        """Which subject's rows the store refuses: those of each are tried alone, and rolled back."""
        for build, replacement in zip(builds, replacements, strict=True):
            for subject_id in replacement.subjects if build.projection is error.projection else ():
                reason = self._builds.reason_to_refuse(build, alone(replacement, subject_id))
                if reason is not None:
                    stream = stream_name(build.projection.kind, subject_id)
                    return stopped(self._history, SubjectFailedError(build.projection, stream, reason), up_to)
        return RebuildStoppedError(f"{error.projection.name}: {error.reason}")


def serve(connection: Connection, waybill: Waybill) -> Sequence[Relation]:
    """Move the analysts' names to what serves now, at the end of a transaction that changes it.

    Returns the relations that stay as they were: they need columns that what serves now does not have. Raises
    NewerServesError.
    """
    hold, zone = waybill.hold, waybill.settings.time_zone
    expect_none_newer(connection, waybill)
    defined = serving_relations(connection, hold, zone)
    waybill.backend.redefine(connection, defined)
    return left_out(defined, hold, zone)


def expect_none_newer(connection: Connection, waybill: Waybill) -> None:
    """Raise NewerServesError if newer code's versions serve: this code must not define the analysts' relations."""
    live = live_versions(connection, ())
    for relation in relations(waybill.hold):
        for projection in relation.projections:
            if projection.name in live and live[projection.name].version > projection.version:
                raise NewerServesError(
                    f"version {live[projection.name].version} of {projection.name} serves, this waybill has version "
                    f"{projection.version}: run the command of the newer waybill"
                )


def stopped(history: History, failed: SubjectFailedError, up_to: int) -> RebuildStoppedError:
    """The error that names the event which a projection cannot take."""
    events = [each for each in history.stream(failed.stream) if each.position <= up_to]
    index = first_failing(failed.projection, failed.stream, [each.event for each in events])
    at = events[-1] if index is None else events[index]
    return RebuildStoppedError(
        f"{failed.projection.name} cannot take the event at position {at.position} of {failed.stream} "
        f"({type(at.event).__name__} {at.event.message_id}): {failed.reason}. Nothing has changed; after the mend, run "
        "the rebuild again"
    )


class _Meter:
    """Measures and tells progress; log lines are some seconds apart."""

    def __init__(self, tell: Callable[[RebuildProgress], None], part: str, done: int, total: int):
        self._tell = tell
        self._part = part
        self._done = done
        self._total = total
        self._here = 0
        self._begun = monotonic()
        self._line_at = self._begun + SECONDS_BETWEEN_LINES
        self._log = structlog.get_logger(__name__)

    def add(self, events: int) -> None:
        self._done += events
        self._here += events
        now = monotonic()
        told = progress(self._part, self._done, self._total, self._here, now - self._begun)
        self._tell(told)
        if now >= self._line_at or self._done >= self._total:
            self._line_at = now + SECONDS_BETWEEN_LINES
            self._log.info("rebuild_progress", **told._asdict())
