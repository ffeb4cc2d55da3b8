"""What is left in a store: everything but the times of receipt."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from infra.app.container import Waybill
from infra.app.status import read_status
from infra.queries.views import Asked
from infra.serialization import json_value
from infra.settings import Settings
from projections.views.catalogue import VIEWS

RECEIPT = {"received_at", "recorded_at", "opened_at", "finished_at", "told_at", "moved_at", "first_heard_at"}
LIBRARYS_EVENTS = "stored_events"
INSTANTS = ("2025-05-20T12:00:00Z", "2025-06-30T16:00:00Z")


def rows_of(store: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of each table: messages with their verdicts, letters, books, and what the projections keep."""
    with closing(sqlite3.connect(store)) as connection:
        connection.row_factory = sqlite3.Row
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: _rows(connection, name) for name in names if name != LIBRARYS_EVENTS}


def events_of(store: Path) -> list[tuple[Any, ...]]:
    """Every event's position, stream, version and type; what it says has the time of receipt in it."""
    with closing(sqlite3.connect(store)) as connection:
        question = f"SELECT rowid, originator_id, originator_version, topic FROM {LIBRARYS_EVENTS} ORDER BY rowid"
        return list(connection.execute(question))


def _rows(connection: sqlite3.Connection, table: str) -> list[dict[str, Any]]:
    rows = [
        {name: row[name] for name in row.keys() if name not in RECEIPT}  # noqa: SIM118
        for row in connection.execute(f'SELECT * FROM "{table}"')
    ]
    return sorted(rows, key=lambda row: str(list(row.values())))


def answers_of(store: Path) -> dict[str, Any]:
    """The books and all views."""
    with Waybill(Settings(store=f"sqlite:///{store}")) as service:
        answers: dict[str, Any] = {"books": read_status(service).books._asdict()}
        for view in VIEWS:
            for instant in INSTANTS:
                answer = service.views.ask(view, Asked(datetime.fromisoformat(instant)))
                answers[f"{view.command} as of {instant}"] = without_receipt(answer.rows)
    return answers


def without_receipt(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of an answer without times of receipt; rows that are sorted by one are sorted by the rest."""
    told = [{name: json_value(value) for name, value in row.items() if name not in RECEIPT} for row in rows]
    return sorted(told, key=str) if rows and RECEIPT & rows[0].keys() else told


def assert_same_end(store: Path, undisturbed: Path) -> None:
    """Nothing lost, nothing twice: both stores say the same of every message, every event and every view."""
    found, expected = rows_of(store), rows_of(undisturbed)
    assert found.keys() == expected.keys()
    for table, rows in expected.items():
        if found[table] != rows:
            lost = [row for row in rows if row not in found[table]]
            new = [row for row in found[table] if row not in rows]
            raise AssertionError(f"{table}: {len(found[table])} rows; lost {lost[:2]}; new {new[:2]}")
    assert events_of(store) == events_of(undisturbed)
    assert answers_of(store) == answers_of(undisturbed)
