"""The references: the unmodified library. What the bare database takes is in bench/raw_inserts.py."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from eventsourcing.application import AggregateNotFoundError
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.sqlite import SQLiteCursor, SQLiteDatastore, SQLiteTrackingRecorder
from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier

from consumers.contract import ReadingRules, WellFormed, read_message
from domain.aggregate import SubjectAggregate
from domain.kinds import KIND_OF_TYPE
from domain.streams import open_subject, stream_name
from infra.app.container import open_backend
from infra.settings import Settings
from infra.store.events.application import Fulfillment
from infra.store.sqlite.backend import LOCK_TIMEOUT_SECONDS

RULES = ReadingRules(max_bytes=1_048_576)
RUNNER_WAITS_SECONDS = 600
NOTIFICATIONS_AT_ONCE = 100
COUNTED = "counted_events"


def plain_loop(path: str, store: str, messages: int) -> Iterator[int]:
    """The library as it is: for each message one `repository.get` and one `save`."""
    backend = open_backend(Settings(store=store))
    application = backend.application
    done = 0
    yield 0
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
    yield done
    backend.close()


class Count(PostgresTrackingRecorder):
    """A view of the library's kind: one counter, moved on with the position in a transaction for each event.

    The table also has the `synchronous_commit` of the session that created it, so that a run shows its policy.
    """

    def _create_table(self, curs: Cursor[DictRow]) -> None:
        super()._create_table(curs)
        create = "CREATE TABLE IF NOT EXISTS {0} (counted bigint NOT NULL, synchronous_commit text NOT NULL)"
        start = "INSERT INTO {0} SELECT 0, current_setting('synchronous_commit') WHERE NOT EXISTS (SELECT 1 FROM {0})"
        for statement in (create, start):
            curs.execute(SQL(statement).format(self._counted))

    def count(self, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as curs:
            self._insert_tracking(curs, tracking)
            curs.execute(SQL("UPDATE {0} SET counted = counted + 1").format(self._counted))

    @property
    def _counted(self) -> Identifier:
        return Identifier(f"{self.tracking_table_name}_{COUNTED}")


class Counting(Projection[Count]):
    name = "counting"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        self.view.count(tracking)


class CountingWithoutWaiting(Counting):
    """The same under another name, and so with a position and a counter of its own."""

    name = "counting_without_waiting"


def projection_runner(store: str, events: int, waits_for_disk: bool = True) -> Iterator[int]:
    """The library's runner with one counter for a view, over the first events of a PostgreSQL store.

    It commits as the server is set (waiting for the disk), or with `synchronous_commit` off.
    """
    backend = open_backend(Settings(store=store))
    environment = {**backend.application.env, "CREATE_TABLE": "yes"}
    events = min(events, backend.application.recorder.max_notification_id() or 0)
    backend.close()
    counting = Counting if waits_for_disk else CountingWithoutWaiting
    with nullcontext() if waits_for_disk else _sessions_not_waiting():
        yield 0
        with ProjectionRunner(
            application_class=Fulfillment, projection_class=counting, view_class=Count, env=environment
        ) as runner:
            runner.wait(events, timeout=RUNNER_WAITS_SECONDS)
            yield events


@contextmanager
def _sessions_not_waiting() -> Iterator[None]:
    """New sessions of this process have `synchronous_commit` off: the library has no setting of its own for it."""
    before = os.environ.get("PGOPTIONS")
    os.environ["PGOPTIONS"] = f"{before or ''} -c synchronous_commit=off".strip()
    try:
        yield
    finally:
        if before is None:
            del os.environ["PGOPTIONS"]
        else:
            os.environ["PGOPTIONS"] = before


class CountInFile(SQLiteTrackingRecorder):
    """The same on SQLite."""

    def construct_create_table_statements(self) -> list[str]:
        return [
            *super().construct_create_table_statements(),
            f"CREATE TABLE IF NOT EXISTS {COUNTED} (counted INTEGER NOT NULL)",
            f"INSERT INTO {COUNTED} SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM {COUNTED})",
        ]

    def count(self, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            assert isinstance(cursor, SQLiteCursor)
            self._insert_tracking(cursor, tracking)
            cursor.execute(f"UPDATE {COUNTED} SET counted = counted + 1")


def pull_loop(store: str, events: int) -> Iterator[int]:
    """On SQLite, where the library's runner cannot subscribe: its recorders in a loop, a transaction an event."""
    path = store.removeprefix("sqlite:///")
    backend = open_backend(Settings(store=store))
    application = backend.application
    count = CountInFile(SQLiteDatastore(path, lock_timeout=LOCK_TIMEOUT_SECONDS))
    count.create_table()
    events = min(events, application.recorder.max_notification_id() or 0)
    yield 0
    done = 0
    while done < events:
        for notification in application.recorder.select_notifications(done + 1, NOTIFICATIONS_AT_ONCE):
            application.mapper.to_domain_event(notification)
            count.count(Tracking(application.name, notification.id))
            done = notification.id
    yield done
    backend.close()
