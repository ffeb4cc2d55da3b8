"""Writes the rows and totals of settled subjects, within the caller's transaction."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Executable,
    Table,
    TextClause,
    bindparam,
    delete,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from infra.store.backend import as_keys
from infra.store.bulk import BulkInsert
from infra.store.projected.loading import LoadedRows, load_rows
from infra.store.projected.tables import stored_tables
from infra.store.retries import is_the_stores_own
from projections.failures import RowsRefusedError, reason_of
from projections.projection import Projection
from projections.replacement import Replacement
from projections.table import Row, RowTable
from projections.totals import Sums, Totals, sum_contributions, sum_groups

ROWS_AT_ONCE = 2_000


class RowWriter:
    """Writes to the tables of any build. Raises RowsRefusedError if the rows are at fault, not the store."""

    def __init__(self, engine: Engine):
        self._engine = engine
        self._inserts: dict[Table, BulkInsert] = {}
        self._deletes: dict[tuple[Column[Any], ...], TextClause] = {}

    def replace(self, connection: Connection, replacement: Replacement, build: int) -> None:
        """Replace the rows of the subjects; totals change by the difference of what old and new rows contribute."""
        self.replace_together(connection, [(replacement, build)])

    def replace_together(self, connection: Connection, replacements: Sequence[tuple[Replacement, int]]) -> None:
        """The same for several projections, each in its build. Their earlier rows are deleted all at once."""
        contributed: list[list[Sequence[Any]]] = []
        outdated: list[tuple[Column[Any], Sequence[str]]] = []
        for replacement, build in replacements:
            projection, continued = replacement.projection, replacement.continued
            stored = stored_tables(projection, build)
            with _Refusal(projection):
                contributed.append(
                    [_contributing(connection, totals, stored[totals.over], continued) for totals in projection.totals]
                )
            if continued:
                outdated += ((stored[table].c[table.subject], continued) for table in projection.tables)
        self._delete(connection, outdated)
        for (replacement, build), before in zip(replacements, contributed, strict=True):
            with _Refusal(replacement.projection):
                self._put(connection, replacement, build, before)

    def fill(self, connection: Connection, replacement: Replacement, build: int) -> None:
        """Insert the rows of subjects that have none yet, without adding them to totals: see `set_totals`."""
        with _Refusal(replacement.projection):
            stored = stored_tables(replacement.projection, build)
            for table in replacement.projection.tables:
                self._insert(stored[table])(connection, replacement.rows[table.name])

    def load(
        self, connection: Connection, projection: Projection, table: RowTable[Any], rows: LoadedRows, build: int
    ) -> None:
        """Insert rows that were made elsewhere, without adding them to totals."""
        with _Refusal(projection):
            load_rows(connection, stored_tables(projection, build)[table], rows)

    def counted_totals(self, connection: Connection, projection: Projection, build: int) -> Sequence[Sums]:
        """The sums of each table of totals, counted from all rows of a build."""
        stored = stored_tables(projection, build)
        return [_counted(connection, totals, stored[totals.over]) for totals in projection.totals]

    def set_totals(self, connection: Connection, projection: Projection, sums: Sequence[Sums], build: int) -> None:
        """Write these sums instead of the ones that the build has."""
        stored = stored_tables(projection, build)
        for totals, counted in zip(projection.totals, sums, strict=True):
            connection.execute(delete(stored[totals.table]))
            _add(connection, totals, stored[totals.table], counted)

    def replace_and_recount(self, connection: Connection, replacement: Replacement, build: int) -> None:
        """Replace the rows of the subjects, and recount the totals to which they contribute or contributed.

        For rows that may have been changed by hand: what they contribute now is not what was added for them.
        """
        with _Refusal(replacement.projection):
            stored = stored_tables(replacement.projection, build)
            touched = []
            for totals in replacement.projection.totals:
                before = _contributing(connection, totals, stored[totals.over], replacement.subjects)
                after = _lasting(replacement, totals)
                touched.append({*sum_contributions(totals, (), before), *sum_contributions(totals, (), after)})
            self.replace(connection, replacement, build)
            for totals, keys in zip(replacement.projection.totals, touched, strict=True):
                _recount(connection, totals, stored[totals.over], stored[totals.table], keys)

    def _put(
        self, connection: Connection, replacement: Replacement, build: int, before: Sequence[Sequence[Any]]
    ) -> None:
        """Insert the rows, and add to each of the totals what they contribute more than those before."""
        projection = replacement.projection
        stored = stored_tables(projection, build)
        for table in projection.tables:
            self._insert(stored[table])(connection, replacement.rows[table.name])
        for totals, contributed in zip(projection.totals, before, strict=True):
            change = sum_contributions(totals, contributed, _lasting(replacement, totals))
            _add(connection, totals, stored[totals.table], change)

    def _delete(self, connection: Connection, outdated: Sequence[tuple[Column[Any], Sequence[str]]]) -> None:
        """Delete the rows of these subjects, by the column that names them; on PostgreSQL in one statement."""
        if connection.dialect.name == "sqlite":
            for column, subjects in outdated:
                connection.execute(delete(column.table).where(_is_among(column, connection)), _listed(subjects))
        elif outdated:
            columns = tuple(column for column, _ in outdated)
            statement = self._deletes.get(columns)
            if statement is None:
                statement = self._deletes[columns] = _delete_at_once(columns)
            connection.execute(
                statement, {f"subjects_{index}": as_keys(subjects) for index, (_, subjects) in enumerate(outdated)}
            )

    def _insert(self, table: Table) -> BulkInsert:
        found = self._inserts.get(table)
        if found is None:
            found = self._inserts[table] = BulkInsert(table, self._engine)
        return found


class _Refusal:
    """Turns what the store says against rows into RowsRefusedError; the store's own failures pass."""

    def __init__(self, projection: Projection):
        self._projection = projection

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: Any, error: BaseException | None, __: Any) -> None:
        if isinstance(error, Exception) and not is_the_stores_own(error):
            raise RowsRefusedError(self._projection, reason_of(error)) from error


