"""The sections of `make bench`: each measures on one database and returns rows beside their references."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from bench import consuming, goals, http, questions, workloads
from bench.broker import Broker
from bench.durability import waits_for_disk
from bench.floor import Floor, fill
from bench.freshness import bare_freshness, freshness
from bench.goals import goal_of
from bench.growth import grow
from bench.measuring import Measured, measure
from bench.report import Row, is_missed, latency_row, speed_row
from bench.sampling import Part, profile
from bench.stores import Database, NewStore, drop
from bench.throughput import (
    INGEST,
    PLAIN_LOOP,
    PROJECT,
    PULL_LOOP,
    RAW_INSERT,
    REBUILD,
    REBUILD_IN_TWO,
    RUNNER,
    RUNNER_NOT_WAITING,
    Rounds,
)
from infra.app.container import Waybill
from infra.settings import Settings
from infra.sql_views.relations import relations


class Section(StrEnum):
    INGEST = "ingest"
    PROJECT = "project"
    REBUILD = "rebuild"
    CONSUME = "consume"
    FRESHNESS = "freshness"
    TAKEOVER = "takeover"
    QUESTIONS = "questions"
    LONG_ORDER = "long-order"
    GROWTH = "growth"
    POSTS = "posts"


PLANS = Path(".local")
"""Where the databases' plans for the questions go."""
NOT_QUICK = (Section.TAKEOVER,)
"""Left out of a quick run unless it is asked for: it waits for a timeout, and says the same on any scale."""
WITH_A_BROKER = (Section.CONSUME, Section.FRESHNESS, Section.TAKEOVER)


class Scale(NamedTuple):
    """How much is measured: messages, rounds, and what the slower measurements take."""

    messages: int = 100_000
    rounds: int = 3
    plain_messages: int = 3_000
    runner_events: int = 5_000
    times_grown: int = 4
    orders: int = 1_000_000
    still_open: int = 100_000
    asks: int = 200
    asks_of_the_past: int = 5
    freshness_seconds: int = 30
    long_order_events: int = 10_000
    short_order_events: int = 10
    more_messages: int = 300
    post_seconds: float = 10.0


FULL = Scale()
QUICK = Scale(
    messages=20_000, rounds=1, plain_messages=2_000, runner_events=2_000, times_grown=2, orders=100_000,
    still_open=10_000, asks=30, asks_of_the_past=2, freshness_seconds=5, post_seconds=2.0,
)  # fmt: skip


