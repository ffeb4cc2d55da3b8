"""Stores that the release before wrote, on each database, and what stores say once migrated."""

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import (
    Boolean,
    DateTime,
    LargeBinary,
    MetaData,
    Table,
    create_engine,
    insert,
    inspect,
    select,
    text,
)

from consumers.ingest.subject_suggestions import without_hint
from consumers.sources.json_lines import JsonLines
from domain.verdict import Outcome, Verdict
from infra.app.container import Waybill, open_backend
from infra.app.status import read_status
from infra.queries.views import Asked
from infra.settings import Settings
from infra.store.backend import Backend
from infra.store.newest_version import VERSION_TABLE
from infra.store.projected.tables import tables_of
from infra.store.register.tables import clock_holds, feeds, malformed_messages, messages
from infra.store.schema_version import upgrade
from projections.catalogue import PROJECTIONS
from projections.views.catalogue import VIEWS
from projections.views.tables import table_of
from tests.stores.data import build_store_0004 as data

AT = datetime(2026, 6, 20, 12, tzinfo=UTC)
EARLY = datetime(2026, 3, 7, 12, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TYPES = {column.name: column.type for p in PROJECTIONS for t in tables_of(p) for column in table_of(t).columns}
"""The types of the columns of projections. A column of this name has had its type in each version."""
_EVENTS = "stored_events"
_BY_THE_CLOCK = {"hours_overdue": None, "hours_left": None, "hours_owed": None}


class EarlierStore(NamedTuple):
    """A store as the earlier release wrote it, and the messages in it."""

    file: Path
    messages: Path


SIMULATED = EarlierStore(data.STORE, data.MESSAGES)
JUDGED_OTHERWISE = EarlierStore(data.STORE_OF_RULES_1, data.MESSAGES_OF_RULES_1)


def copied(earlier: EarlierStore, url: str) -> Settings:
    """A copy of an earlier store, in a new file or in an empty PostgreSQL database."""
    settings = Settings(store=url)
    if settings.sqlite_path is not None:
        shutil.copy(earlier.file, settings.sqlite_path)
    else:
        backend = open_backend(settings)
        upgrade(backend.engine, data.VERSION)
        _copy_rows(earlier.file, backend)
        backend.close()
    return settings


def _copy_rows(file: Path, backend: Backend) -> None:
    """Copy each table's rows; the tables of projections are made, and those of the register are there."""
    source = create_engine("sqlite://", creator=lambda: sqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True))
    there = set(inspect(backend.engine).get_table_names())
    with closing(sqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True)) as kept:
        kept.row_factory = sqlite3.Row
        names = [row[0] for row in kept.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid")]
        with backend.engine.begin() as connection:
            for name in names:
                if name == VERSION_TABLE or name.startswith("sqlite_"):
                    continue
                rows = [dict(row) for row in kept.execute(f'SELECT * FROM "{name}" ORDER BY 1, 2')]
                if name == _EVENTS:
                    ordered = kept.execute(f"SELECT * FROM {_EVENTS} ORDER BY rowid")
                    backend.insert_events(connection, [tuple(row) for row in ordered])
                elif name in there:
                    _insert(connection, Table(name, MetaData(), autoload_with=connection), rows)
                else:
                    table = Table(name, MetaData(), autoload_with=source)
                    for column in table.columns:
                        column.type = TYPES.get(column.name, column.type)
                    table.create(connection)
                    _insert(connection, Table(name, MetaData(), autoload_with=connection), rows)
            connection.execute(
                text("SELECT setval(pg_get_serial_sequence('feeds', 'feed_id'), (SELECT max(feed_id) FROM feeds))")
            )
            connection.execute(
                text(
                    "SELECT setval(pg_get_serial_sequence('notices', 'notice_id'), "
                    "(SELECT coalesce(max(notice_id), 1) FROM notices))"
                )
            )
    source.dispose()


def _insert(connection: Any, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(
            insert(table), [{name: _value(table.c[name].type, row[name]) for name in row} for row in rows]
        )


def _value(column_type: Any, value: Any) -> Any:
    """What SQLite keeps, as PostgreSQL does: an instant is a number of microseconds there."""
    if value is None:
        return None
    if isinstance(column_type, DateTime):
        return EPOCH + timedelta(microseconds=value)
    if isinstance(column_type, Boolean):
        return bool(value)
    if isinstance(column_type, LargeBinary):
        return bytes(value)
    return value


def anew(url: str, lines: bytes) -> Waybill:
    """A new store that takes these messages; close it."""
    waybill = Waybill(Settings(store=url))
    waybill.ingest().read(JsonLines.of_bytes("anew", lines))
    waybill.project()
    return waybill


def answers(waybill: Waybill) -> dict[str, Any]:
    """What the views say, as of instants and now. Hours go by the clock, and are left out."""
    asked = (Asked(as_of=EARLY), Asked(as_of=AT), Asked())
    return {view.command: [[{**r, **_BY_THE_CLOCK} for r in _rows(waybill, view, a)] for a in asked] for view in VIEWS}


def _rows(waybill: Waybill, view: Any, asked: Asked) -> list[dict[str, Any]]:
    return [dict(row) for row in waybill.views.ask(view, asked).rows]


def verdicts(waybill: Waybill) -> dict[str, Any]:
    """What is registered of every message, receipt times and places aside, and the books of each verdict."""
    m, of_malformed = messages.c, malformed_messages.c
    with waybill.engine.connect() as connection:
        told = [
            {**row._mapping, "reason": without_hint(Outcome(Verdict(row.verdict), row.reason)).reason}
            for row in connection.execute(
                select(
                    m.source,
                    m.message_id,
                    m.subject,
                    m.type,
                    m.stream,
                    m.verdict,
                    m.reason,
                    m.took_effect_at,
                    m.voided,
                    m.waits_in_room,
                    m.letter_id,
                    m.repeats,
                )
            )
        ]
        malformed = connection.execute(
            select(of_malformed.letter_id, of_malformed.reason, of_malformed.body, of_malformed.repeats)
        ).all()
        held = connection.execute(select(clock_holds)).all()
        tallies = connection.execute(select(feeds.c.applied, feeds.c.duplicate, feeds.c.held, feeds.c.refused)).all()
    return {
        "messages": sorted(told, key=lambda row: (row["subject"], row["source"], row["message_id"])),
        "malformed": sorted(tuple(row) for row in malformed),
        "held by the clock": sorted(tuple(row) for row in held),
        "tallies": [tuple(row) for row in tallies],
        "books": read_status(waybill).books,
    }
