"""Advance: moves the builds of a rebuild on, and names the event that a projection cannot take."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from domain.derived import facts_among
from domain.kind import Kind
from domain.streams import settle_stream, stream_name
from infra.app.container import Waybill
from infra.app.rebuild.errors import RebuildStoppedError
from infra.store.events.history import History
from infra.store.events.ranges import StreamRange
from infra.store.projected.builds import Build, ProjectionBuilds
from projections.batch_settling import BatchSettler, Settler
from projections.failures import RowsRefusedError
from projections.projection import Shapable
from projections.rebuild import SubjectFailedError, alone, first_failing, shape_all
from projections.replacement import Replacement

STREAMS_AT_ONCE = 2_500
STREAMS_AT_ONCE_OF_BELIEFS = 500


class Page(NamedTuple):
    """Subjects whose streams follow one another, settled; how many events they have, and the last of the streams."""

    settlings: Mapping[str, Shapable]
    events: int
    last: str


class Advance:
    """Moves builds on: shapes settled subjects and writes their rows. Raises RebuildStoppedError."""

    def __init__(self, waybill: Waybill, builds: ProjectionBuilds):
        self._history: History = waybill.history
        self._batch_events = waybill.settings.batch_events
        self._builds = builds
        self._settler = BatchSettler(waybill.history)
        self._belief_settlers = waybill.belief_settlers

    def next_page(self, builds: Sequence[Build], among: StreamRange, most: int) -> Page | None:
        """The first subjects of a range as they are at the builds' position; None if it has no more.

        They have at most `most` events, unless the first one alone has more.
        """
        up_to, bitemporal = builds[0].position, builds[0].projection.bitemporal
        kinds = {kind for build in builds for kind in build.projection.kinds}
        # The names come first, from the index alone. With one statement and a limit of events, PostgreSQL would sort
        # all that is left of the range for each page.
        at_once = STREAMS_AT_ONCE_OF_BELIEFS if bitemporal else STREAMS_AT_ONCE
        names: list[str] = []
        events = 0
        for name, count in self._history.next_streams(among.after, kinds, at_once, among.until):
            if names and events + count > most:
                break
            names.append(name)
            events += count
        if not names:
            return None
        if bitemporal:
            settled = self._belief_settlers.reading(self._history).settled_up_to(names, up_to)
        else:
            settled = self._settled(StreamRange(among.after, names[-1]), kinds, up_to)
        return Page(settled, events, names[-1])

    def _settled(self, among: StreamRange, kinds: Collection[Kind], up_to: int) -> Mapping[str, Shapable]:
        streams = self._history.streams_within(among, kinds, up_to)
        return {stream: settle_stream(stream, facts_among(events)) for stream, events in streams.items()}

    def fill(self, builds: Sequence[Build], page: Page, part: int | None = None) -> list[Build]:
        """Add the rows of the next subjects, of a part if the builds are cut, in one transaction."""
        up_to = builds[0].position
        replacements = self._shaped(builds, page.settlings, up_to)
        try:
            return self._builds.fill(builds, replacements, page.last, part)
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
        lowest = [build for build in builds if build.position == start]
        bitemporal = lowest[0].projection.bitemporal
        group = [build for build in lowest if build.projection.bitemporal == bitemporal]
        stop = min([up_to, *(build.position for build in builds if build.position > start)])
        touched = self._history.touched_after(start, self._batch_events, stop)
        if not touched.events:
            touched = touched._replace(end=stop)
        settler: Settler = self._settler
        if bitemporal:
            settler = self._belief_settlers.within(connection, group[0].number)
        batch = settler.settle(touched, start)
        replacements = self._shaped(group, batch.settlings, touched.end)
        try:
            moved = self._builds.move_on(connection, group, replacements, touched.end)
        except RowsRefusedError as e:
            raise self._refused(group, replacements, e, touched.end) from e
        settler.remember(batch, touched, {build.position for build in builds})
        by_name = {build.projection.name: build for build in moved}
        return [by_name.get(build.projection.name, build) for build in builds], touched.events

    def _shaped(self, builds: Sequence[Build], settlings: Mapping[str, Shapable], up_to: int) -> list[Replacement]:
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


def stopped(history: History, failed: SubjectFailedError, up_to: int) -> RebuildStoppedError:
    """The error that names the event which a projection cannot take."""
    events = [each for each in history.stream(failed.stream) if each.position <= up_to]
    index = None
    if not failed.projection.bitemporal:
        index = first_failing(failed.projection, failed.stream, [each.event for each in events])
    at = events[-1] if index is None else events[index]
    return RebuildStoppedError(
        f"{failed.projection.name} cannot take the event at position {at.position} of {failed.stream} "
        f"({type(at.event).__name__} {at.event.message_id}): {failed.reason}. Nothing has changed; after the fix, run "
        "the rebuild again"
    )