@dataclass
class Found:
    """Rows of figures of one database, and where the time goes of what missed its goal.

    `seconds` is how long measuring took; `rounds` are those of ingest, project and rebuild.
    """

    speeds: list[dict[str, Any]] = field(default_factory=list)
    latencies: list[dict[str, Any]] = field(default_factory=list)
    growth: list[dict[str, Any]] = field(default_factory=list)
    posts: list[dict[str, Any]] = field(default_factory=list)
    freshness: dict[str, Any] = field(default_factory=dict)
    takeover_seconds: float | None = None
    profiles: dict[str, list[Part]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass
class Bench:
    """Where one database is measured: its stores, a folder for files, a broker where there is one.

    `measured_by` and `profiled_by` start a process for each measurement; a test measures in its own. Without `profiles`
    nothing is done once more to see where its time goes.
    """

    database: Database
    new_store: NewStore
    folder: Path
    source: str
    scale: Scale
    tell: Callable[[str], None]
    broker: Broker | None = None
    server: int | None = None
    measured_by: Callable[..., Measured] = measure
    profiled_by: Callable[..., list[Part]] = profile
    profiles: bool = True
    found: Found = field(default_factory=Found)

    @property
    def servers(self) -> tuple[int, ...]:
        """The database's process, where it has one."""
        return () if self.server is None else (self.server,)

    @property
    def servers_with_broker(self) -> tuple[int, ...]:
        process = None if self.broker is None else self.broker.process
        return self.servers if process is None else (*self.servers, process)

    def waits(self, name: str, by: str) -> tuple[str, str]:
        """Whether commits of something and of its reference wait for the disk."""
        return waits_for_disk(name, self.database), waits_for_disk(by, self.database)

    def looks_into(self, row: Row) -> bool:
        """Whether to find out where the time goes of what this row tells."""
        return self.profiles and is_missed(row)


def run(bench: Bench, only: Collection[Section]) -> Found:
    """Measure these sections, in the order in which they stand in Section."""
    of_rounds = {Section.INGEST, Section.PROJECT, Section.REBUILD} & set(only)
    if of_rounds:
        with _timed(bench, "rounds"):
            throughput(bench, of_rounds)
    rest = {
        Section.CONSUME: consume,
        Section.FRESHNESS: fresh,
        Section.TAKEOVER: takeover,
        Section.QUESTIONS: ask,
        Section.LONG_ORDER: long_order,
        Section.GROWTH: growth,
        Section.POSTS: posts,
    }
    for section, measure_it in rest.items():
        if section in only:
            with _timed(bench, section):
                measure_it(bench)
    return bench.found


@contextmanager
def _timed(bench: Bench, name: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    bench.found.seconds[name] = round(time.monotonic() - began, 1)


def pairs_of(database: Database, only: Collection[Section]) -> list[tuple[str, str]]:
    """What these sections measure in rounds, each beside its reference.

    On PostgreSQL, projecting stands beside the runner as it is, and beside one that waits for the disk as little.
    """
    runners = (RUNNER, RUNNER_NOT_WAITING) if database is Database.POSTGRESQL else (PULL_LOOP,)
    beside = {
        Section.INGEST: [(INGEST, PLAIN_LOOP), (INGEST, RAW_INSERT)],
        Section.PROJECT: [(PROJECT, runner) for runner in runners],
        Section.REBUILD: [(name, runner) for name in (REBUILD, REBUILD_IN_TWO) for runner in runners],
    }
    return [pair for section, pairs in beside.items() if section in only for pair in pairs]


def throughput(bench: Bench, only: Collection[Section]) -> None:
    """Ingest, project and rebuild, in rounds with their references."""
    pairs = pairs_of(bench.database, only)
    scale = bench.scale
    rounds = Rounds(
        bench.database,
        bench.new_store,
        bench.source,
        bench.tell,
        bench.measured_by,
        scale.plain_messages,
        scale.runner_events,
    )
    taken = rounds.run({name for pair in pairs for name in pair}, scale.rounds)
    for name, by in pairs:
        row = speed_row(name, taken[name], by, taken[by], goal_of(name, by, bench.database), bench.waits(name, by))
        bench.found.speeds.append(row)
        if bench.looks_into(row) and name not in bench.found.profiles:
            bench.found.profiles[name] = rounds.profile(name, bench.profiled_by)


def consume(bench: Bench) -> None:
    """A backlog from Kafka, beside the bare poll."""
    broker = _broker(bench)
    bench.tell("filling the topics")
    scene, written = consuming.filled(broker, bench.new_store("topics"), bench.scale.messages)
    bare: list[Measured] = []
    taken: list[Measured] = []
    arguments = (broker.address, scene.prefix)
    for turn in range(bench.scale.rounds):
        bench.tell(f"{goals.CONSUME}, round {turn + 1}")
        store = bench.new_store(f"consume-{turn}")
        poll = (goals.BARE_POLL, consuming.bare_poll, *arguments, written)
        bare.append(bench.measured_by(*poll, servers=bench.servers_with_broker))
        work = (goals.CONSUME, consuming.consume, *arguments, store, written)
        taken.append(bench.measured_by(*work, servers=bench.servers_with_broker))
        drop(store)
    goal = goal_of(goals.CONSUME, goals.BARE_POLL, bench.database)
    row = speed_row(goals.CONSUME, taken, goals.BARE_POLL, bare, goal, bench.waits(goals.CONSUME, goals.BARE_POLL))
    bench.found.speeds.append(row)
    if bench.looks_into(row):
        bench.tell(f"{goals.CONSUME}: where its time goes")
        store = bench.new_store("consume-profile")
        bench.found.profiles[goals.CONSUME] = bench.profiled_by(
            consuming.consume, *arguments, store, written, servers=bench.servers_with_broker
        )
        drop(store)


def fresh(bench: Bench) -> None:
    """From sent to visible at an even pace, with the stages between, beside a bare consumer."""
    broker, seconds, database = _broker(bench), bench.scale.freshness_seconds, bench.database
    bench.tell("freshness, bare")
    bare = bare_freshness(broker, bench.new_store("bare"), seconds)
    bench.tell("freshness")
    taken = freshness(broker, bench.new_store("freshness"), seconds, bench.server)
    p50, p99 = (goal_of(goals.FRESHNESS, by, database) for by in (goals.P50, goals.P99))
    waits = waits_for_disk(goals.FRESHNESS, database)
    row = latency_row(goals.FRESHNESS, taken.visible, goals.BARE_FRESHNESS, bare, p50, p99, waits)
    bench.found.latencies.append(row)
    for name, spans in taken.stages.items():
        bench.found.latencies.append(latency_row(f"… {name}", spans, goals.BARE_FRESHNESS, bare, None, None, ""))
    bench.found.freshness = {
        "messages": taken.messages,
        "messages_a_second": taken.messages_a_second,
        "processor_us_a_message": taken.processor_us,
    }
    if bench.looks_into(row):
        bench.tell("freshness: where the time goes")
        sampled = freshness(broker, bench.new_store("sampled"), seconds, bench.server, sampling=True)
        bench.found.profiles |= {f"freshness, waybill {name}": list(parts) for name, parts in sampled.parts.items()}


def takeover(bench: Bench) -> None:
    """Until another consumer has the partitions of one that was killed."""
    bench.tell("takeover from a consumer that was killed")
    bench.found.takeover_seconds = round(consuming.takeover(_broker(bench), bench.new_store("takeover")), 1)


def _broker(bench: Bench) -> Broker:
    if bench.broker is None:
        raise RuntimeError("this needs a broker, and none was started")
    return bench.broker


def ask(bench: Bench) -> None:
    """Questions of a store with very many orders, and of the past of a store with events."""
    scale = bench.scale
    store = bench.new_store("questions")
    with Waybill(Settings(store=store)) as waybill:
        bench.tell(f"filling a store with {scale.orders:,} orders")
        waybill.backend.define(relations(waybill.hold))
        periods = fill(waybill, Floor(scale.orders, scale.still_open, datetime.now(UTC)))
        bench.tell(f"questions of {periods:,} periods")
        found = questions.asked_in_turn(questions.questions(waybill), scale.asks, bench.server)
        plans = questions.plans(waybill)
    PLANS.mkdir(exist_ok=True)
    (PLANS / f"bench-plans-{bench.database}.txt").write_text(plans)
    _ask_rows(bench, store, questions.rows_of(found, goals.COUNT, bench.database))
    drop(store)

    store = bench.new_store("past")
    for name, work, arguments in (
        ("ingest", workloads.ingest, (bench.source, store)),
        ("project", workloads.project, (store,)),
    ):
        bench.tell(f"questions of the past: {name}")
        bench.measured_by(name, work, *arguments)
    with Waybill(Settings(store=store)) as waybill:
        found = questions.asked_in_turn(questions.past_questions(waybill), scale.asks_of_the_past, bench.server)
    _ask_rows(bench, store, questions.rows_of(found, questions.KNOWN_NOW, bench.database))
    drop(store)


def _ask_rows(bench: Bench, store: str, rows: list[dict[str, Any]]) -> None:
    bench.found.latencies += rows
    for row in filter(bench.looks_into, rows):
        bench.tell(f"{row['what']}: where its time goes")
        bench.found.profiles[row["what"]] = bench.profiled_by(
            questions.ask_often, store, row["what"], bench.scale.asks, servers=bench.servers
        )


def long_order(bench: Bench) -> None:
    """One message more for an order with few events, and for one with many."""
    scale = bench.scale
    before, after = str(bench.folder / "before.jsonl"), str(bench.folder / "after.jsonl")
    orders = {goals.SHORT_ORDER: scale.short_order_events, goals.LONG_ORDER: scale.long_order_events}
    taken: Mapping[str, list[Measured]] = {name: [] for name in orders}
    for turn in range(scale.rounds):
        for name, events in orders.items():
            bench.tell(f"{name}, round {turn + 1}")
            workloads.write_long_order(events, scale.more_messages, before, after)
            store = bench.new_store(f"order-{events}-{turn}")
            taken[name].append(bench.measured_by(name, workloads.one_more, before, after, store, servers=bench.servers))
            drop(store)
    by = goals.SHORT_ORDER
    for name, runs in taken.items():
        row = speed_row(name, runs, by, taken[by], goal_of(name, by, bench.database), bench.waits(name, by))
        row["what"] = f"{name} ({orders[name]:,} events)"
        bench.found.speeds.append(row)


def growth(bench: Bench) -> None:
    """A history a few times as long; `make bench-growth` has the large ones."""
    sizes = [bench.scale.messages, bench.scale.messages * bench.scale.times_grown]
    stores = {bench.database: bench.new_store}
    bench.found.growth += grow(stores, sizes, bench.tell, measured_by=bench.measured_by)[bench.database.value]


def posts(bench: Bench) -> None:
    """Small posts to `waybill serve`, each answered after its durable commit, beside a bare app."""
    bench.found.posts += http.figures(bench.new_store, bench.scale.post_seconds, bench.tell)
