"""Builds of projections: tables that a rebuild fills beside those in use, and which of them are in use.

A build belongs to (name, version) and has a number, which is in the names of its tables. `projection_positions` says
which build is in use, and `projection_builds` lists the others: one that is being filled, and one that served before
and is kept to go back to (earlier_builds.py). Taking a build into use changes one row, so a reader sees it together
with the position.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Engine, delete, insert, select, text, update

from domain.checkpoint import CheckpointMovedError
from infra.store.engine import ASYNCHRONOUS_COMMIT, LOCKED
from infra.store.events.ranges import StreamRange
from infra.store.projected.build_parts import BuildKey, add_parts, drop_parts, move_part, parts_of
from infra.store.projected.failures import projection_failures, record_failures
from infra.store.projected.indexes import create_to_fill, make_indexes
from infra.store.projected.loading import LoadedRows
from infra.store.projected.serving import live_versions, positions_of
from infra.store.projected.tables import (
    StoredVersion,
    drop_tables,
    live_projections,
    of_version,
    projection_builds,
    projection_positions,
    tables_at,
)
from infra.store.projected.writing import RowWriter
from projections.failures import Failure, RowsRefusedError
from projections.projection import Projection
from projections.replacement import Replacement
from projections.table import RowTable
from projections.totals import Sums


class Build(NamedTuple):
    """A build of this code's version of a projection. `stream` is the last one that was filled; None: all are.

    If its filling was cut, `parts` has what is left of each part, and `stream` is the one before the first.
    `in_use`: it is the build in use, of a version that need not be live.
    """

    projection: Projection
    number: int
    position: int
    stream: str | None = None
    in_use: bool = False
    parts: tuple[StreamRange, ...] = ()


BringTo = Callable[[Connection, Sequence[Build], int], Sequence[Build]]
"""Moves builds on to a position, within the connection's transaction."""


