"""Rebuild of one key: the rows of one subject, with the totals to which they contribute."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from domain.operator.acts import KeyRebuilt
from domain.streams import settle_stream, stream_name
from infra.app.container import Waybill
from infra.app.rebuild.advance import stopped
from infra.app.rebuild.errors import UnknownKeyError
from infra.store.operator_log import Acting, Who
from infra.store.projected.builds import ProjectionBuilds
from infra.store.projected.earlier_builds import NothingToGoBackToError
from infra.store.projected.failures import resolve_failures
from infra.store.projected.serving import positions_of
from projections.projection import Projection, Shapable
from projections.rebuild import SubjectFailedError, shape_all
from projections.replacement import Replacement


class RebuiltKey(NamedTuple):
    """A subject's rows in one projection, rebuilt from its events up to a position."""

    projection: str
    subject_id: str
    rows: int
    position: int


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
        settled: Mapping[str, Shapable] = {stream: settle_stream(stream, facts)}
        if projection.bitemporal:
            settled = waybill.belief_settlers.reading(waybill.history).settled_up_to([stream], row.position)
        try:
            (replacement,) = shape_all([projection], settled)
        except SubjectFailedError as e:
            raise stopped(waybill.history, e, row.position) from e
    elif not builds.has_rows(connection, projection, row.build, subject_id):
        return None
    builds.writer.replace_and_recount(connection, replacement, row.build)
    resolve_failures(connection, projection, [subject_id])
    rows = sum(len(replacement.rows[table.name]) for table in projection.tables)
    return RebuiltKey(projection.name, subject_id, rows, row.position)
