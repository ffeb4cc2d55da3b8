"""Real stores for properties: opened once, emptied after each example, used by several processes at a time."""

import io
import logging
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, NoReturn
from uuid import uuid4

import psycopg
import pytest
import structlog
from hypothesis import settings
from hypothesis.internal.conjecture import engine
from sqlalchemy import delete, event, inspect, select, text, update

from consumers.ingest import batch_processing
from consumers.ingest.register import Feed, MessageKey, Receipt, RegisterTransaction
from consumers.sources.json_lines import JsonLines
from consumers.sources.source import Batch, FeedPosition, RawMessage
from domain.fact import Fact
from domain.streams import settle_stream, split_stream_name
from domain.verdict import Outcome, Verdict
from infra.app.container import Waybill
from infra.app.verify import verify_store
from infra.queries.views import Asked
from infra.settings import Settings
from infra.store.engine import LOCKED
from infra.store.newest_version import VERSION_TABLE
from infra.store.projected.tables import live_projections, projection_positions
from infra.store.register.tables import malformed_messages, messages, store_rules
from projections import order_states as order_tables
from projections.catalogue import PROJECTIONS
from projections.order_states import ORDER_STATES
from projections.projection import Projection, Settled
from projections.runner import Runner
from projections.views.catalogue import VIEWS, View
from projections.views.tables import order_states, rep_open_orders, table_of
from tests.property.messages import Delivery, Message
from tests.unit.domain.facts import oclock

LEAST_TRIED = 3
LONG_AFTER = oclock(50 * 24)
"""What the clock says unless told otherwise: all that is told has happened, and nothing has waited for long."""


def tried(share: float) -> settings:
    """So much of the examples that the profile asks for: what goes through a store takes longer than what does not."""
    count = max(LEAST_TRIED, round(settings().max_examples * share))
    return settings(max_examples=count if _server is None else fewer_on_postgresql(count))


