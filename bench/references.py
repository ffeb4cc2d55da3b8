"""The references: the unmodified library. What the bare database takes is in bench/raw_inserts.py."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

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
from infra.app.container import open_backend
from infra.settings import Settings
from infra.store.events.application import Fulfillment

RULES = ReadingRules(max_bytes=1_048_576)
RUNNER_WAITS_SECONDS = 600


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


def projection_runner(store: str, events: int) -> Iterator[int]:
    """The library's runner with one counter for a view, over the first events of a PostgreSQL store."""
    backend = open_backend(Settings(store=store))
    environment = {**backend.application.env, "CREATE_TABLE": "yes"}
    backend.close()
    yield 0
    with ProjectionRunner(
        application_class=Fulfillment, projection_class=Counting, view_class=Count, env=environment
    ) as runner:
        runner.wait(events, timeout=RUNNER_WAITS_SECONDS)
        yield events