def _lasting(replacement: Replacement, totals: Totals) -> Sequence[Row]:
    return [row for row in replacement.rows[totals.over.name] if row.valid_to is None]  # type: ignore[attr-defined]


def _contributing(connection: Connection, totals: Totals, over: Table, subjects: Sequence[str]) -> Sequence[Any]:
    if not subjects:
        return ()
    seen = [over.c[name] for name in totals.looks_at]
    return connection.execute(
        select(*seen).where(over.c.valid_to.is_(None), _is_among(over.c[totals.over.subject], connection)),
        _listed(subjects),
    ).all()


def _add(connection: Connection, totals: Totals, table: Table, changes: Mapping[Row, tuple[int, ...]]) -> None:
    """Add these changes. A sum of nothing has no row, so that rows follow from the events, and not from the way."""
    if not changes:
        return
    in_order = sorted(changes.items())
    connection.execute(
        _adding(totals, table, connection.dialect.name),
        [dict(zip(totals.table.names, (*key, *change), strict=True)) for key, change in in_order],
    )
    # No contribution is below zero, so what grows in any measure is not all zero.
    may_be_nothing = [dict(zip(totals.keys, key, strict=True)) for key, change in in_order if max(change) <= 0]
    if may_be_nothing:
        connection.execute(_deleting_nothing(totals, table), may_be_nothing)


def _counted(connection: Connection, totals: Totals, over: Table) -> Sums:
    """The sums over all rows. The store groups equal rows, so that few of them are read."""
    seen = [over.c[name] for name in totals.looks_at]
    groups = select(*seen, func.count().label("rows")).where(over.c.valid_to.is_(None)).group_by(*seen)
    streamed = connection.execute(groups, execution_options={"stream_results": True, "yield_per": ROWS_AT_ONCE})
    return sum_groups(totals, ((row, row.rows) for row in streamed))


@cache
def _adding(totals: Totals, table: Table, dialect: str) -> Executable:
    upsert = (sqlite_insert if dialect == "sqlite" else postgresql_insert)(table)
    added = {name: table.c[name] + upsert.excluded[name] for name in totals.measures}
    return upsert.on_conflict_do_update(index_elements=list(totals.keys), set_=added)


@cache
def _deleting_nothing(totals: Totals, table: Table) -> Executable:
    these = (table.c[name] == bindparam(name) for name in totals.keys)
    return delete(table).where(*these, *(table.c[name] == 0 for name in totals.measures))


def _recount(connection: Connection, totals: Totals, over: Table, table: Table, keys: set[Row]) -> None:
    """Recount the totals of these keys from all rows that contribute to one of them."""
    for key in sorted(keys):
        named = list(zip(totals.keys, key, strict=True))
        connection.execute(delete(table).where(*(table.c[name] == value for name, value in named)))
        # A row without a value, such as an order that nobody holds, may count under any key.
        may_count = ((over.c[name] == value) | over.c[name].is_(None) for name, value in named if name in over.c)
        rows = select(*(over.c[name] for name in totals.looks_at)).where(over.c.valid_to.is_(None), *may_count)
        counted = sum_contributions(totals, (), connection.execute(rows))
        _add(connection, totals, table, {key: counted[key]} if key in counted else {})


def _delete_at_once(columns: Sequence[Column[Any]]) -> TextClause:
    """One statement for PostgreSQL that deletes from the table of each column, by the lists `subjects_0` and so on."""
    deleted = ", ".join(
        f"deleted_{index} AS (DELETE FROM {column.table} WHERE {column.name} IN "
        f"({_values_of(f'subjects_{index}', 'postgresql')}))"
        for index, column in enumerate(columns)
    )
    return text(f"WITH {deleted} SELECT")


def _is_among(subject: Column[Any], connection: Connection) -> ColumnElement[bool]:
    """A condition that the subject is in the list from `_listed`: one parameter for any number of subjects."""
    return subject.in_(text(_values_of("subjects", connection.dialect.name)))


def _values_of(parameter: str, dialect: str) -> str:
    """A query for the values of a list that is one parameter, as JSON."""
    if dialect == "sqlite":
        return f"SELECT value FROM json_each(:{parameter})"
    return f"SELECT value FROM json_array_elements_text(CAST(:{parameter} AS json))"


def _listed(subjects: Sequence[str]) -> dict[str, str]:
    return {"subjects": as_keys(subjects)}
