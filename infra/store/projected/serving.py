"""Which version of a projection answers, from which build's tables, as one transaction sees it.

This code's own version answers if it is filled. If it is not (a changed shape before its rebuild), the live version
answers, as long as its tables have every column that the query needs.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Select, Table, inspect, select
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.visitors import iterate

from infra.store.pauses import stored_pauses
from infra.store.projected.tables import (
    Question,
    StoredVersion,
    live_projections,
    over_stored_tables,
    projection_positions,
    stored_tables,
    tables_at,
)
from projections.projection import Projection
from projections.table import RowTable
from projections.views.tables import table_of


class NotFilledError(Exception):
    """A projection has no answer yet; the message says what to do."""


class LiveVersion(NamedTuple):
    """The version of a projection that people query, the position that its rows reflect, and the build in use."""

    version: int
    position: int
    build: int = 0

    @property
    def stored(self) -> StoredVersion:
        return StoredVersion(self.version, self.build)


@dataclass(frozen=True)
class Answering:
    """The versions that answer for these projections, by name, and the position that all of them reflect."""

    connection: Connection
    projections: Sequence[Projection]
    stored: Mapping[str, StoredVersion]
    position: int

    def over(self, question: Question) -> Question:
        """The query on the tables that answer. Raises NotFilledError if they lack a column that it needs."""
        missing = missing_columns(self.connection, lambda: question, self.projections, self.stored)
        for projection, columns in missing.items():
            raise NotFilledError(
                f"version {self.stored[projection.name].version} of {projection.name} serves and has no "
                f"{', '.join(columns)}, which version {projection.version} adds: run waybill rebuild {projection.name}"
            )
        return over_stored_tables(question, self.projections, self.stored)


def answering(connection: Connection, projections: Iterable[Projection]) -> Answering:
    """What answers for these projections. Raises NotFilledError if the store has no filled version of one."""
    found = positions_of(connection)
    live: Mapping[str, int] | None = None
    stored: dict[str, StoredVersion] = {}
    reached: list[int] = []
    projections = list(projections)
    for projection in projections:
        row = found.get((projection.name, projection.version))
        if row is None or not row.filled:
            live = _live(connection) if live is None else live
            row = found.get((projection.name, live.get(projection.name, projection.version)))
        if row is None or not row.filled:
            raise NotFilledError(
                f"{projection.name} has not been filled in version {projection.version}: "
                f"run waybill rebuild {projection.name}"
            )
        stored[projection.name] = StoredVersion(row.version, row.build)
        reached.append(row.position)
    return Answering(connection, projections, stored, min(reached))


def answering_position(connection: Connection, projections: Iterable[Projection]) -> int:
    """The position that all these projections reflect, as seen by the connection's transaction."""
    return answering(connection, projections).position


def missing_columns(
    connection: Connection,
    question: Callable[[], ClauseElement],
    projections: Iterable[Projection],
    stored: Mapping[str, StoredVersion],
) -> Mapping[Projection, Sequence[str]]:
    """The columns that a query needs and the stored tables of another version do not have.

    The query is built only if there is such a version.
    """
    others = [p for p in projections if stored.get(p.name, StoredVersion(p.version)).version != p.version]
    missing: dict[Projection, Sequence[str]] = {}
    if not others:
        return missing
    needed = _columns_of(question())
    inspector = inspect(connection)
    for projection in others:
        lacking: list[str] = []
        for declared, table in tables_at(projection, stored[projection.name]).items():
            names = [column.name for column in table_of(declared).columns if column in needed]
            if names:
                stored_columns = inspector.get_columns(table.name) if inspector.has_table(table.name) else ()
                there = {column["name"] for column in stored_columns}
                lacking += [f"{declared.name}.{name}" for name in names if name not in there]
        if lacking:
            missing[projection] = lacking
    return missing


def _columns_of(question: ClauseElement) -> Collection[Any]:
    """The columns of tables that a query reads."""
    found: set[Any] = set()
    for part in iterate(question):
        if isinstance(part, Column):
            found.add(part)
        elif isinstance(part, Select):
            found.update(part.selected_columns)
    return found


def positions_seen(connection: Connection, projections: Iterable[Projection]) -> dict[str, int]:
    """The position of each projection of this code, as seen by the connection's transaction; 0 for one without."""
    found = positions_of(connection)
    return {p.name: found[p.name, p.version].position if (p.name, p.version) in found else 0 for p in projections}


def filled_positions(connection: Connection, projections: Iterable[Projection]) -> dict[Projection, int]:
    """The positions of those versions that are filled, as seen by the connection's transaction."""
    found = positions_of(connection)
    rows = ((projection, found.get((projection.name, projection.version))) for projection in projections)
    return {projection: row.position for projection, row in rows if row is not None and row.filled}


def tables_in_use(connection: Connection, projection: Projection) -> Mapping[RowTable[Any], Table]:
    """The stored tables of this code's version, of the build in use as seen by the connection's transaction."""
    row = positions_of(connection).get((projection.name, projection.version))
    return stored_tables(projection, row.build if row is not None else 0)


def live_versions(connection: Connection, projections: Iterable[Projection]) -> Mapping[str, LiveVersion]:
    """The live version of each projection by name, as seen by the connection's transaction.

    Raises NotFilledError for a projection that the store does not have yet.
    """
    positions = positions_of(connection)
    live = _live(connection)
    for projection in projections:
        if projection.name not in live:
            how = "rebuild --bitemporal" if projection.bitemporal else "project --once"
            raise NotFilledError(f"the store has no {projection.name} yet: run waybill {how}")
    return {
        name: LiveVersion(version, positions[name, version].position, positions[name, version].build)
        for name, version in live.items()
    }


def paused_positions(connection: Connection) -> dict[str, int]:
    """The position that people's rows of each paused projection reflect, as seen by the connection's transaction."""
    found, paused = positions_of(connection), stored_pauses(connection)
    return {name: found[name, version].position for name, version in _live(connection).items() if name in paused}


def all_live(connection: Connection, projections: Iterable[Projection]) -> bool:
    """Whether the analysts' names point to these versions, as seen by the connection's transaction."""
    live = _live(connection)
    return all(live.get(projection.name) == projection.version for projection in projections)


def positions_of(connection: Connection) -> dict[tuple[str, int], Any]:
    """The rows of `projection_positions` by name and version."""
    return {(row.name, row.version): row for row in connection.execute(select(projection_positions))}


def _live(connection: Connection) -> dict[str, int]:
    return {row.name: row.version for row in connection.execute(select(live_projections))}
