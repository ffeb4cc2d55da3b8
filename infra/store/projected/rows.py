"""The projections' rows in the store: tables, rows, totals and checkpoints, and switching to a new version."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import structlog
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Table,
    delete,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DBAPIError

from infra.store.backend import as_keys
from infra.store.bulk import BulkInsert
from infra.store.business_months import fill_business_months
from infra.store.checkpoints import compare_and_set
from infra.store.engine import LOCKED
from infra.store.projected.failures import failures_of, projection_failures, record_failures, resolve_failures
from infra.store.projected.tables import (
    live_projections,
    projection_positions,
    stored_tables,
)
from infra.store.register.tables import register_metadata
from infra.store.retries import is_the_stores_own
from projections.failures import Failure, RowsRefusedError, Standing, reason_of
from projections.projection import Projection
from projections.replacement import Replacement
from projections.table import Row
from projections.totals import Totals, sum_contributions
from projections.views.business_months import business_month_starts
from projections.views.matched_scans import matched_scans
from projections.views.untaken_messages import malformed_claims, untaken_messages

MoveNames = Callable[[Connection], None]
"""Redefines the analysts' relations over the live versions, within the connection's transaction."""


class NotFilledError(Exception):
    """A view's projection has no answer yet: its version is being filled beside an earlier one."""


