"""After a rebuild: going back to the earlier rows, dropping them, and rebuilding one subject."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from domain.checkpoint import CheckpointMovedError
from domain.operator.acts import KeyRebuilt, ProjectionSetBack, ProjectionVersionDropped
from domain.streams import settle_stream, stream_name
from infra.app.container import Waybill
from infra.app.rebuild import Advance, serve, stopped
from infra.store.operator_log import Acting, Who
from infra.store.projected.builds import NothingToGoBackToError, ProjectionBuilds
from infra.store.projected.failures import resolve_failures
from infra.store.projected.serving import live_versions, positions_of
from projections.projection import Projection
from projections.rebuild import SubjectFailedError, shape_all
from projections.replacement import Replacement


class SetBack(NamedTuple):
    """A projection whose earlier rows serve again: those of this version and build, up to this position."""

    projection: str
    version: int
    build: int
    position: int


class Dropped(NamedTuple):
    """Rows that served before and were dropped."""

    projection: str
    version: int
    build: int


class RebuiltKey(NamedTuple):
    """A subject's rows in one projection, rebuilt from its events up to a position."""

    projection: str
    subject_id: str
    rows: int
    position: int


class UnknownKeyError(Exception):
    """No projection has a subject with this id, neither events nor rows."""


def set_back(waybill: Waybill, projections: Sequence[Projection], who: Who) -> list[SetBack]:
    """Make the rows serve that served before the last rebuild of each projection; its own rows stay.

    If the version was rebuilt before, these are its earlier rows, brought up to the position that serves. Otherwise
    they are those of the version before: the one that served needs a rebuild from then on. All or none, in one
    transaction. Raises NothingToGoBackToError, and CheckpointMovedError if another process acts meanwhile.
    """
    builds = ProjectionBuilds(waybill.engine, waybill.clock)
    advance = Advance(waybill, builds)
    expected = waybill.retry(partial(_choices, waybill, builds, projections))
    for projection in projections:
        # Most of the catching up: the transaction that switches holds up projectors.
        previous = waybill.retry(partial(builds.previous, projection))
        head = waybill.retry(waybill.history.head)
        while previous is not None and previous.position < head:
            (previous,), _ = waybill.retry(partial(advance.step, [previous], head))

    def work(acting: Acting) -> list[SetBack]:
        connection, done = acting.connection, []
        for projection in projections:
            if _choice(connection, builds, projection) != expected[projection.name]:
                raise CheckpointMovedError(f"another process has changed which rows of {projection.name} serve")
            previous = builds.previous_seen(connection, projection)
            if previous is not None:
                builds.take_into_use(connection, [previous], advance.bring_to)
            else:
                builds.take_older_into_use(connection, projection, advance.bring_to)
            live = live_versions(connection, (projection,))[projection.name]
            done.append(SetBack(projection.name, live.version, live.build, live.position))
            acting.log(ProjectionSetBack, projection=projection.name, version=live.version, position=live.position)
        left = serve(connection, waybill)
        names = {projection.name for projection in projections}
        broken = [relation.name for relation in left if names & {p.name for p in relation.projections}]
        if broken:
            raise NothingToGoBackToError(
                f"the earlier rows lack columns that {', '.join(broken)} of this waybill shows: "
                "run the same command with the waybill of the version before"
            )
        return done

    return waybill.operator_log.act(who, work, builds.hold_positions)


def drop_old(waybill: Waybill, projections: Sequence[Projection], who: Who) -> list[Dropped]:
    """Drop the rows that served before, of these projections; what serves stays."""
    builds = ProjectionBuilds(waybill.engine, waybill.clock)

    def work(acting: Acting) -> list[Dropped]:
        done: list[Dropped] = []
        for projection in projections:
            for stored in builds.drop_old(acting.connection, projection):
                done.append(Dropped(projection.name, *stored))
                acting.log(ProjectionVersionDropped, projection=projection.name, version=stored.version)
        return done

    return waybill.operator_log.act(who, work, builds.hold_positions)


def rebuild_key(waybill: Waybill, projections: Sequence[Projection], subject_id: str, who: Who) -> list[RebuiltKey]:
    """Rebuild the rows of one subject where its kind has some, with the totals to which they contribute.

    Each projection's at its own position, all in one transaction. Raises UnknownKeyError, RebuildStoppedError, and
    NothingToGoBackToError for a version that needs a whole rebuild.
    """
    builds = ProjectionBuilds(waybill.engine, waybill.clock)

    def work(acting: Acting) -> list[RebuiltKey]:
        found = [_rebuild_key(acting.connection, waybill, builds, each, subject_id) for each in projections]
        done = [rebuilt for rebuilt in found if rebuilt is not None]
        if not done:
            kinds = ", ".join(sorted({projection.kind.prefix for projection in projections}))
            raise UnknownKeyError(f"there is no {kinds} {subject_id}, neither events nor rows")
        for each in done:
            acting.log(KeyRebuilt, projection=each.projection, subject_id=subject_id, position=each.position)
        return done

    return waybill.operator_log.act(who, work, builds.hold_positions)


class _Choice(NamedTuple):
    """What serves, and the build to which one can go back."""

    version: int
    build: int
    previous: int | None


def _choices(waybill: Waybill, builds: ProjectionBuilds, projections: Sequence[Projection]) -> dict[str, _Choice]:
    with waybill.engine.connect() as connection:
        return {projection.name: _choice(connection, builds, projection) for projection in projections}


def _choice(connection: Connection, builds: ProjectionBuilds, projection: Projection) -> _Choice:
    live = live_versions(connection, (projection,))[projection.name]
    previous = builds.previous_seen(connection, projection)
    return _Choice(live.version, live.build, None if previous is None else previous.number)


def _rebuild_key(
    connection: Connection, waybill: Waybill, builds: ProjectionBuilds, projection: Projection, subject_id: str
) -> RebuiltKey | None:
    row = positions_of(connection).get((projection.name, projection.version))
    if row is None or not row.filled:
        raise NothingToGoBackToError(f"{projection.name} needs a rebuild as a whole: waybill rebuild {projection.name}")
    stream = stream_name(projection.kind, subject_id)
    facts = waybill.history.facts_up_to([stream], row.position)[stream]
    replacement = Replacement(projection, [subject_id])
    if facts:
        try:
            (replacement,) = shape_all([projection], {stream: settle_stream(stream, facts)})
        except SubjectFailedError as e:
            raise stopped(waybill.history, e, row.position) from e
    elif not builds.has_rows(connection, projection, row.build, subject_id):
        return None
    builds.writer.replace_and_recount(connection, replacement, row.build)
    resolve_failures(connection, projection, [subject_id])
    rows = sum(len(replacement.rows[table.name]) for table in projection.tables)
    return RebuiltKey(projection.name, subject_id, rows, row.position)
