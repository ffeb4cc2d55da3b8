"""The projections' rows in the store: tables, rows, totals and checkpoints, as the runner keeps them up to date."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine, Executable, Select, bindparam, insert, or_, select, update

from domain.checkpoint import CheckpointMovedError
from infra.store.backend import Backend
from infra.store.business_months import fill_business_months
from infra.store.engine import ASYNCHRONOUS_COMMIT, LOCKED, each_statement_alone
from infra.store.events.history import head_seen
from infra.store.pauses import pauses
from infra.store.projected.failures import projection_failures, record_failures, resolve_failures
from infra.store.projected.serving import all_live, positions_of, positions_seen
from infra.store.projected.tables import live_projections, projection_positions, stored_tables
from infra.store.projected.writing import RowWriter
from infra.store.register.tables import register_metadata
from projections.failures import Failure, Standing
from projections.projection import Projection
from projections.replacement import Replacement
from projections.views.business_months import business_month_starts
from projections.views.matched_scans import matched_scans
from projections.views.untaken_messages import malformed_claims, untaken_messages


class ProjectedRows:
    """Implements projections.rows.Rows on any store that SQLAlchemy reaches.

    Rows, totals and positions belong to (projection name, version). Versions that this code does not know stay as they
    are, and those that it knows are never emptied. Rows are written to the build that is in use (see builds.py).
    """

    def __init__(self, engine: Engine):
        self._engine = engine
        self._writer = RowWriter(engine)

    def create(self, projections: Sequence[Projection]) -> None:
        """Create the tables and positions of projections that the store does not have. Safe to call again.

        The first version of a projection is live at once. A later one is filled by a rebuild, beside the live one.
        """
        with self._engine.connect() as connection:
            known = {name for name, _ in positions_of(connection)}
        missing = [projection for projection in projections if projection.name not in known]
        if missing:
            with self._locked() as connection:
                self._create(connection, missing)

    def create_in_empty_store(self, projections: Sequence[Projection], backend: Backend) -> None:
        """The same, unless the store has events: then only a rebuild can fill them."""
        with self._engine.connect() as connection:
            empty = not head_seen(connection, backend)
        if empty:
            self.create(projections)

    def _create(self, connection: Connection, projections: Sequence[Projection]) -> None:
        known = {name for name, _ in positions_of(connection)}
        for projection in projections:
            if projection.name in known:
                continue  # another process was first
            for stored in stored_tables(projection).values():
                stored.create(connection, checkfirst=True)
            key = {"name": projection.name, "version": projection.version}
            connection.execute(insert(projection_positions).values(**key, position=0, filled=True))
            connection.execute(insert(live_projections).values(**key))

    def positions(self, projections: Iterable[Projection]) -> dict[str, int]:
        with self._engine.connect() as connection:
            return positions_seen(connection, projections)

    def standings(self, projections: Iterable[Projection]) -> dict[str, Standing]:
        with each_statement_alone(self._engine).connect() as connection:
            rows = connection.execute(_STANDINGS).all()
        stands: dict[tuple[str, int], Standing] = {}
        failures: dict[tuple[str, int], dict[str, Failure]] = defaultdict(dict)
        for name, version, position, filled, paused, *failure in rows:
            if failure[0] is not None:
                failures[name, version][failure[0]] = Failure(*failure)
            stands[name, version] = Standing(position, bool(paused), failures[name, version], filled=bool(filled))
        return {p.name: stands.get((p.name, p.version), Standing(filled=False)) for p in projections}

    def replace(self, replacements: Sequence[Replacement], start: int, end: int) -> None:
        with self._locked(ASYNCHRONOUS_COMMIT) as connection:
            # From here on, no rebuild can take another build into use.
            builds = _move(connection, [replacement.projection for replacement in replacements], start, end)
            self._writer.replace_together(
                connection, [(each, builds[each.projection.name]) for each in replacements if each.subjects]
            )
            for replacement in replacements:
                projection = replacement.projection
                if replacement.resolved:
                    resolve_failures(connection, projection, replacement.resolved)
                if replacement.failed:
                    record_failures(connection, projection, replacement.failed)

    def try_out(self, replacement: Replacement) -> None:
        projection = replacement.projection
        with self._engine.execution_options(**{LOCKED: True}).connect() as connection, connection.begin() as trial:
            try:
                build = positions_of(connection)[projection.name, projection.version].build
                self._writer.replace(connection, replacement, build)
            finally:
                trial.rollback()

    def stop(self, projection: Projection, failure: Failure) -> None:
        with self._locked() as connection:
            resolve_failures(connection, projection, [failure.key])
            record_failures(connection, projection, [failure])

    def live(self, projections: Iterable[Projection]) -> bool:
        """Whether the analysts' names point to these versions."""
        with self._engine.connect() as connection:
            return all_live(connection, projections)

    def _locked(self, *options: str) -> Any:
        return self._engine.execution_options(**dict.fromkeys((LOCKED, *options), True)).begin()


def rows_of_one_question(engine: Engine, projections: Sequence[Projection], zone: str) -> ProjectedRows:
    """Rows in a temporary database for one query, without migrations, and the months of a zone."""
    register_metadata.create_all(engine, [projection_positions, live_projections, projection_failures, pauses])
    for table in (untaken_messages, malformed_claims):
        table.create(engine)
        with engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE INDEX {table.name}_by_order ON {table.name} (order_id)")
    business_month_starts.create(engine)
    with engine.begin() as connection:
        fill_business_months(connection, zone)
    matched_scans.create(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE INDEX {matched_scans.name}_by_scan ON {matched_scans.name} (scan)")
    rows = ProjectedRows(engine)
    rows.create(projections)
    return rows


def _move(connection: Connection, projections: Sequence[Projection], start: int, end: int) -> Mapping[str, int]:
    """Move the positions of these projections together; returns the builds in use, by name.

    Raises CheckpointMovedError, naming those that are no longer at `start`.
    """
    moving = _moving(*((projection.name, projection.version) for projection in projections))
    builds = {row.name: row.build for row in connection.execute(moving, {"start": start, "end": end})}
    moved = [projection.name for projection in projections if projection.name not in builds]
    if moved:
        raise CheckpointMovedError(f"another process has moved {', '.join(moved)} on from {start}")
    return builds


@cache
def _moving(*versions: tuple[str, int]) -> Executable:
    c = projection_positions.c
    these = or_(*((c.name == name) & (c.version == version) for name, version in versions))
    moving = update(projection_positions).where(these, c.position == bindparam("start"))
    return moving.values(position=bindparam("end")).returning(c.name, c.build)


def _standings() -> Select[Any]:
    """One row for each version of a projection, or for each of its failures: one statement, because every step asks."""
    p, f = projection_positions.c, projection_failures.c
    failed = (f.name == p.name) & (f.version == p.version)
    return select(
        *(p.name, p.version, p.position, p.filled, pauses.c.name.is_not(None)),
        *(f[name] for name in Failure._fields),
    ).select_from(
        projection_positions.outerjoin(pauses, pauses.c.name == p.name).outerjoin(projection_failures, failed)
    )


_STANDINGS = _standings()
