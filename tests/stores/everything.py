"""Everything that a store has: the rows of each table, as values that are equal on every database."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, text

from infra.app.container import Waybill
from infra.queries.views import Asked
from infra.store.archived_tables import ARCHIVED_TABLES
from infra.store.projected.serving import tables_in_use
from infra.store.reactions.tables import reaction_references
from infra.store.register.tables import store_rules
from projections.catalogue import PROJECTIONS
from projections.views.catalogue import VIEWS

Rows = list[tuple[Any, ...]]
EVENTS = "events"
FIRST_INSTANTS = (
    datetime(2026, 3, 15, 12, tzinfo=UTC),
    datetime(2026, 5, 1, 7, 30, tzinfo=UTC),
    datetime(2026, 6, 15, 12, tzinfo=UTC),
)


def rows_of(waybill: Waybill) -> Mapping[str, Rows]:
    """The rows of each table that an archive brings back, in the order of their values, and the events."""
    backend = waybill.backend
    position = f"e.{backend.position}"
    events = (
        f"SELECT {position}, e.originator_id, e.originator_version, e.topic, e.state "
        f"FROM {backend.events_table} AS e ORDER BY {position}"
    )
    tables = {**ARCHIVED_TABLES, reaction_references.name: reaction_references, store_rules.name: store_rules}
    with waybill.engine.connect() as connection:
        found: dict[str, Rows] = {
            name: _in_order(tuple(row) for row in connection.execute(select(table))) for name, table in tables.items()
        }
        found[EVENTS] = [(*row[:4], bytes(row[4])) for row in connection.execute(text(events))]
    return found


def projected_rows_of(waybill: Waybill) -> Mapping[str, Rows]:
    """The rows and totals of every projection, by their declared tables."""
    found: dict[str, Rows] = {}
    with waybill.engine.connect() as connection:
        for projection in PROJECTIONS:
            for declared, table in tables_in_use(connection, projection).items():
                found[declared.name] = _in_order(tuple(row) for row in connection.execute(select(table)))
    return found


def answers_of(waybill: Waybill, instants: Iterable[datetime], known: Iterable[datetime]) -> Mapping[str, Any]:
    """Every view as of each instant, and as of now as known at each of the others."""
    questions = [*(Asked(as_of=at) for at in instants), *(Asked(known_at=at) for at in known)]
    return {
        f"{view.command} {asked.as_of} {asked.known_at}": waybill.views.ask(view, asked).rows
        for view in VIEWS
        for asked in questions
    }


def assert_same_rows(found: Mapping[str, Rows], expected: Mapping[str, Rows], *, without: Iterable[str] = ()) -> None:
    """Each table has the same rows; `without` names tables that may differ."""
    assert found.keys() == expected.keys()
    for name in expected.keys() - set(without):
        lost = [row for row in expected[name] if row not in found[name]]
        new = [row for row in found[name] if row not in expected[name]]
        assert found[name] == expected[name], f"{name}: lost {lost[:2]}, new {new[:2]}"


def _in_order(rows: Iterable[tuple[Any, ...]]) -> Rows:
    return sorted((tuple(map(_value, row)) for row in rows), key=lambda row: [str(value) for value in row])


def _value(value: Any) -> Any:
    # Drivers differ in the types of bytes, and SQLite stores booleans as numbers.
    return bytes(value) if isinstance(value, memoryview) else value
