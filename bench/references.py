"""The references: the unmodified library, and the bare database."""

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg
from eventsourcing.application import AggregateNotFoundError
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier

from consumers.contract import ReadingRules, WellFormed, read_message
from domain.aggregate import SubjectAggregate
from domain.kinds import KIND_OF_TYPE
from domain.streams import open_subject, stream_name
from infra.app.container import Waybill, open_backend
from infra.settings import Settings
from infra.store.events.application import Fulfillment

RULES = ReadingRules(max_bytes=1_048_576)
RUNNER_WAITS_SECONDS = 600


def plain_loop(path: str, store: str, messages: int) -> int:
    """The library as it is: for each message one `repository.get` and one `save`."""
    backend = open_backend(Settings(store=store))
    application = backend.application
    done = 0
    with Path(path).open("rb") as lines:
        for line in islice(lines, messages):
            now = datetime.now(UTC)
            message = read_message(line, now, RULES)
            assert isinstance(message, WellFormed)
            kind = KIND_OF_TYPE[message.type]
            if kind is None:
                continue
            stream = stream_name(kind, message.subject)
            try:
                subject: SubjectAggregate = application.repository.get(stream)
            except AggregateNotFoundError:
                subject = open_subject(stream, now)
            said = {name: getattr(message.fact, name) for name in message.fact.__struct_fields__}
            del said["originator_id"], said["originator_version"]
            subject.file(type(message.fact), **said)
            subject.settle()
            application.save(subject)
            done += 1
    backend.close()
    return done


class Count(PostgresTrackingRecorder):
    """A view of the library's kind: one counter, moved on with the position in a transaction for each event."""

    TABLE = "counted_events"

    def _create_table(self, curs: Cursor[DictRow]) -> None:
        super()._create_table(curs)
        table = Identifier(self.TABLE)
        curs.execute(SQL("CREATE TABLE IF NOT EXISTS {0} (counted bigint NOT NULL)").format(table))
        curs.execute(SQL("INSERT INTO {0} SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM {0})").format(table))

    def count(self, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as curs:
            self._insert_tracking(curs, tracking)
            curs.execute(SQL("UPDATE {0} SET counted = counted + 1").format(Identifier(self.TABLE)))


class Counting(Projection[Count]):
    name = "counting"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        self.view.count(tracking)


def projection_runner(store: str, events: int) -> int:
    """The library's runner with one counter for a view, over the first events of a PostgreSQL store."""
    backend = open_backend(Settings(store=store))
    environment = {**backend.application.env, "CREATE_TABLE": "yes"}
    backend.close()
    with ProjectionRunner(
        application_class=Fulfillment, projection_class=Counting, view_class=Count, env=environment
    ) as runner:
        runner.wait(events, timeout=RUNNER_WAITS_SECONDS)
        return events


def raw_insert(store: str, target: str, batch: int) -> int:
    """All rows that ingest wrote into an SQLite file, inserted into the same tables of another one."""
    Waybill(Settings(store=target)).close()
    source = sqlite3.connect(store.removeprefix("sqlite:///"))
    connection = sqlite3.connect(target.removeprefix("sqlite:///"), isolation_level=None)
    events = source.execute("SELECT * FROM stored_events ORDER BY rowid").fetchall()
    messages = _in_the_order_of(events, source.execute("SELECT * FROM messages").fetchall(), 7)
    source.close()
    for first in range(0, len(events), batch):
        connection.execute("BEGIN IMMEDIATE")
        for table, rows in (("stored_events", events), ("messages", messages)):
            places = ", ".join("?" for _ in rows[0])
            connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows[first : first + batch])
        connection.execute("COMMIT")
    connection.close()
    return len(events)


def raw_copy(store: str, target: str, batch: int) -> int:
    """All rows that ingest wrote into a PostgreSQL database, copied into the same tables of another one."""
    Waybill(Settings(store=target)).close()
    backend = open_backend(Settings(store=store))
    with psycopg.connect(store) as connection:
        columns = "originator_id, originator_version, topic, state"
        events = connection.execute(
            f"SELECT {columns} FROM {backend.events_table} ORDER BY {backend.position}"
        ).fetchall()
        messages = connection.execute("SELECT * FROM messages").fetchall()
    backend.close()
    messages = _in_the_order_of(events, messages, 7)
    with psycopg.connect(target, autocommit=True) as connection:
        for first in range(0, len(events), batch):
            with connection.transaction(), connection.cursor() as cursor:
                _copy(cursor, f"{backend.events_table} ({columns})", events[first : first + batch])
                _copy(cursor, "messages", messages[first : first + batch])
    return len(events)


def _copy(cursor: psycopg.Cursor[Any], target: str, rows: Iterable[Sequence[Any]]) -> None:
    with cursor.copy(f"COPY {target} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _in_the_order_of(events: Sequence[Any], messages: Sequence[Any], stream: int) -> list[Any]:
    """The messages in the order in which they were taken; `stream` is the index of that column, before the version."""
    places = {event[:2]: place for place, event in enumerate(events)}
    return sorted(messages, key=lambda row: places[row[stream], row[stream + 1]])
