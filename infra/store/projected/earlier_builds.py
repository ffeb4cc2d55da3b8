"""Earlier builds and versions of projections: those that served before go back into use, or are dropped."""

from sqlalchemy import Connection, delete, select, update

from infra.store.projected.builds import BringTo, Build
from infra.store.projected.failures import projection_failures
from infra.store.projected.serving import live_versions, positions_of
from infra.store.projected.tables import (
    StoredVersion,
    drop_tables,
    live_projections,
    of_version,
    projection_build_parts,
    projection_builds,
    projection_positions,
)
from projections.projection import Projection


class NothingToGoBackToError(Exception):
    """There is no earlier build or version of a projection, or it cannot serve now; the message says why."""


def previous_build(connection: Connection, projection: Projection) -> Build | None:
    """The build of this code's version that can serve again, if that version is live."""
    live = live_versions(connection, (projection,))[projection.name].version
    if live != projection.version:
        return None
    c = projection_builds.c
    row = connection.execute(
        select(projection_builds).where(of_version(projection_builds, projection), c.served).order_by(c.begun_at.desc())
    ).first()
    return None if row is None else Build(projection, row.build, row.position)


def take_older_into_use(connection: Connection, projection: Projection, bring_to: BringTo) -> StoredVersion:
    """Make the version before the live one live again; the one that was needs a rebuild from then on.

    The connection holds `hold_positions`. Raises NothingToGoBackToError.
    """
    name = projection.name
    positions, live = positions_of(connection), live_versions(connection, ())[projection.name]
    older = [row for (other, version), row in positions.items() if other == name and version < live.version]
    row = max((row for row in older if row.filled), key=lambda row: row.version, default=None)
    if row is None:
        raise NothingToGoBackToError(f"{name} has no earlier build and no earlier version")
    position = row.position
    if row.version == projection.version:
        (build,) = bring_to(connection, [Build(projection, row.build, position, in_use=True)], live.position)
        position = build.position
    if position < live.position:
        raise NothingToGoBackToError(
            f"version {row.version} of {name} stands at position {position}, and version {live.version}, which "
            f"serves, at {live.position}: run waybill project --once of the waybill that has version {row.version}"
        )
    connection.execute(update(live_projections).where(live_projections.c.name == name).values(version=row.version))
    c = projection_positions.c
    connection.execute(
        update(projection_positions).where(c.name == name, c.version == live.version).values(filled=False)
    )
    return StoredVersion(row.version, row.build)


def drop_earlier(connection: Connection, projection: Projection, *, keep_newest: bool = False) -> list[StoredVersion]:
    """Drop the builds and versions that served before; with `keep_newest`, only builds older than the newest.

    The connection holds `hold_positions`.
    """
    name = projection.name
    live = live_versions(connection, (projection,))[name].version
    served = projection_builds.c
    rows = connection.execute(
        select(projection_builds).where(served.name == name, served.served).order_by(served.begun_at.desc())
    ).all()
    dropped = [StoredVersion(row.version, row.build) for row in (rows[1:] if keep_newest else rows)]
    for stored in dropped:
        connection.execute(
            delete(projection_builds).where(
                served.name == name, served.version == stored.version, served.build == stored.build
            )
        )
    if not keep_newest:
        for (other, version), row in positions_of(connection).items():
            if other == name and version != live and (version < live or not row.filled):
                for table in (projection_positions, projection_failures):
                    connection.execute(delete(table).where(table.c.name == name, table.c.version == version))
                dropped.append(StoredVersion(version, row.build))
    for stored in dropped:
        drop_tables(connection, projection, stored)
    return dropped


def forget_builds(connection: Connection, projection: Projection) -> list[StoredVersion]:
    """Forget every version and build of a projection; returns them. Their tables stay, for `drop_tables`.

    The connection holds `hold_positions`.
    """
    b = projection_builds.c
    named = select(b.version, b.build).where(b.name == projection.name)
    found = {StoredVersion(*row) for row in connection.execute(named)}
    found |= {
        StoredVersion(version, row.build)
        for (name, version), row in positions_of(connection).items()
        if name == projection.name
    }
    for table in (
        projection_builds,
        projection_build_parts,
        projection_failures,
        live_projections,
        projection_positions,
    ):
        connection.execute(delete(table).where(table.c.name == projection.name))
    return sorted(found)
