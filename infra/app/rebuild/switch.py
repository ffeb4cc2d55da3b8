"""The end of every transaction that changes which rows serve: the analysts' names follow."""

from collections.abc import Sequence

from sqlalchemy import Connection

from infra.app.container import Waybill
from infra.app.rebuild.errors import NewerServesError
from infra.sql_views.relations import Relation, relations
from infra.sql_views.upkeep import left_out, serving_relations
from infra.store.projected.serving import live_versions


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
