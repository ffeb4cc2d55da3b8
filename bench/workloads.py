"""What is measured: the service on a store that is named by its URL."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import msgspec
import structlog

from consumers.contract import EXAMPLES
from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.export import export_rows, relation_named
from infra.app.rebuild.rebuild import Rebuild
from infra.queries.views import Asked
from infra.runtime.garbage_collection import collect_rarely
from infra.settings import Settings
from infra.simulation import DEFAULT_UNTIL, simulate
from infra.store.operator_log import Who
from projections.catalogue import PROJECTIONS
from projections.views.catalogue import view_named

MESSAGES_AN_ORDER = 6.9
FLOOR = timedelta(days=97)
"""A simulated floor's 90 days of orders, and its opening."""


def write_messages(messages: int, path: str) -> int:
    """A sales floor of about so many messages."""
    written = 0
    with Path(path).open("wb") as file:
        for line in islice(simulate(round(messages / MESSAGES_AN_ORDER), 1, DEFAULT_UNTIL), messages):
            file.write(line + b"\n")
            written += 1
    return written


def write_long_history(messages: int, floors: int, path: str) -> int:
    """So many sales floors one after another, each with about so many messages of its own: longer, and no busier."""
    with Path(path).open("wb") as file:
        return sum(
            _write_floor(messages, number, DEFAULT_UNTIL - FLOOR * (floors - 1 - number), file)
            for number in range(floors)
        )


def write_other_floor(messages: int, number: int, path: str) -> int:
    """A sales floor of about so many messages, which shares no order with those of other numbers."""
    with Path(path).open("wb") as file:
        return _write_floor(messages, number, DEFAULT_UNTIL, file)


def _write_floor(messages: int, number: int, until: datetime, file: BinaryIO) -> int:
    written = 0
    for line in islice(simulate(round(messages / MESSAGES_AN_ORDER), number + 1, until), messages):
        message = msgspec.json.decode(line)
        message["id"] += f".{number}"
        message["subject"] += f".{number}"
        file.write(msgspec.json.encode(message) + b"\n")
        written += 1
    return written


def service(store: str) -> Waybill:
    """The service on a store, as the command opens it for long work."""
    collect_rarely()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    return Waybill(Settings(store=store))


def ingest(path: str, store: str) -> Iterator[int]:
    """The whole pipeline: decode, validate, decide, store. Durable commits; the store is created before it counts."""
    with service(store) as waybill:
        yield 0
        yield read_file(waybill, path, waybill.settings.batch_messages)


def project(store: str) -> Iterator[int]:
    """All projections, from the first event to the last."""
    with service(store) as waybill:
        yield 0
        yield waybill.project()


def rebuild(store: str, processes: int = 1) -> Iterator[int]:
    """All projections anew, beside the rows in use, and into use; yields how many events that was."""
    with service(store) as waybill:
        events = waybill.history.count_after(0)
        yield 0
        Rebuild(waybill, Who("bench"), processes=processes).run(PROJECTIONS)
        yield events


PAST = DEFAULT_UNTIL - timedelta(days=30)
QUESTIONS = 10
EXPORTED = "order_states"


def ask_as_of(store: str, messages: int) -> Iterator[int]:
    """What was overdue a month before the end of the history, asked some times; yields messages, for each question."""
    overdue, asked = view_named("overdue"), Asked(as_of=PAST)
    with service(store) as waybill:
        waybill.views.ask(overdue, asked)
        yield 0
        for _ in range(QUESTIONS):
            waybill.views.ask(overdue, asked)
        yield QUESTIONS * messages


def export(store: str, folder: str, messages: int) -> Iterator[int]:
    """The periods of all orders into a file; yields how many messages these are of."""
    with service(store) as waybill:
        relation = relation_named(waybill.exports.relations, EXPORTED)
        yield 0
        export_rows(waybill, relation, Path(folder) / "exported.jsonl", Asked())
        yield messages


def write_long_order(events: int, more: int, before: str, after: str) -> None:
    """One order with so many events, a second apart: it is promised anew and again. The rest goes into another file."""
    began = DEFAULT_UNTIL - timedelta(days=30)
    with Path(before).open("wb") as first, Path(after).open("wb") as rest:
        for number in range(events + more):
            message = {
                **EXAMPLES["order.rescheduled.v1" if number else "order.placed.v1"],
                "id": f"M-{number}",
                "subject": "SO-1",
                "time": (began + timedelta(seconds=number)).isoformat(),
            }
            (first if number < events else rest).write(msgspec.json.encode(message) + b"\n")


def one_more(before: str, after: str, store: str) -> Iterator[int]:
    """Takes a file in, then, which is what counts, another one: each message in a transaction of its own."""
    with service(store) as waybill:
        read_file(waybill, before, waybill.settings.batch_messages)
        yield 0
        yield read_file(waybill, after, 1)


def read_file(waybill: Waybill, path: str, batch_lines: int) -> int:
    """Take a file in; returns how many messages it had."""
    pipeline = waybill.ingest()
    feed_id = pipeline.read(JsonLines.of_file(Path(path), batch_lines=batch_lines)).feed_id
    pipeline.finish(feed_id)
    return sum(waybill.register.tally(feed_id).values())
