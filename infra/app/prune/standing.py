"""Whether a prune may begin: how far the archive, the folder of rows and the store's own readers have come."""

from shlex import quote
from typing import NamedTuple

from sqlalchemy import Connection, select

from consumers.reactors.reactor import checkpoint_of
from domain.order.kind import ORDER
from domain.rules_version import RULES_VERSION
from infra.app.container import Waybill
from infra.app.prune.errors import CannotPruneError
from infra.app.prune.judging import ORDER_PROJECTIONS, Reached
from infra.archive.folder import ArchiveFolder, read_manifest
from infra.archive.manifest import Manifest
from infra.archive.rows_folder import RowsManifest, read_rows_manifest
from infra.beliefs.stored import kept_projections
from infra.outbox.effects import EffectsOutbox
from infra.outbox.verdicts import VerdictsOutbox
from infra.store.checkpoints import Checkpoints
from infra.store.engine import snapshot
from infra.store.projected.serving import filled_positions
from infra.store.projected.tables import projection_builds
from infra.store.pruned_commands import of_archive
from projections.catalogue import every_projection

_OF_ORDERS = frozenset(projection.name for projection in every_projection() if ORDER in projection.kinds)


class ArchiveStanding(NamedTuple):
    """The archive to prune by, what everything has reached, and what must stay: see judging.PruneTerms."""

    manifest: Manifest
    reached: Reached
    failed: frozenset[str]
    marks: frozenset[int]


def standing_of_archive(waybill: Waybill, folder: ArchiveFolder, rows_folder: ArchiveFolder) -> ArchiveStanding:
    """Where everything stands. Raises CannotPruneError, NoArchiveError, NoRowsError and OSError."""
    manifest = read_manifest(folder)
    rows = read_rows_manifest(rows_folder)
    _expect_rows(waybill, folder, manifest, rows, rows_folder)
    with snapshot(waybill.engine) as connection:
        expect_no_build(connection)
        _expect_no_beliefs(connection)
        read = _read_by_all(waybill, connection)
        begun = Checkpoints(waybill.backend, connection=connection).begun()
    notice = begun.get(VerdictsOutbox.name)
    return ArchiveStanding(
        manifest,
        Reached(manifest.position, rows.position, read, notice),
        frozenset(one.stream for one in rows.failed),
        frozenset(mark.position for mark in manifest.marks),
    )


def expect_no_build(connection: Connection) -> None:
    """Raise CannotPruneError while rows of orders are rebuilt: a rebuild reads all events."""
    c = projection_builds.c
    for name in connection.execute(
        select(c.name).where(c.served.is_(False), c.name.in_(_OF_ORDERS)).limit(1)
    ).scalars():
        raise CannotPruneError(
            f"{name} is being rebuilt, and that needs all events: let the rebuild end first (waybill rebuild {name} "
            "continues it)"
        )


def _expect_no_beliefs(connection: Connection) -> None:
    if any(projection.bitemporal for projection in kept_projections(connection)):
        raise CannotPruneError(
            "this store keeps beliefs (WAYBILL_BITEMPORAL), which follow from the events of several subjects and which "
            "no engine makes from an archive: such a store keeps all its events"
        )


def _expect_rows(
    waybill: Waybill, archive: ArchiveFolder, manifest: Manifest, rows: RowsManifest, folder: ArchiveFolder
) -> None:
    """Raise CannotPruneError unless these are whole rows of the archive, of this code's versions."""
    again = f"make them anew: waybill spark rebuild {of_archive(archive.url)} --to {quote(folder.url)}"
    if rows.archive_id != manifest.archive_id:
        raise CannotPruneError(f"the rows in {folder.url} were made of another archive; {again}")
    if rows.as_of is not None or rows.known_at is not None:
        raise CannotPruneError(
            f"the rows in {folder.url} answer a question about the past, and are no whole rows; {again}"
        )
    if rows.rules_version != RULES_VERSION:
        raise CannotPruneError(
            f"the rows in {folder.url} follow the rules of version {rows.rules_version}, and this store those of "
            f"version {RULES_VERSION}; {again}"
        )
    if rows.time_zone != waybill.settings.time_zone:
        raise CannotPruneError(
            f"the rows in {folder.url} are of the time zone {rows.time_zone}, which the archive has, and "
            f"WAYBILL_TIME_ZONE is {waybill.settings.time_zone} here: if {rows.time_zone} is right, set "
            f"WAYBILL_TIME_ZONE={rows.time_zone}; if not, archive this store anew into an empty folder and make the "
            "rows of that"
        )
    made = {projection.name: projection for projection in rows.projections}
    for projection in ORDER_PROJECTIONS:
        found = made.get(projection.name)
        if found is None or found.version != projection.version:
            has = "none" if found is None else f"version {found.version}"
            raise CannotPruneError(
                f"{folder.url} has {has} of {projection.name}, and this waybill has version {projection.version}; "
                f"{again}"
            )
        for file in (file for table in found.tables for file in table.files):
            if not folder.exists(file.path) or folder.size(file.path) != file.bytes:
                raise CannotPruneError(f"{file.path} in {folder.url} is missing or was changed; {again}")


def _read_by_all(waybill: Waybill, connection: Connection) -> int:
    """The position that all who read events have come to: projections of orders, reactors, and the relay if it runs."""
    filled = filled_positions(connection, ORDER_PROJECTIONS)
    for projection in ORDER_PROJECTIONS:
        if projection not in filled:
            raise CannotPruneError(f"{projection.name} needs a rebuild first: waybill rebuild {projection.name}")
    begun = Checkpoints(waybill.backend, connection=connection).begun()
    reactors = [checkpoint_of(reactor) for reactor in waybill.reactors()]
    for name in reactors:
        if name not in begun:
            raise CannotPruneError(f"{name} has never run on this store, so it has read no event: waybill react --once")
    relay = [EffectsOutbox.name] if EffectsOutbox.name in begun else []
    return min(*filled.values(), *(begun[name] for name in (*reactors, *relay)))
