"""Drop old: the rows that served before are dropped."""

from collections.abc import Sequence
from typing import NamedTuple

from domain.operator.acts import ProjectionVersionDropped
from infra.app.container import Waybill
from infra.store.operator_log import Acting, Who
from infra.store.projected.builds import ProjectionBuilds
from infra.store.projected.earlier_builds import drop_earlier
from projections.projection import Projection


class Dropped(NamedTuple):
    """Rows that served before and were dropped."""

    projection: str
    version: int
    build: int


def drop_old(waybill: Waybill, projections: Sequence[Projection], who: Who) -> list[Dropped]:
    """Drop the rows that served before, of these projections; what serves stays."""
    builds = ProjectionBuilds(waybill.engine, waybill.clock)

    def work(acting: Acting) -> list[Dropped]:
        done: list[Dropped] = []
        for projection in projections:
            for stored in drop_earlier(acting.connection, projection):
                done.append(Dropped(projection.name, *stored))
                acting.log(ProjectionVersionDropped, projection=projection.name, version=stored.version)
        return done

    return waybill.operator_log.act(who, work, builds.hold_positions)