def fewer_on_postgresql(examples: int) -> int:
    """How many of a property's examples are tried on PostgreSQL.

    The `ci` profile has the same ones for each store: SQLite gets all of them, PostgreSQL the first third. The other
    profiles have all of them for both.
    """
    if settings.get_current_profile_name() != "ci":
        return examples
    return max(LEAST_TRIED, examples // 3)


@pytest.fixture(scope="module")
def small_and_quiet() -> Iterator[None]:
    """Streams count as long from their third event on, nobody logs every batch, and who shrinks gives up in time."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_processing, "LONG_STREAM", 3)
        patch.setattr(engine, "MAX_SHRINKING_SECONDS", 60)
        yield
    structlog.configure(**before)


class Clock:
    """Says what it is told to."""

    def __init__(self) -> None:
        self.now = LONG_AFTER

    def __call__(self) -> datetime:
        return self.now


class Store(ABC):
    """A store, and the processes that have it open."""

    def __init__(self, url: str):
        self.clock = Clock()
        self._settings = Settings(store=url)
        self._processes: dict[int, Waybill] = {}

    def process(self, number: int = 0) -> Waybill:
        """One of the processes; it opens the store when it is first asked for."""
        if number not in self._processes:
            self._processes[number] = Waybill(self._settings, self.clock)
        return self._processes[number]

    def restart(self, number: int) -> None:
        """Close the store in one of the processes; it is opened again when that is asked for."""
        if number in self._processes:
            self._processes.pop(number).close()

    def close(self) -> None:
        for waybill in self._processes.values():
            waybill.close()
        self._processes = {}

    def empty(self) -> None:
        """As though it had just been created."""
        self.clock.now = LONG_AFTER
        with self.process().engine.execution_options(**{LOCKED: True}).begin() as connection:
            for name in inspect(connection).get_table_names():
                if name not in (projection_positions.name, live_projections.name, store_rules.name, VERSION_TABLE):
                    connection.execute(text(f'DELETE FROM "{name}"'))
            connection.execute(update(projection_positions).values(position=0))

    @abstractmethod
    def discard(self) -> None:
        """Close it and delete it."""

    @abstractmethod
    def when_killed(self) -> "Store":
        """What a process that is killed now leaves behind."""


class File(Store):
    """A store in a file of its own."""

    def __init__(self, path: Path):
        super().__init__(f"sqlite:///{path}")
        self._path = path

    def discard(self) -> None:
        self.close()
        for ending in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)

    def when_killed(self) -> Store:
        """The files as they lie on the disk at this moment."""
        copy = new_path()
        for ending in ("", "-wal"):
            if (file := self._path.with_name(self._path.name + ending)).exists():
                shutil.copyfile(file, copy.with_name(copy.name + ending))
        return File(copy)


class Database(Store):
    """A store in a database of its own."""

    def __init__(self, server: str):
        self._server = server
        self._name = f"waybill_property_{uuid4().hex}"
        self._execute(f"CREATE DATABASE {self._name}")
        super().__init__(f"{server.rsplit('/', 1)[0]}/{self._name}")

    def discard(self) -> None:
        self.close()
        self._execute(f"DROP DATABASE {self._name} WITH (FORCE)")

    def when_killed(self) -> Store:
        """The same: its server takes back what was not committed, as soon as the process is gone."""
        return self

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(statement)


_memory = Path("/dev/shm")
_folder = tempfile.TemporaryDirectory(prefix="waybill-properties-", dir=_memory if _memory.is_dir() else None)
_server: str | None = None
_idle: list[Store] = []
_opened = 0


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def on_each_database(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every property of the module is tried with stores that are files, and with stores that are databases."""
    global _server
    _server = request.getfixturevalue("postgres_server") if request.param == "postgresql" else None
    yield
    while _idle:
        _idle.pop().discard()
    _server = None


def new_path() -> Path:
    """Where a store can be."""
    global _opened
    _opened += 1
    return Path(_folder.name) / f"{_opened}.db"


def new_store() -> Store:
    return File(new_path()) if _server is None else Database(_server)


@contextmanager
def a_store() -> Iterator[Store]:
    """An empty store, for one example. One that something went wrong with is not used again."""
    store = _idle.pop() if _idle else new_store()
    try:
        yield store
    except BaseException:
        store.discard()
        raise
    store.empty()
    _idle.append(store)


# -- what goes wrong -----------------------------------------------------------------------------


class DiskFull(Exception):
    """Nothing more could be written."""


class Killed(Exception):
    """A process was killed at this moment."""

    def __init__(self, store: Store):
        super().__init__()
        self.left = store.when_killed()


@contextmanager
def failing_to_store(waybill: Waybill, failure: Callable[[], Exception], *, written: bool) -> Iterator[None]:
    """The next batch of messages fails: after all was written and before it was committed, or earlier."""
    begin = waybill.register.transaction

    def fail(*_: Any) -> NoReturn:
        raise failure()

    @contextmanager
    def transaction() -> Iterator[RegisterTransaction]:
        with begin() as begun:
            if not written:
                patch.setattr(begun, "save", fail)
            yield begun
            fail()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(waybill.register, "transaction", transaction)
        yield


@contextmanager
def killed_while_projecting(waybill: Waybill, store: Store, statements: int) -> Iterator[None]:
    """The next step of the projections ends in a kill: after so many statements, or before it is committed."""
    left = statements

    def die(*_: Any) -> NoReturn:
        raise Killed(store)

    def count(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            die()

    event.listen(waybill.engine, "commit", die)
    event.listen(waybill.engine, "after_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(waybill.engine, "commit", die)
        event.remove(waybill.engine, "after_cursor_execute", count)


# -- ingesting and projecting --------------------------------------------------------------------


class Slip:
    """A source that is handed over batch by batch."""

    partition = 0
    resumable = True

    def __init__(self, topic: str, *, identifies_by_offset: bool):
        self.topic = topic
        self.identifies_by_offset = identifies_by_offset

    def batches(self, resume: FeedPosition | None) -> Iterator[Batch]:
        raise NotImplementedError("its batches are handed over one by one")


class Pipeline:
    """One process's ingest of one feed."""

    def __init__(
        self, waybill: Waybill, topic: str, *, history: bool = False, identifies_by_offset: bool = False
    ) -> None:
        self.ingest = waybill.ingest(honour_recordedtime=history)
        self.source = Slip(topic, identifies_by_offset=identifies_by_offset)
        self.feed = waybill.register.feed_to_resume(topic, 0) or waybill.register.open_feed(topic, 0, waybill.clock())

    def take(self, lines: Iterable[bytes]) -> Sequence[Receipt]:
        """Store one more batch. When that fails, the feed stands where it was, and the batch can be taken again."""
        start = self.feed.position
        read = [RawMessage(start.next_offset + number, line) for number, line in enumerate(lines)]
        batch = Batch(read, start, FeedPosition(start.next_offset + len(read)))
        stored = self.ingest.take(self.source, self.feed, batch)
        self.feed = Feed(self.feed.feed_id, batch.end)
        return stored.receipts


class Delivered(NamedTuple):
    """What came in: the first verdict of each well-formed message, and what each feed brought, by its id."""

    first_verdicts: dict[MessageKey, Verdict]
    by_feed: dict[int, list[Message]]


def deliver(
    store: Store,
    deliveries: Iterable[Delivery],
    *,
    history: bool = False,
    after_each: Callable[[Waybill], None] = lambda _: None,
) -> Delivered:
    """Hand over batch by batch: two processes take turns, each with feeds of its own."""
    pipelines: dict[int, Pipeline] = {}
    delivered = Delivered({}, defaultdict(list))
    for feed, brought, steps, restarted in deliveries:
        waybill = store.process(feed % 2)
        if restarted or feed not in pipelines:
            pipelines[feed] = Pipeline(waybill, f"feed-{feed}", history=history)
        receipts = pipelines[feed].take(sent.line for sent in brought)
        assert len(receipts) == len(brought)
        for receipt in receipts:
            if receipt.key is not None:
                delivered.first_verdicts.setdefault(receipt.key, receipt.verdict)
        delivered.by_feed[pipelines[feed].feed.feed_id] += brought
        for batch_events in steps:
            runner_of(waybill, batch_events).step()
        after_each(waybill)
    return delivered


def read_file(
    waybill: Waybill,
    name: str,
    sent: Iterable[Message],
    *,
    batch_lines: int = 1_000,
    on_batch: Callable[[Batch], None] | None = None,
) -> None:
    """Read a whole file of messages, with a blank line now and then."""
    content = b"\n".join(one.line + (b"\n \r" if number % 5 == 0 else b"") for number, one in enumerate(sent))
    ingest = waybill.ingest()
    file = JsonLines(f"file:{name}", lambda: io.BytesIO(content), batch_lines=batch_lines, resumable=True)
    feed_id, _ = ingest.read(file, on_batch=on_batch)
    ingest.finish(feed_id)


def runner_of(waybill: Waybill, batch_events: int, projections: Sequence[Projection] = PROJECTIONS) -> Runner:
    """A runner with other batches, or of some projections alone."""
    return Runner(waybill.history, waybill.rows, projections, batch_events)


def project(waybill: Waybill, batch_events: int = 1_000) -> None:
    """Move all projections up to the newest event."""
    runner = runner_of(waybill, batch_events)
    while runner.step():
        pass


def forget_projections(waybill: Waybill) -> None:
    """Empty every table of the projections, and let them begin again."""
    with waybill.engine.execution_options(**{LOCKED: True}).begin() as connection:
        for table in tables_of(PROJECTIONS).values():
            connection.execute(delete(table))
        connection.execute(update(projection_positions).values(position=0))


# -- what a store says ---------------------------------------------------------------------------


def outcomes_in(waybill: Waybill) -> dict[MessageKey, Outcome]:
    """The latest verdict of every well-formed message."""
    with waybill.engine.connect() as connection:
        return {
            MessageKey(row.source, row.message_id, row.subject): Outcome(
                Verdict(row.verdict), row.reason, row.took_effect_at, row.voided
            )
            for row in connection.execute(select(messages))
        }


def repeats_in(waybill: Waybill) -> dict[MessageKey | bytes, int]:
    """How often each message came again that did: a malformed one goes by its bytes."""
    with waybill.engine.connect() as connection:
        again: dict[MessageKey | bytes, int] = {
            MessageKey(row.source, row.message_id, row.subject): row.repeats
            for row in connection.execute(select(messages).where(messages.c.repeats > 0))
        }
        for row in connection.execute(select(malformed_messages).where(malformed_messages.c.repeats > 0)):
            again[row.body] = row.repeats
    return again


def malformed_in(waybill: Waybill) -> dict[bytes, str]:
    """Why each malformed message is."""
    with waybill.engine.connect() as connection:
        return {row.body: row.reason for row in connection.execute(select(malformed_messages))}


def tables_of(projections: Iterable[Projection]) -> dict[str, Any]:
    """Each table by the name with which its projection states it; in the store the name ends in the version."""
    return {
        declared.name: table_of(declared)
        for projection in projections
        for declared in (*projection.tables, *(totals.table for totals in projection.totals))
    }


def rows_in(waybill: Waybill, projections: Sequence[Projection] = PROJECTIONS) -> dict[str, set[tuple[Any, ...]]]:
    """Every row of every table."""
    with waybill.engine.connect() as connection:
        rows = {
            name: [tuple(row) for row in connection.execute(select(table))]
            for name, table in tables_of(projections).items()
        }
    assert all(len(found) == len(set(found)) for found in rows.values())
    return {name: set(found) for name, found in rows.items()}


def rows_of(
    streams: Mapping[str, Sequence[Fact]], projections: Sequence[Projection] = PROJECTIONS
) -> dict[str, set[Any]]:
    """Every row that follows from these facts, totals counted plainly."""
    rows: dict[str, set[Any]] = {name: set() for name in tables_of(projections)}
    for stream, facts in streams.items():
        kind, subject_id = split_stream_name(stream)
        if kind is None:
            continue
        settled = Settled(kind, subject_id, settle_stream(stream, list(facts)))
        for projection in projections:
            if projection.kind is kind:
                for name, shaped in projection.shape(settled).items():
                    rows[name].update(shaped)
    if ORDER_STATES in projections:
        rows[order_tables.rep_open_orders.name] = loads_in(rows[order_tables.order_states.name])
    return rows


def loads_in(states: Iterable[tuple[Any, ...]]) -> set[tuple[Any, ...]]:
    """What each rep holds at present, counted from the rows of order_states: only those who hold anything."""
    loads: dict[str, Counter[str]] = defaultdict(Counter)
    for row in states:
        state = dict(zip(order_states.c.keys(), row, strict=True))
        if state["valid_to"] is not None:
            continue
        load = loads[state["rep_id"] or ""]
        if state["status"] == "open":
            load["open_orders"] += 1
            load[state["stage"]] += 1
            load["expedites_open"] += state["expedites_open"]
            load[f"open_{state['segment']}"] += 1
    measures = [name for name in rep_open_orders.c.keys() if name != "rep_id"]  # noqa: SIM118  (a collection of columns)
    return {(rep, *(load[name] for name in measures)) for rep, load in loads.items() if load.total()}


def answers_of(
    waybill: Waybill,
    as_of: datetime | None = None,
    known_at: datetime | None = None,
    views: Iterable[View] = VIEWS,
) -> dict[str, list[Mapping[str, Any]]]:
    """What each view answers, rows in its order."""
    return {view.command: list(waybill.views.ask(view, Asked(as_of, known_at)).rows) for view in views}


def findings_in(waybill: Waybill) -> list[Any]:
    """What `waybill verify` has to say."""
    return list(verify_store(waybill).findings)
