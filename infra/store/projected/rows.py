"""The projections' tables: creating them, and replacing rows, totals and positions in one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Table,
    Text,
    delete,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from infra.store.backend import as_keys
from infra.store.bulk import BulkInsert
from infra.store.checkpoints import compare_and_set
from infra.store.engine import LOCKED
from infra.store.projected.failures import failures_of, projection_failures, record_failures, resolve_failures
from infra.store.retries import is_the_stores_own
from projections.failures import Failure, RowsRefusedError, Standing, reason_of
from projections.projection import Projection
from projections.runner import Replacement
from projections.table import Row
from projections.totals import Totals, sum_contributions
from projections.views.tables import metadata, table_of

projection_positions = Table(
    "projection_positions",
    metadata,
    Column("name", Text, primary_key=True, comment="The projection."),
    Column("version", Integer, nullable=False, comment="The version of its rows' meaning."),
    Column("position", BigInteger, nullable=False, comment="The last event that its rows reflect."),
    Column("paused", Boolean, nullable=False, default=False, comment="Whether someone paused it."),
    comment="How far each projection has come.",
)


class ProjectedRows:
    """Implements projections.runner.Rows on any store that SQLAlchemy reaches."""

    def __init__(self, engine: Engine):
        self._engine = engine
        self._inserts = {table.name: BulkInsert(table, engine) for table in metadata.tables.values()}

    def create(self, projections: Sequence[Projection]) -> None:
        """Create the tables, and a position for each projection that has none. Safe to call again.

        The rows of another version mean something else: they are removed, and the projection begins anew.
        """
        metadata.create_all(self._engine)
        with self._engine.connect() as connection:
            if _versions(connection).items() >= {p.name: p.version for p in projections}.items():
                return
        with self._locked() as connection:
            versions = _versions(connection)
            for projection in projections:
                if versions.get(projection.name) == projection.version:
                    continue
                for declared in (*projection.tables, *(totals.table for totals in projection.totals)):
                    table = table_of(declared)
                    connection.execute(delete(table))
                    _index_anew(connection, table)
                connection.execute(delete(projection_positions).where(projection_positions.c.name == projection.name))
                connection.execute(delete(projection_failures).where(projection_failures.c.name == projection.name))
                connection.execute(
                    insert(projection_positions).values(
                        name=projection.name, version=projection.version, position=0, paused=False
                    )
                )

    def positions(self, projections: Iterable[Projection]) -> dict[str, int]:
        with self._engine.connect() as connection:
            return positions_seen(connection, projections)

    def standings(self, projections: Iterable[Projection]) -> dict[str, Standing]:
        projections = list(projections)
        with self._engine.connect() as connection:
            rows = connection.execute(select(projection_positions)).all()
            failures = failures_of(connection, projections)
        stands = {row.name: row for row in rows}
        return {
            p.name: Standing(row.position, row.paused, failures.get(p.name, {}))
            if (row := stands.get(p.name)) is not None
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
        """Pause a projection where it stands, or let it go on. It stays so until it is said otherwise."""
        with self._locked() as connection:
            connection.execute(
                update(projection_positions).where(projection_positions.c.name == projection.name).values(paused=paused)
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
        old = [_old_contributing(connection, totals, replacement.subjects) for totals in projection.totals]
        for table in map(table_of, projection.tables):
            subject = next(iter(table.primary_key))
            connection.execute(delete(table).where(_is_among(subject, connection)), _listed(replacement.subjects))
            self._inserts[table.name](connection, replacement.rows[table.name])
        for totals, before in zip(projection.totals, old, strict=True):
            after = [row for row in replacement.rows[totals.over.name] if row.valid_to is None]  # type: ignore[attr-defined]
            _add(connection, totals, sum_contributions(totals, before, after))

    def _move(self, connection: Connection, projection: Projection, start: int, end: int) -> None:
        named = projection_positions.c.name == projection.name
        compare_and_set(connection, projection_positions, named, start, end, projection.name)

    def _locked(self) -> Any:
        return self._engine.execution_options(**{LOCKED: True}).begin()


def positions_seen(connection: Connection, projections: Iterable[Projection]) -> dict[str, int]:
    """How far each projection has come, by what the connection's transaction sees; 0 for one that has not begun."""
    names = [projection.name for projection in projections]
    rows = connection.execute(
        select(projection_positions.c.name, projection_positions.c.position).where(
            projection_positions.c.name.in_(names)
        )
    )
    found = {name: position for name, position in rows}  # noqa: C416  (rows are no tuples to the type checker)
    return {name: found.get(name, 0) for name in names}


def _index_anew(connection: Connection, table: Table) -> None:
    """A table that another version made may have other indexes; one that changes takes another name."""
    wanted = {str(index.name): index for index in table.indexes}
    found = {str(index["name"]) for index in inspect(connection).get_indexes(table.name)}
    quote = connection.dialect.identifier_preparer.quote
    for name in found - wanted.keys():
        connection.execute(text(f"DROP INDEX {quote(name)}"))
    for name in wanted.keys() - found:
        wanted[name].create(connection)


def _versions(connection: Connection) -> dict[str, int]:
    listed = connection.execute(select(projection_positions.c.name, projection_positions.c.version)).all()
    return {row.name: row.version for row in listed}


def _old_contributing(connection: Connection, totals: Totals, subjects: Sequence[str]) -> Sequence[Any]:
    over = table_of(totals.over)
    seen = [over.c[name] for name in totals.looks_at]
    return connection.execute(
        select(*seen).where(over.c.valid_to.is_(None), _is_among(over.c[totals.over.subject], connection)),
        _listed(subjects),
    ).all()


def _add(connection: Connection, totals: Totals, changes: Mapping[Row, tuple[int, ...]]) -> None:
    if not changes:
        return
    table = table_of(totals.table)
    upsert = (sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert)(table)
    added = {name: table.c[name] + upsert.excluded[name] for name in totals.measures}
    connection.execute(
        upsert.on_conflict_do_update(index_elements=list(totals.keys), set_=added),
        [dict(zip(totals.table.names, (*key, *change), strict=True)) for key, change in sorted(changes.items())],
    )


def _is_among(subject: Column[Any], connection: Connection) -> ColumnElement[bool]:
    """The subject is in the list that `_listed` hands over: one parameter, however many there are."""
    values = (
        "json_each(:subjects)"
        if connection.dialect.name == "sqlite"
        else "json_array_elements_text(CAST(:subjects AS json))"
    )
    return subject.in_(text(f"SELECT value FROM {values}"))


def _listed(subjects: Sequence[str]) -> dict[str, str]:
    return {"subjects": as_keys(subjects)}