class ProjectedRows:
    """Implements projections.rows.Rows on any store that SQLAlchemy reaches.

    Rows, totals and positions belong to (projection name, version). Versions that this code does not know stay as they
    are, and those that it knows are never emptied.
    """

    def __init__(self, engine: Engine, move_names: MoveNames | None = None):
        self._engine = engine
        self._move_names = move_names
        self._inserts: dict[Table, BulkInsert] = {}
        self._filling: list[Projection] = []
        self._log = structlog.get_logger(__name__)

    def create(self, projections: Sequence[Projection]) -> None:
        """Create the tables and positions of versions that the store does not have. Safe to call again.

        The first version of a projection is live at once. A later one is filled beside it, from position 0.
        """
        with self._engine.connect() as connection:
            known = _versions(connection)
        missing = [p for p in projections if (p.name, p.version) not in known]
        if missing:
            with self._locked() as connection:
                self._create(connection, missing)
        with self._engine.connect() as connection:
            known = _versions(connection)
        self._filling = [p for p in projections if not known[p.name, p.version]]
        self.switch_filled()

    def _create(self, connection: Connection, projections: Sequence[Projection]) -> None:
        known = _versions(connection)
        for projection in projections:
            if (projection.name, projection.version) in known:
                continue  # another process was first
            first = all(name != projection.name for name, _ in known)
            for stored in stored_tables(projection).values():
                stored.create(connection, checkfirst=True)
            connection.execute(
                insert(projection_positions).values(
                    name=projection.name, version=projection.version, position=0, paused=False, filled=first
                )
            )
            if first:
                connection.execute(insert(live_projections).values(name=projection.name, version=projection.version))

    def positions(self, projections: Iterable[Projection]) -> dict[str, int]:
        with self._engine.connect() as connection:
            return positions_seen(connection, projections)

    def standings(self, projections: Iterable[Projection]) -> dict[str, Standing]:
        projections = list(projections)
        with self._engine.connect() as connection:
            rows = connection.execute(select(projection_positions)).all()
            failures = failures_of(connection, projections)
        stands = {(row.name, row.version): row for row in rows}
        return {
            p.name: Standing(row.position, row.paused, failures.get(p.name, {}))
            if (row := stands.get((p.name, p.version))) is not None
            else Standing()
            for p in projections
        }

    def replace(self, replacements: Sequence[Replacement], start: int, end: int) -> None:
        with self._locked() as connection:
            for replacement in replacements:
                projection = replacement.projection
                self._move(connection, projection, start, end)
                if replacement.subjects:
                    self._replace(connection, replacement)
                if replacement.resolved:
                    resolve_failures(connection, projection, replacement.resolved)
                if replacement.failed:
                    record_failures(connection, projection, replacement.failed)
        if self._filling:
            self.switch_filled()

    def try_out(self, replacement: Replacement) -> None:
        with self._engine.execution_options(**{LOCKED: True}).connect() as connection, connection.begin() as trial:
            try:
                self._replace(connection, replacement)
            finally:
                trial.rollback()

    def stop(self, projection: Projection, failure: Failure) -> None:
        with self._locked() as connection:
            resolve_failures(connection, projection, [failure.key])
            record_failures(connection, projection, [failure])

    def set_paused(self, projection: Projection, paused: bool) -> None:
        """Pause a projection at its position, or resume it. The choice is stored."""
        with self._locked() as connection:
            connection.execute(update(projection_positions).where(_is(projection)).values(paused=paused))

    def switch_filled(self) -> None:
        """Make new versions live that have caught up with the live ones; their names move in the same transaction.

        A switch that waits too long for readers is retried with the next batch.
        """
        for projection in list(self._filling):
            try:
                with self._locked() as connection:
                    if not _has_come_as_far(connection, projection):
                        continue
                    _make_live(connection, projection)
                    if self._move_names is not None:
                        self._move_names(connection)
            except DBAPIError as e:
                self._log.warning(
                    "projection_not_switched",
                    projection=projection.name,
                    version=projection.version,
                    reason=str(e.orig).splitlines()[0],
                )
                return
            self._filling.remove(projection)
            self._log.info("projection_switched", projection=projection.name, version=projection.version)

    def live(self, projections: Iterable[Projection]) -> bool:
        """Whether the analysts' names point to these versions."""
        with self._engine.connect() as connection:
            return all_live(connection, projections)

    def drop(self, projection: Projection) -> None:
        """Drop a version that is not live: its tables and its checkpoint. Raises ValueError if it is live."""
        with self._locked() as connection:
            if all_live(connection, [projection]):
                raise ValueError(f"version {projection.version} of {projection.name} is live")
            for table in stored_tables(projection).values():
                table.drop(connection, checkfirst=True)
            connection.execute(delete(projection_positions).where(_is(projection)))
            failing = projection_failures.c
            connection.execute(
                delete(projection_failures).where(
                    failing.name == projection.name, failing.version == projection.version
                )
            )

    def _replace(self, connection: Connection, replacement: Replacement) -> None:
        try:
            self._replace_rows(connection, replacement)
        except Exception as e:
            if is_the_stores_own(e):
                raise
            raise RowsRefusedError(replacement.projection, reason_of(e)) from e

    def _replace_rows(self, connection: Connection, replacement: Replacement) -> None:
        projection = replacement.projection
        stored = stored_tables(projection)
        old = [
            _old_contributing(connection, totals, stored[totals.over], replacement.subjects)
            for totals in projection.totals
        ]
        for table in projection.tables:
            kept = stored[table]
            subject = kept.c[table.subject]
            connection.execute(delete(kept).where(_is_among(subject, connection)), _listed(replacement.subjects))
            self._insert(kept)(connection, replacement.rows[table.name])
        for totals, before in zip(projection.totals, old, strict=True):
            after = [row for row in replacement.rows[totals.over.name] if row.valid_to is None]  # type: ignore[attr-defined]
            _add(connection, totals, stored[totals.table], sum_contributions(totals, before, after))

    def _insert(self, table: Table) -> BulkInsert:
        found = self._inserts.get(table)
        if found is None:
            found = self._inserts[table] = BulkInsert(table, self._engine)
        return found

    def _move(self, connection: Connection, projection: Projection, start: int, end: int) -> None:
        compare_and_set(connection, projection_positions, _is(projection), start, end, projection.name)

    def _locked(self) -> Any:
        return self._engine.execution_options(**{LOCKED: True}).begin()


def rows_of_one_question(engine: Engine, projections: Sequence[Projection], zone: str) -> ProjectedRows:
    """Rows in a temporary database for one query, without migrations, and the months of a zone."""
    register_metadata.create_all(engine, [projection_positions, live_projections, projection_failures])
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


def positions_seen(connection: Connection, projections: Iterable[Projection]) -> dict[str, int]:
    """The position of each projection, as seen by the connection's transaction; 0 for one that has not begun."""
    found = _positions(connection)
    return {p.name: found[p.name, p.version].position if (p.name, p.version) in found else 0 for p in projections}


def filled_positions(connection: Connection, projections: Iterable[Projection]) -> dict[Projection, int]:
    """The positions of those versions that are filled, as seen by the connection's transaction."""
    found = _positions(connection)
    rows = ((projection, found.get((projection.name, projection.version))) for projection in projections)
    return {projection: row.position for projection, row in rows if row is not None and row.filled}


def answering_position(connection: Connection, projections: Iterable[Projection]) -> int:
    """The position that all these projections reflect, as seen by the connection's transaction.

    Raises NotFilledError for a version that is not filled yet: its rows have gaps.
    """
    found = _positions(connection)
    reached: list[int] = []
    for projection in projections:
        row = found.get((projection.name, projection.version))
        if row is None or not row.filled:
            raise NotFilledError(_not_filled(projection, found))
        reached.append(row.position)
    return min(reached)


