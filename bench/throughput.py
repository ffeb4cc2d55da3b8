"""What the service gets done in a second, and what its references do, in turns on stores of the same kind."""

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from bench import raw_inserts, references, workloads
from bench.measuring import Measured, Work, measure
from bench.processor import postmaster_of
from bench.stores import Database, NewStore, drop
from infra.settings import Settings

PLAIN_LOOP_MESSAGES = 3_000
RUNNER_EVENTS = 5_000

PLAIN_LOOP, RAW_INSERT, RUNNER = "plain loop", "raw insert", "ProjectionRunner"
INGEST, PROJECT, REBUILD, REBUILD_IN_TWO = "ingest", "project", "rebuild", "rebuild, 2 processes"


class Round(NamedTuple):
    """What one round works on: a file of messages, a store that fills, and stores for what needs its own."""

    source: str
    store: str
    other: Callable[[str], str]


class Thing(NamedTuple):
    """Something to measure, and the things that must have been done to the round's store before it."""

    work: Callable[[Round], tuple[Work, tuple[Any, ...]]]
    needs: tuple[str, ...] = ()
    on: tuple[Database, ...] = tuple(Database)


def _raw(round_: Round) -> tuple[Work, tuple[Any, ...]]:
    insert = raw_inserts.raw_copy if round_.store.startswith("postgresql://") else raw_inserts.raw_insert
    return insert, (round_.store, round_.other("raw"), Settings().batch_messages)


THINGS: Mapping[str, Thing] = {
    PLAIN_LOOP: Thing(lambda r: (references.plain_loop, (r.source, r.other("plain"), PLAIN_LOOP_MESSAGES))),
    INGEST: Thing(lambda r: (workloads.ingest, (r.source, r.store))),
    RAW_INSERT: Thing(_raw, (INGEST,)),
    PROJECT: Thing(lambda r: (workloads.project, (r.store,)), (INGEST,)),
    RUNNER: Thing(
        lambda r: (references.projection_runner, (r.store, RUNNER_EVENTS)), (INGEST,), (Database.POSTGRESQL,)
    ),
    REBUILD: Thing(lambda r: (workloads.rebuild, (r.store,)), (INGEST, PROJECT)),
    REBUILD_IN_TWO: Thing(lambda r: (workloads.rebuild, (r.store, 2)), (INGEST, PROJECT)),
}
"""In the order in which a round does them."""


def rounds(
    names: Collection[str],
    database: Database,
    new_store: NewStore,
    source: str,
    times: int,
    tell: Callable[[str], None],
) -> dict[str, list[Measured]]:
    """Measure these things so many times in turns; what they need is done, too, and left out."""
    wanted = [name for name, thing in THINGS.items() if name in names and database in thing.on]
    if not workloads.rebuilds_in_processes() and REBUILD_IN_TWO in wanted:
        wanted.remove(REBUILD_IN_TWO)
    needed = {need for name in wanted for need in THINGS[name].needs} | set(wanted)
    taken: dict[str, list[Measured]] = {name: [] for name in wanted}
    for turn in range(times):
        with_stores = _Stores(new_store, turn)
        try:
            for measured in _one_round([name for name in THINGS if name in needed], source, with_stores, tell):
                if measured.name in taken:
                    taken[measured.name].append(measured)
        finally:
            with_stores.drop()
    return taken


def _one_round(
    names: Collection[str], source: str, stores: "_Stores", tell: Callable[[str], None]
) -> Iterator[Measured]:
    round_ = Round(source, stores.new("store"), stores.new)
    server = postmaster_of(round_.store)
    for name in names:
        work, arguments = THINGS[name].work(round_)
        tell(name)
        settle_down(round_.store)
        yield measure(name, work, *arguments, servers=() if server is None else (server,))


def settle_down(store: str) -> None:
    """Let the server write what earlier work left in its memory, which would count for the next one."""
    if store.startswith("postgresql://"):
        with psycopg.connect(store, autocommit=True) as connection:
            connection.execute("CHECKPOINT")


class _Stores:
    """The stores of one round."""

    def __init__(self, new_store: NewStore, turn: int):
        self._new_store, self._turn = new_store, turn
        self._made: list[str] = []

    def new(self, name: str) -> str:
        self._made.append(self._new_store(f"{name}-{self._turn}"))
        return self._made[-1]

    def drop(self) -> None:
        for store in self._made:
            drop(store)


def source_of(messages: int, folder: Path) -> str:
    """A file with so many messages of a sales floor."""
    path = str(folder / "messages.jsonl")
    workloads.write_messages(messages, path)
    return path
