"""Bitemporal: a store no longer keeps what was believed of each order, and when.

It begins to with a rebuild of the bitemporal projections: every process keeps them up to date once the store has them.
See docs/decisions/027-belief-periods.md.
"""

from typing import NamedTuple

from domain.operator.acts import ProjectionVersionDropped
from infra.app.container import Waybill
from infra.app.rebuild.switch import serve
from infra.sql_views.relations import belief_relations
from infra.store.operator_log import Acting, Who
from infra.store.projected.builds import ProjectionBuilds
from infra.store.projected.earlier_builds import forget_builds
from infra.store.projected.tables import drop_tables
from projections.catalogue import BITEMPORAL


class BeliefsDropped(NamedTuple):
    """A version of a bitemporal projection, with all its rows, that the store no longer has."""

    projection: str
    version: int


def drop_beliefs(waybill: Waybill, who: Who) -> list[BeliefsDropped]:
    """Drop all beliefs; the functions that read them say so from then on. Nothing happens if there are none."""
    builds = ProjectionBuilds(waybill.engine, waybill.clock)

    def work(acting: Acting) -> list[BeliefsDropped]:
        found = {projection: forget_builds(acting.connection, projection) for projection in BITEMPORAL}
        if any(found.values()):
            serve(acting.connection, waybill)
            waybill.backend.remove(acting.connection, belief_relations())
        dropped = []
        for projection, stored in found.items():
            for one in stored:
                drop_tables(acting.connection, projection, one)
            for version in sorted({one.version for one in stored}):
                acting.log(ProjectionVersionDropped, projection=projection.name, version=version)
                dropped.append(BeliefsDropped(projection.name, version))
        return dropped

    return waybill.operator_log.act(who, work, builds.hold_positions)