def _not_filled(projection: Projection, found: Mapping[tuple[str, int], Any]) -> str:
    row = found.get((projection.name, projection.version))
    earlier = any(name == projection.name and other.filled for (name, _), other in found.items())
    return (
        f"{projection.name} is being filled in version {projection.version} and stands at position "
        f"{0 if row is None else row.position}: run waybill project, and ask again when waybill status no longer says "
        "filling"
    ) + ("; a waybill of the version before answers meanwhile" if earlier else "")


class LiveVersion(NamedTuple):
    """The version of a projection that people query, and the position that its rows reflect."""

    version: int
    position: int


def live_versions(connection: Connection, projections: Iterable[Projection]) -> Mapping[str, LiveVersion]:
    """The live version of each projection by name, as seen by the connection's transaction.

    Raises NotFilledError for a projection that the store does not have yet.
    """
    positions = _positions(connection)
    live = {row.name: row.version for row in connection.execute(select(live_projections))}
    for projection in projections:
        if projection.name not in live:
            raise NotFilledError(_not_filled(projection, positions))
    return {name: LiveVersion(version, positions[name, version].position) for name, version in live.items()}


def all_live(connection: Connection, projections: Iterable[Projection]) -> bool:
    """Whether the analysts' names point to these versions, as seen by the connection's transaction."""
    live = {(row.name, row.version) for row in connection.execute(select(live_projections))}
    return live >= {(projection.name, projection.version) for projection in projections}


def _positions(connection: Connection) -> dict[tuple[str, int], Any]:
    return {(row.name, row.version): row for row in connection.execute(select(projection_positions))}


def _versions(connection: Connection) -> dict[tuple[str, int], bool]:
    """Every projection version in the store, and whether it is filled."""
    return {key: bool(row.filled) for key, row in _positions(connection).items()}


def _is(projection: Projection) -> ColumnElement[bool]:
    c = projection_positions.c
    return (c.name == projection.name) & (c.version == projection.version)


def _has_come_as_far(connection: Connection, projection: Projection) -> bool:
    """Whether a version has caught up with the live one, so that no answer goes back."""
    live = connection.execute(
        select(projection_positions.c.position)
        .join(
            live_projections,
            (live_projections.c.name == projection_positions.c.name)
            & (live_projections.c.version == projection_positions.c.version),
        )
        .where(projection_positions.c.name == projection.name)
    ).scalar_one_or_none()
    reached = connection.execute(select(projection_positions.c.position).where(_is(projection))).scalar_one()
    return live is None or bool(reached >= live)


def _make_live(connection: Connection, projection: Projection) -> None:
    """Mark the version as filled; it is live from now on, unless a later version is."""
    connection.execute(update(projection_positions).where(_is(projection)).values(filled=True))
    connection.execute(
        update(live_projections)
        .where(live_projections.c.name == projection.name, live_projections.c.version < projection.version)
        .values(version=projection.version)
    )


def _old_contributing(connection: Connection, totals: Totals, over: Table, subjects: Sequence[str]) -> Sequence[Any]:
    seen = [over.c[name] for name in totals.looks_at]
    return connection.execute(
        select(*seen).where(over.c.valid_to.is_(None), _is_among(over.c[totals.over.subject], connection)),
        _listed(subjects),
    ).all()


def _add(connection: Connection, totals: Totals, table: Table, changes: Mapping[Row, tuple[int, ...]]) -> None:
    if not changes:
        return
    upsert = (sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert)(table)
    added = {name: table.c[name] + upsert.excluded[name] for name in totals.measures}
    connection.execute(
        upsert.on_conflict_do_update(index_elements=list(totals.keys), set_=added),
        [dict(zip(totals.table.names, (*key, *change), strict=True)) for key, change in sorted(changes.items())],
    )


def _is_among(subject: Column[Any], connection: Connection) -> ColumnElement[bool]:
    """A condition that the subject is in the list from `_listed`: one parameter for any number of subjects."""
    values = (
        "json_each(:subjects)"
        if connection.dialect.name == "sqlite"
        else "json_array_elements_text(CAST(:subjects AS json))"
    )
    return subject.in_(text(f"SELECT value FROM {values}"))


def _listed(subjects: Sequence[str]) -> dict[str, str]:
    return {"subjects": as_keys(subjects)}
