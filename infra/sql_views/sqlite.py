"""The views of an SQLite store, for any SQLite client.

The file holds them beside the tables. In tables, and in the views that have a table's name, an instant is a number of
microseconds. Every other view shows it as text, such as 2026-03-02T08:14:05.000000Z. The text always has six decimal
places, so that it sorts and compares as the instant does.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Float, Select, Text, literal_column, select
from sqlalchemy.dialects import sqlite

from infra.sql_views.relations import Relation, Wanted
from infra.store.engine import LOCKED
from projections.views.as_of import AsOf
from projections.views.columns import Hours, Instant

READABLE = "_readable"
"""The suffix of a view that shows a table's instants as text; the view without it shows them as stored."""

_DIALECT = sqlite.dialect()
_quote = _DIALECT.identifier_preparer.quote


def define(engine: Engine, wanted: Sequence[Relation] | Wanted) -> bool:
    """Create or replace the file's views in one transaction; returns whether anything changed."""
    with engine.connect() as connection:
        if _found(connection).items() >= _definitions(tuple(_seen(connection, wanted))).items():
            return False
    with engine.execution_options(**{LOCKED: True}).begin() as connection:
        redefine(connection, _seen(connection, wanted))
    return True


def _seen(connection: Connection, wanted: Sequence[Relation] | Wanted) -> Sequence[Relation]:
    return wanted(connection) if callable(wanted) else wanted


def redefine(connection: Connection, relations: Sequence[Relation]) -> None:
    """Create or replace the file's views within the connection's transaction."""
    for name, definition in _definitions(tuple(relations)).items():
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {_quote(name)}")
        connection.exec_driver_sql(definition)


def remove(connection: Connection, relations: Sequence[Relation]) -> None:
    """Drop these relations within the connection's transaction."""
    for relation in relations:
        for name in (relation.name, relation.name + READABLE):
            connection.exec_driver_sql(f"DROP VIEW IF EXISTS {_quote(name)}")


def _found(connection: Any) -> dict[str, str]:
    return dict(connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'view'").all())


@lru_cache(maxsize=8)
def _definitions(relations: tuple[Relation, ...]) -> Mapping[str, str]:
    """Every view by its name. A table has two: one with its values as stored (unless the table has that name), and a
    readable one.

    Those that need exact decimals are left out: the file's other clients do not have them.
    """
    shown = [relation for relation in relations if not relation.exact_decimals]
    stored = {
        relation.name: f"CREATE VIEW {_quote(relation.name)} AS\n{_sql(relation.stored_question(NOW))}"
        for relation in shown
        if relation.table is not None and relation.table.name != relation.name
    }
    return stored | {_name(relation): _definition(relation) for relation in shown}


def _sql(question: Select[Any]) -> str:
    return str(question.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True}))


def _name(relation: Relation) -> str:
    return relation.name if relation.table is None else relation.name + READABLE


def _definition(relation: Relation) -> str:
    """SQLite has no comments on relations, but keeps the text of a definition: `.schema NAME` shows it."""
    asked = relation.stored_question(NOW).order_by(None).subquery("asked")
    shown = select(*(_shown(column).label(column.name) for column in asked.columns))
    comments = [relation.description_now, *(f"{column}: {meaning}" for column, meaning in relation.column_docs.items())]
    return "\n".join([f"CREATE VIEW {_quote(_name(relation))} AS", *(f"-- {said}" for said in comments), _sql(shown)])


def _shown(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Instants as text, hours as a number with two places; amounts are decimal text already."""
    if isinstance(column.type, Instant):
        # The remainder of a negative number is negative, so instants before 1970 need a second step.
        rest = f"(({column} % 1000000 + 1000000) % 1000000)"
        seconds = f"({column} - {rest}) / 1000000"
        return literal_column(
            f"strftime('%Y-%m-%dT%H:%M:%S', {seconds}, 'unixepoch') || printf('.%06dZ', {rest})", Text
        )
    if isinstance(column.type, Hours):
        return literal_column(f"{column} / 100.0", Float)
    return column


def _clock(span: timedelta) -> ColumnElement[datetime]:
    moved = span // timedelta(microseconds=1)
    now = "CAST(strftime('%s', 'now') AS INTEGER) * 1000000"
    return literal_column(f"({now} + {moved})" if moved else f"({now})", Instant())


NOW = AsOf(_clock, present=True)
