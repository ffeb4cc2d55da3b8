"""What the service gets done in a second, and what its references do, in turns on stores of the same kind."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from bench import raw_inserts, references, workloads
from bench.measuring import Measured, Work, measure
from bench.processor import postmaster_of
from bench.sampling import Part, profile
from bench.stores import Database, NewStore, drop
from infra.settings import Settings

PLAIN_LOOP_MESSAGES = 3_000
RUNNER_EVENTS = 5_000
"""How many a slow reference does: its speed does not depend on it."""

PLAIN_LOOP, RAW_INSERT, PULL_LOOP = "plain loop", "raw insert", "pull loop"
RUNNER, RUNNER_NOT_WAITING = "ProjectionRunner", "ProjectionRunner, synchronous_commit off"
INGEST, PROJECT, REBUILD, REBUILD_IN_TWO = "ingest", "project", "rebuild", "rebuild, 2 processes"


class Round(NamedTuple):
    """What one round works on: a file of messages, a store that fills, and stores for what needs its own."""

    source: str
    store: str
    other: Callable[[str], str]
    plain_messages: int
    runner_events: int


class Thing(NamedTuple):
    """Something to measure, and the things that must have been done to the round's store before it."""

    work: Callable[[Round], tuple[Work, tuple[Any, ...]]]
    needs: tuple[str, ...] = ()
    on: tuple[Database, ...] = tuple(Database)


def _raw(round_: Round) -> tuple[Work, tuple[Any, ...]]:
    insert = raw_inserts.raw_copy if round_.store.startswith("postgresql://") else raw_inserts.raw_insert
    return insert, (round_.store, round_.other("raw"), Settings().batch_messages)


THINGS: Mapping[str, Thing] = {
    PLAIN_LOOP: Thing(lambda r: (references.plain_loop, (r.source, r.other("plain"), r.plain_messages))),
    INGEST: Thing(lambda r: (workloads.ingest, (r.source, r.store))),
    RAW_INSERT: Thing(_raw, (INGEST,)),
    PROJECT: Thing(lambda r: (workloads.project, (r.store,)), (INGEST,)),
    RUNNER: Thing(
        lambda r: (references.projection_runner, (r.store, r.runner_events)), (INGEST,), (Database.POSTGRESQL,)
    ),
    RUNNER_NOT_WAITING: Thing(
        lambda r: (references.projection_runner, (r.store, r.runner_events, False)), (INGEST,), (Database.POSTGRESQL,)
    ),
    PULL_LOOP: Thing(lambda r: (references.pull_loop, (r.store, r.runner_events)), (INGEST,), (Database.SQLITE,)),
    REBUILD: Thing(lambda r: (workloads.rebuild, (r.store,)), (INGEST, PROJECT)),
    REBUILD_IN_TWO: Thing(lambda r: (workloads.rebuild, (r.store, 2)), (INGEST, PROJECT)),
}
"""In the order in which a round does them."""


class Rounds:
    """Rounds on one database, each with new stores, which are dropped at its end.

    `measured_by` is `measure`, or what takes its place in a test.
    """

    def __init__(
        self,
        database: Database,
        new_store: NewStore,
        source: str,
        tell: Callable[[str], None],
        measured_by: Callable[..., Measured] = measure,
        plain_messages: int = PLAIN_LOOP_MESSAGES,
        runner_events: int = RUNNER_EVENTS,
    ):
        self._database, self._new_store, self._source, self._tell = database, new_store, source, tell
        self._measured_by = measured_by
        self._slow = (plain_messages, runner_events)

    def run(self, names: Collection[str], times: int) -> dict[str, list[Measured]]:
        """Measure these things so many times in turns; what they need is done, too, and left out."""
        wanted = self.known(names)
        taken: dict[str, list[Measured]] = {name: [] for name in wanted}
        for turn in range(times):
            with self._round(turn) as (round_, servers):
                for name in _with_needs(wanted):
                    self._tell(f"{name}, round {turn + 1}")
                    measured = self._measure(name, round_, servers)
                    if name in taken:
                        taken[name].append(measured)
        return taken

    def profile(self, name: str, profiled_by: Callable[..., list[Part]] = profile) -> list[Part]:
        """Do one thing once more, to see where its time goes. Of several processes, only one could be looked into."""
        name = REBUILD if name == REBUILD_IN_TWO else name
        self._tell(f"{name}: where its time goes")
        with self._round(0) as (round_, servers):
            for need in THINGS[name].needs:
                self._measure(need, round_, servers)
            work, arguments = THINGS[name].work(round_)
            return profiled_by(work, *arguments, servers=servers)

    def known(self, names: Collection[str]) -> list[str]:
        """Those of these things that can be done on this database."""
        return [name for name, thing in THINGS.items() if name in names and self._database in thing.on]

    def _measure(self, name: str, round_: Round, servers: tuple[int, ...]) -> Measured:
        work, arguments = THINGS[name].work(round_)
        settle_down(round_.store)
        return self._measured_by(name, work, *arguments, servers=servers)

    @contextmanager
    def _round(self, turn: int) -> Iterator[tuple[Round, tuple[int, ...]]]:
        made: list[str] = []

        def new(name: str) -> str:
            made.append(self._new_store(f"{name}-{turn}"))
            return made[-1]

        try:
            round_ = Round(self._source, new("store"), new, *self._slow)
            server = postmaster_of(round_.store)
            yield round_, () if server is None else (server,)
        finally:
            for store in made:
                drop(store)


def _with_needs(wanted: Collection[str]) -> list[str]:
    needed = {need for name in wanted for need in THINGS[name].needs} | set(wanted)
    return [name for name in THINGS if name in needed]


def settle_down(store: str) -> None:
    """Let the server write what earlier work left in its memory, which would count for the next one."""
    if store.startswith("postgresql://"):
        with psycopg.connect(store, autocommit=True) as connection:
            connection.execute("CHECKPOINT")


def source_of(messages: int, folder: Path) -> str:
    """A file with so many messages of a sales floor."""
    path = str(folder / "messages.jsonl")
    workloads.write_messages(messages, path)
    return path
