"""What is measured: the service on a store that is named by its URL, and what it is measured against."""

import logging
import sqlite3
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import psycopg
import structlog
from eventsourcing.application import AggregateNotFoundError

from consumers.contract import ReadingRules, WellFormed, read_message
from consumers.sources.json_lines import JsonLines
from domain.subject import KIND_OF_TYPE, SubjectAggregate, open_subject, stream_name
from infra.garbage import collect_rarely
from infra.service import Waybill, open_backend
from infra.settings import Settings
from infra.simulation import DEFAULT_UNTIL, simulate

MESSAGES_AN_ORDER = 6.9


def write_messages(messages: int, path: str) -> int:
    """A sales floor of about so many messages."""
    written = 0
    with Path(path).open("wb") as file:
        for line in islice(simulate(round(messages / MESSAGES_AN_ORDER), 1, DEFAULT_UNTIL), messages):
            file.write(line + b"\n")
            written += 1
    return written


def _service(store: str) -> Waybill:
    collect_rarely()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    return Waybill(Settings(store=store))


def ingest(path: str, store: str) -> int:
    """The whole pipeline: decode, validate, decide, store. Durable commits."""
    with _service(store) as waybill:
        pipeline = waybill.ingest()
        feed_id = pipeline.read(JsonLines.of_file(Path(path), batch_lines=waybill.settings.batch_messages)).feed_id
        pipeline.finish(feed_id)
        return sum(waybill.register.tally(feed_id).values())


def project(store: str) -> int:
    """All projections, from the first event to the last."""
    with _service(store) as waybill:
        return waybill.project()


def plain_loop(path: str, store: str, messages: int) -> int:
    """The library as it is: for each message one `repository.get` and one `save`."""
    backend = open_backend(Settings(store=store))
    application = backend.application
    rules = ReadingRules(clock_skew=timedelta(hours=1), max_bytes=1_048_576, honour_recordedtime=False)
    done = 0
    with Path(path).open("rb") as lines:
        for line in islice(lines, messages):
            now = datetime.now(UTC)
            message = read_message(line, now, rules)
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


def raw_insert(store: str, target: str, batch: int) -> int:
    """The events of an SQLite file inserted into another: the database's own limit."""
    with sqlite3.connect(store.removeprefix("sqlite:///")) as source:
        rows = source.execute("SELECT originator_id, originator_version, topic, state FROM stored_events").fetchall()
    connection = sqlite3.connect(target.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(
        "CREATE TABLE stored_events (originator_id TEXT, originator_version INTEGER, topic TEXT, state BLOB, "
        "PRIMARY KEY (originator_id, originator_version))"
    )
    for first in range(0, len(rows), batch):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO stored_events VALUES (?, ?, ?, ?)", rows[first : first + batch])
        connection.execute("COMMIT")
    connection.close()
    return len(rows)


def raw_copy(store: str, target: str, batch: int) -> int:
    """The events of a PostgreSQL database copied into another one's table, a transaction for each batch."""
    backend = open_backend(Settings(store=store))
    with backend.engine.connect() as source:
        question = f"SELECT originator_id, originator_version, topic, state FROM {backend.events_table}"
        rows = [tuple(row) for row in source.exec_driver_sql(question)]
    backend.close()
    with psycopg.connect(target, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE stored_events (originator_id text, originator_version bigint, topic text, state bytea, "
            "notification_id bigserial UNIQUE, PRIMARY KEY (originator_id, originator_version))"
        )
        for first in range(0, len(rows), batch):
            with (
                connection.transaction(),
                connection.cursor() as cursor,
                cursor.copy("COPY stored_events (originator_id, originator_version, topic, state) FROM STDIN") as copy,
            ):
                for row in rows[first : first + batch]:
                    copy.write_row(row)
    return len(rows)
