"""`make bench-group`: one, two and four `waybill consume` of one group take a backlog into one PostgreSQL store.

Each consumer is a process, where the machine allows it on a host of its own (bench/hosts.py). They join the group while
the consumer is paused; the clock runs from the resume until all messages are received. Meanwhile the server is asked
every SECONDS_BETWEEN_LOOKS who holds the writers' lock, who waits for it, and what whoever holds it is doing: that says
what would have to become faster, or more, for the group to be faster.
"""

import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median
from threading import Event, Thread
from typing import Any, NamedTuple

import psycopg
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError
from sqlalchemy import select
from sqlalchemy.sql.functions import count

from bench.broker import WAYBILL, Broker, Scene, until
from bench.consuming import filled
from bench.hosts import Host
from bench.measuring import Measured
from bench.processor import peak_megabytes_of, postmaster_of, processors_busy, seconds_of
from bench.report import figures_of
from bench.stores import NewStore, drop
from bench.workloads import service
from infra.app.container import Waybill
from infra.queries.books import kept
from infra.store.register.tables import notices

MEMBERS = (1, 2, 4)
SECONDS_BETWEEN_LOOKS = 0.02
PART = "consume"
_LOCK = "locktype = 'relation' AND mode = 'ExclusiveLock' AND relation = to_regclass('{events}')"
_LOOK = """
SELECT coalesce(l.granted, false), l.granted IS false, a.state, a.wait_event_type, a.wait_event
FROM pg_stat_activity a
LEFT JOIN (SELECT pid, granted FROM pg_locks WHERE {lock}) l USING (pid)
WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
"""
HELD, WAITED, CLIENT, SERVER, DISK = "held", "waited", "client", "server", "disk"


class Shares(NamedTuple):
    """Of the time: how long somebody held the lock, what the holder did then, and how long each consumer waited for it.

    `client` is the holder's own work between its statements, `server` statements on a processor or waiting for one,
    `disk` their waits for the disk or for the log (WAL).
    """

    held: float
    client: float
    server: float
    disk: float
    waited: float


class Taken(NamedTuple):
    """What a group did: memory is that of the largest; the broker's seconds and those of all processors are apart."""

    together: Measured
    broker_seconds: float | None
    busy: float | None
    shares: Shares
    held_first: int