class ProjectionBuilds:
    """Builds in the store. Every method is one transaction, or part of the caller's."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime]):
        self._engine = engine
        self._clock = clock
        self.writer = RowWriter(engine)

    def begin(
        self,
        projections: Sequence[Projection],
        up_to: int,
        *,
        anew: bool = False,
        cursor: Callable[[Projection], str] = lambda projection: "",
    ) -> list[Build]:
        """The builds to fill: those that were begun, or new ones that are filled up to a position.

        `cursor` gives where the filling of a new one stands: empty, or a LoadCursor as text. With `anew`, those that
        were begun are dropped.
        """
        with self.locked() as connection:
            if anew:
                for projection in projections:
                    self._drop_unfinished(connection, projection)
            return [self._begun(connection, p) or self._begin(connection, p, up_to, cursor(p)) for p in projections]

    def begun(self, projections: Sequence[Projection]) -> list[Build]:
        """The builds of these projections that are being filled."""
        with self._engine.connect() as connection:
            found = [self._begun(connection, projection) for projection in projections]
        return [build for build in found if build is not None]

    def cut(self, builds: Sequence[Build], parts: Sequence[StreamRange]) -> list[Build]:
        """Cut the filling of builds that are not cut yet into these parts. Raises CheckpointMovedError."""
        with self.locked() as connection:
            for build in builds:
                self._move(connection, build, build._replace(parts=tuple(parts)))
                add_parts(connection, key_of(build), parts)
        return [build._replace(parts=tuple(parts)) for build in builds]

    def fill(
        self, builds: Sequence[Build], replacements: Sequence[Replacement], stream: str, part: int | None = None
    ) -> list[Build]:
        """Add the rows of the next subjects, up to that of a stream; of a part, if they are cut. Totals come later.

        Raises CheckpointMovedError.
        """
        moved = [_filled_to(build, stream, part) for build in builds]
        # If the server crashes, rows are lost together with the note that they were filled.
        with self.locked(ASYNCHRONOUS_COMMIT) as connection:
            if part is None:
                for build, to in zip(builds, moved, strict=True):
                    self._move(connection, build, to)
            else:
                move_part(connection, [key_of(build) for build in builds], part, builds[0].parts[part].after, stream)
            for build, replacement in zip(builds, replacements, strict=True):
                self.writer.fill(connection, replacement, build.number)
        return moved

    def load(self, build: Build, table: RowTable[Any], rows: LoadedRows, cursor: str) -> Build:
        """Add rows that were made elsewhere, and note how far the loading is. Totals come later.

        Raises CheckpointMovedError and RowsRefusedError.
        """
        moved = build._replace(stream=cursor)
        with self.locked(ASYNCHRONOUS_COMMIT) as connection:
            self._move(connection, build, moved)
            self.writer.load(connection, build.projection, table, rows, build.number)
        return moved

    def make_indexes(self, build: Build) -> None:
        """Make those indexes of a filled build that are missing, one transaction a table."""
        for table in tables_at(build.projection, StoredVersion(build.projection.version, build.number)).values():
            with self.locked() as connection:
                make_indexes(connection, table)

    def end_filling(
        self, builds: Sequence[Build], check: Callable[[Build, Sequence[Sums]], None] = lambda build, counted: None
    ) -> list[Build]:
        """Note that all streams are filled, and write the totals of their rows, after a check of these.

        Raises CheckpointMovedError, and what `check` raises.
        """
        with self._engine.connect() as connection:
            counted = [self.writer.counted_totals(connection, build.projection, build.number) for build in builds]
        for build, totals in zip(builds, counted, strict=True):
            check(build, totals)
        with self.locked() as connection:
            for build, totals in zip(builds, counted, strict=True):
                self._move(connection, build, build._replace(stream=None, parts=()))
                drop_parts(connection, key_of(build))
                self.writer.set_totals(connection, build.projection, totals, build.number)
        return [build._replace(stream=None, parts=()) for build in builds]

    def move_on(
        self, connection: Connection, builds: Sequence[Build], replacements: Sequence[Replacement], end: int
    ) -> list[Build]:
        """Replace the rows of subjects with new events, up to a position. Raises CheckpointMovedError."""
        for build, replacement in zip(builds, replacements, strict=True):
            self._move(connection, build, build._replace(position=end))
            if replacement.subjects:
                self.writer.replace(connection, replacement, build.number)
        return [build._replace(position=end) for build in builds]

    def reason_to_refuse(self, build: Build, replacement: Replacement) -> str | None:
        """Why the store refuses these rows, None if it does not. Nothing is written."""
        with self._engine.execution_options(**{LOCKED: True}).connect() as connection, connection.begin() as trial:
            try:
                self.writer.replace(connection, replacement, build.number)
            except RowsRefusedError as e:
                return e.reason
            finally:
                trial.rollback()
        return None

    def has_rows(self, connection: Connection, projection: Projection, build: int, subject_id: str) -> bool:
        """Whether any table of a build has rows of a subject."""
        stored = tables_at(projection, StoredVersion(projection.version, build))
        return any(
            connection.execute(select(stored[t]).where(stored[t].c[t.subject] == subject_id).limit(1)).first()
            for t in projection.tables
        )

    def take_into_use(self, connection: Connection, builds: Sequence[Build], bring_to: BringTo) -> list[Build]:
        """Make builds serve, at or beyond the positions that served before; those stay, to go back to.

        The connection holds `hold_positions`. The builds are brought up to the positions that serve now before.
        """
        positions, live = positions_of(connection), live_versions(connection, ())
        reached = max(_served(positions, live, build.projection) for build in builds)
        builds = list(bring_to(connection, builds, reached))
        for build in builds:
            name, version = build.projection.name, build.projection.version
            row = positions.get((name, version))
            parked = self._parked_of(connection, build)
            if row is None:
                values = {"position": build.position, "filled": True, "build": build.number}
                connection.execute(insert(projection_positions).values(name=name, version=version, **values))
            else:
                if row.filled:
                    self._keep(connection, build.projection, row)
                connection.execute(
                    update(projection_positions)
                    .where(of_version(projection_positions, build.projection))
                    .values(position=build.position, build=build.number, filled=True)
                )
            connection.execute(delete(projection_failures).where(of_version(projection_failures, build.projection)))
            if parked:
                record_failures(connection, build.projection, parked)
            connection.execute(delete(projection_builds).where(_is_build(build)))
            if name not in live:
                connection.execute(insert(live_projections).values(name=name, version=version))
            elif live[name].version < version:
                connection.execute(
                    update(live_projections).where(live_projections.c.name == name).values(version=version)
                )
        return builds

    @contextmanager
    def locked(self, *options: str) -> Iterator[Connection]:
        """A transaction that writes; with further execution options of infra.store.engine."""
        with self._engine.execution_options(**dict.fromkeys((LOCKED, *options), True)).begin() as connection:
            yield connection

    def hold_positions(self, connection: Connection) -> None:
        """Keep every projection at its position until the transaction ends; queries go on."""
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"LOCK TABLE {projection_positions.name} IN SHARE ROW EXCLUSIVE MODE"))

    def _begun(self, connection: Connection, projection: Projection) -> Build | None:
        c = projection_builds.c
        row = connection.execute(
            select(projection_builds).where(of_version(projection_builds, projection), c.served.is_(False))
        ).one_or_none()
        if row is None:
            return None
        build = Build(projection, row.build, row.position, row.stream)
        return build._replace(parts=parts_of(connection, key_of(build))) if row.parts else build

    def _begin(self, connection: Connection, projection: Projection, up_to: int, cursor: str) -> Build:
        number = self._free_number(connection, projection)
        stored = StoredVersion(projection.version, number)
        drop_tables(connection, projection, stored)
        for table in tables_at(projection, stored).values():
            create_to_fill(connection, table)
        key = {"name": projection.name, "version": projection.version, "build": number}
        values = {"position": up_to, "stream": cursor, "served": False, "parked": "[]", "begun_at": self._clock()}
        connection.execute(insert(projection_builds).values(**key, **values))
        return Build(projection, number, up_to, cursor)

    def _free_number(self, connection: Connection, projection: Projection) -> int:
        """The number of a new build: 0 for a version without tables that hold anything."""
        row = positions_of(connection).get((projection.name, projection.version))
        c = projection_builds.c
        used = set(connection.execute(select(c.build).where(of_version(projection_builds, projection))).scalars())
        if row is not None and row.filled:
            used.add(row.build)
        elif row is not None:
            # It was filled in part by an earlier release, or left by going back: nobody reads it.
            drop_tables(connection, projection, StoredVersion(projection.version, row.build))
            connection.execute(delete(projection_positions).where(of_version(projection_positions, projection)))
        return max(used) + 1 if used else 0

    def _drop_unfinished(self, connection: Connection, projection: Projection) -> None:
        build = self._begun(connection, projection)
        if build is not None:
            connection.execute(delete(projection_builds).where(_is_build(build)))
            drop_parts(connection, key_of(build))
            drop_tables(connection, projection, StoredVersion(projection.version, build.number))

    def _keep(self, connection: Connection, projection: Projection, row: Any) -> None:
        """Keep the build in use beside the one that follows it, with its failures."""
        parked = select(projection_failures).where(of_version(projection_failures, projection))
        failures = [Failure(row.key, row.position, row.reason, row.since) for row in connection.execute(parked)]
        connection.execute(
            insert(projection_builds).values(
                name=row.name,
                version=row.version,
                build=row.build,
                position=row.position,
                stream=None,
                served=True,
                parked=msgspec.json.encode(failures).decode(),
                begun_at=self._clock(),
            )
        )

    def _parked_of(self, connection: Connection, build: Build) -> Sequence[Failure]:
        kept = connection.execute(select(projection_builds.c.parked).where(_is_build(build))).scalar_one_or_none()
        if kept is None:
            raise CheckpointMovedError(
                f"build {build.number} of {build.projection.name} has been taken into use already"
            )
        return msgspec.json.decode(kept, type=list[Failure])

    def _move(self, connection: Connection, build: Build, to: Build) -> None:
        if build.in_use:
            c = projection_positions.c
            where = [
                of_version(projection_positions, build.projection),
                c.build == build.number,
                c.position == build.position,
            ]
            moved = connection.execute(update(projection_positions).where(*where).values(position=to.position))
        else:
            b = projection_builds.c
            stream = b.stream.is_(None) if build.stream is None else b.stream == build.stream
            moved = connection.execute(
                update(projection_builds)
                .where(_is_build(build), b.position == build.position, stream, b.parts == len(build.parts))
                .values(position=to.position, stream=to.stream, parts=len(to.parts))
            )
        if moved.rowcount != 1:
            raise CheckpointMovedError(f"another process has moved the rebuild of {build.projection.name}")


def key_of(build: Build) -> BuildKey:
    """The key of a build in the store."""
    return BuildKey(build.projection.name, build.projection.version, build.number)


def _filled_to(build: Build, stream: str, part: int | None) -> Build:
    """The build when all streams up to this one are filled; of a part, if it is cut."""
    if part is None:
        return build._replace(stream=stream)
    left = build.parts[part]._replace(after=stream)
    return build._replace(parts=(*build.parts[:part], left, *build.parts[part + 1 :]))


def _served(positions: Mapping[tuple[str, int], Any], live: Mapping[str, Any], projection: Projection) -> int:
    """The position that a new build must have reached, so that no answer goes back."""
    own = positions.get((projection.name, projection.version))
    return max(
        own.position if own is not None and own.filled else 0,
        live[projection.name].position if projection.name in live else 0,
    )


def _is_build(build: Build) -> Any:
    return of_version(projection_builds, build.projection) & (projection_builds.c.build == build.number)