def compare(
    new_store: NewStore,
    broker: Broker,
    hosts: Sequence[Host],
    messages: int,
    members: Sequence[int],
    times: int,
    tell: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Groups of so many consumers in turns, each with a store of its own, on the same topics; rows beside the first."""
    first = new_store("group-topics")
    tell(f"{messages:,} messages to the topics")
    scene, written = filled(broker, first, messages)
    drop(first)
    taken: dict[int, list[Taken]] = {size: [] for size in members}
    for turn in range(times):
        for size, runs in taken.items():
            tell(f"{_named(size)}, round {turn + 1}")
            store = new_store(f"group-{size}-{turn}")
            runs.append(take(scene, store, f"g{size}-{turn}", hosts[:size], written))
            drop(store)
    return [_row(runs, taken[members[0]]) for runs in taken.values()]


def take(scene: Scene, store: str, group: str, hosts: Sequence[Host], messages: int) -> Taken:
    """A group of one consumer on each host takes all messages. Raises RuntimeError when they do not come."""
    with service(store) as waybill:
        return _take(scene, waybill, group, hosts, messages)


def _take(scene: Scene, waybill: Waybill, group: str, hosts: Sequence[Host], messages: int) -> Taken:
    store, events = waybill.settings.store, waybill.backend.events_table
    env = {**scene.env, "WAYBILL_STORE": store, "WAYBILL_KAFKA_GROUP": group}
    _run(env, "pause", PART, "--reason", "all begin together")
    with tempfile.TemporaryFile() as said, _consumers(env, hosts, said) as consumers:
        until(lambda: _members(scene, group) == len(hosts))
        server, ours = postmaster_of(store), [consumer.pid for consumer in consumers]
        servers = [() if one is None else (one,) for one in (server, scene.broker.process)]
        with _looking(store, events) as looks:
            _run(env, "resume", PART)
            before, busy = [seconds_of(each) for each in (ours, *servers)], processors_busy()
            began = time.perf_counter()
            _until_received(waybill, messages, consumers)
            seconds = time.perf_counter() - began
            after, share = [seconds_of(each) for each in (ours, *servers)], processors_busy()
        with waybill.engine.connect() as connection:
            held_first = connection.scalar(
                select(count()).where(notices.c.verdict == "held", notices.c.before.is_(None))
            )
        peak = max(peak_megabytes_of(one) or 0.0 for one in ours)
    client, served, by_broker = (
        None if old is None or new is None else new - old for old, new in zip(before, after, strict=True)
    )
    together = Measured(_named(len(hosts)), messages, seconds, client or 0.0, served, peak)
    used = None if busy is None or share is None else (share[0] - busy[0]) / max(share[1] - busy[1], 1e-9)
    return Taken(together, by_broker, used, _shares(looks, len(hosts)), held_first or 0)


def _run(env: Mapping[str, str], *arguments: str) -> None:
    subprocess.run([*WAYBILL, *arguments], env=env, stdout=subprocess.DEVNULL, check=True)


@contextmanager
def _consumers(env: Mapping[str, str], hosts: Sequence[Host], said: Any) -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    try:
        for host in hosts:
            seen = {name: host.seen_from_it(value) for name, value in env.items()}
            started.append(subprocess.Popen([*host.command, *WAYBILL, PART], env=seen, stdout=said, stderr=said))
        yield started
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()


def _members(scene: Scene, group: str) -> int:
    """How many members have partitions."""
    admin = KafkaAdminClient(bootstrap_servers=scene.broker.address)
    try:
        described = admin.describe_groups([f"{scene.prefix}{group}"])
    except KafkaError:
        return 0  # a new broker has no coordinator yet
    finally:
        admin.close()
    return sum(bool(member["member_assignment"]) for one in described.values() for member in one["members"])


def _until_received(waybill: Waybill, messages: int, consumers: Sequence[subprocess.Popen[bytes]]) -> None:
    """The books say so. Raises RuntimeError when a consumer ends, or nothing comes."""
    received, moved_at = 0, time.monotonic()
    while received < messages:
        now = sum(kept(waybill.engine).values())
        if now > received:
            received, moved_at = now, time.monotonic()
        if any(one.poll() is not None for one in consumers) or time.monotonic() > moved_at + 60:
            raise RuntimeError(f"only {received} of {messages} messages were received")
        time.sleep(0.05)


@contextmanager
def _looking(store: str, events: str) -> Iterator[Counter[str]]:
    """Looks at the server until the end, in a thread: how often each was so, under "looks" how often in all."""
    seen: Counter[str] = Counter()
    over = Event()
    query = _LOOK.format(lock=_LOCK.format(events=events)).encode()

    def look() -> None:
        with psycopg.connect(store, autocommit=True) as connection:
            while not over.wait(SECONDS_BETWEEN_LOOKS):
                seen["looks"] += 1
                for holds, waits, state, kind, _ in connection.execute(query).fetchall():
                    if waits:
                        seen[WAITED] += 1
                    if holds:
                        seen[HELD] += 1
                        seen[_doing(state, kind)] += 1

    thread = Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def _doing(state: str, waits_for: str | None) -> str:
    if state == "idle in transaction" or waits_for == "Client":
        return CLIENT
    return SERVER if waits_for is None else DISK


def _shares(seen: Counter[str], members: int) -> Shares:
    held, client, server, disk, waited = (
        seen[name] / max(seen["looks"], 1) for name in (HELD, CLIENT, SERVER, DISK, WAITED)
    )
    return Shares(held, client, server, disk, waited / members)


def _named(members: int) -> str:
    return "1 consumer" if members == 1 else f"{members} consumers"


def _row(runs: list[Taken], ones: list[Taken]) -> dict[str, Any]:
    def percent(of: Callable[[Taken], float]) -> int:
        return round(median(100 * of(run) for run in runs))

    together, units = [run.together for run in runs], runs[0].together.units
    pairs = zip(together, (one.together for one in ones), strict=True)
    brokers = [run.broker_seconds for run in runs if run.broker_seconds is not None]
    return {
        **figures_of(together[0].name, together),
        "times": round(median(run.per_second / one.per_second for run, one in pairs), 2),
        "broker_us": round(median(1e6 * one / units for one in brokers), 1) if brokers else None,
        "busy_percent": percent(lambda run: run.busy or 0.0),
        "held_percent": percent(lambda run: run.shares.held),
        "client_percent": percent(lambda run: run.shares.client),
        "server_percent": percent(lambda run: run.shares.server),
        "disk_percent": percent(lambda run: run.shares.disk),
        "waited_percent": percent(lambda run: run.shares.waited),
        "held_first": round(median(run.held_first for run in runs)),
    }


TAKEN: Mapping[str, str] = {
    "what": "what",
    "units": "messages",
    "per_second": "a second",
    "spread": "slowest–fastest",
    "times": "×",
    "client_us": "client µs",
    "server_us": "server µs",
    "broker_us": "broker µs",
    "busy_percent": "processors busy, %",
    "held_percent": "lock held, %",
    "client_percent": "by the client's work",
    "server_percent": "by the server's",
    "disk_percent": "by the disk",
    "waited_percent": "each waited for it, %",
    "held_first": "held first",
    "peak_megabytes": "MB each",
}
