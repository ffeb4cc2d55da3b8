"""`make bench-writers`: several processes ingest distinct files into one PostgreSQL store at once, beside one.

Writers take the lock on events before they read (docs/decisions/012-writers-lock-first.md): how long each waits for it
is told, too.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median
from threading import BrokenBarrierError
from typing import Any, NamedTuple

from sqlalchemy import Connection as StoreConnection

from bench import workloads
from bench.children import PATIENCE_SECONDS, child
from bench.durability import WAITS
from bench.measuring import Clocks, Measured, peak_megabytes
from bench.processor import postmaster_of
from bench.report import speed_row
from bench.stores import NewStore, drop
from bench.throughput import settle_down
from infra.store.backend import Backend

MOST_WRITERS = 4


class Written(NamedTuple):
    """What writers did together, on the clock until the last was done; memory is that of the largest.

    `waited_seconds` is how long one of them waited for the lock, on average.
    """

    together: Measured
    waited_seconds: float


def compare(
    new_store: NewStore, folder: Path, messages: int, most: int, times: int, tell: Callable[[str], None]
) -> list[dict[str, Any]]:
    """One, two, three … writers in turns, each with a file of so many messages; rows beside one writer."""
    files = []
    for number in range(most):
        files.append(str(folder / f"writer-{number}.jsonl"))
        workloads.write_other_floor(messages, number, files[-1])
    taken: dict[int, list[Written]] = {writers: [] for writers in range(1, most + 1)}
    for turn in range(times):
        for writers, runs in taken.items():
            tell(f"{_named(writers)}, round {turn + 1}")
            store = new_store(f"writers-{writers}-{turn}")
            runs.append(write_together(store, files[:writers]))
            drop(store)
    return [_row(runs, taken[1]) for runs in taken.values()]


def write_together(store: str, files: list[str]) -> Written:
    """A process for each file, all begun at one moment. Raises RuntimeError when one fails."""
    with workloads.service(store):
        pass  # creates the tables
    settle_down(store)
    ready = multiprocessing.get_context("spawn").Barrier(len(files) + 1)
    server = postmaster_of(store)
    with ExitStack() as stack:
        writers = [stack.enter_context(child("a writer", _write, store, file, ready)) for file in files]
        try:
            ready.wait(PATIENCE_SECONDS)
        except BrokenBarrierError:
            raise RuntimeError("a writer did not start") from None
        clocks = Clocks(() if server is None else (server,))
        answers = [writer.answer(within=None) for writer in writers]
        seconds, _, used = clocks.passed()
    units, clients, waits, peaks = zip(*answers, strict=True)
    measured = Measured(_named(len(files)), sum(units), seconds, sum(clients), used, max(peaks))
    return Written(measured, sum(waits) / len(files))


def _write(store: str, file: str, ready: Barrier, answer: Connection) -> None:
    with workloads.service(store) as waybill:
        waits: list[float] = []
        with _timing_locks(waybill.backend, waits):
            ready.wait()
            clocks = Clocks()
            units = workloads.read_file(waybill, file, waybill.settings.batch_messages)
            answer.send((units, clocks.passed()[1], sum(waits), peak_megabytes()))


@contextmanager
def _timing_locks(backend: Backend, waits: list[float]) -> Iterator[None]:
    """Note how long each request for the lock takes."""
    lock = backend.lock

    def timed(connection: StoreConnection) -> None:
        began = time.perf_counter()
        lock(connection)
        waits.append(time.perf_counter() - began)

    backend.lock = timed  # type: ignore[method-assign]
    try:
        yield
    finally:
        backend.lock = lock  # type: ignore[method-assign]


def _named(writers: int) -> str:
    return "1 writer" if writers == 1 else f"{writers} writers"


def _row(runs: list[Written], ones: list[Written]) -> dict[str, Any]:
    together, alone = [run.together for run in runs], [one.together for one in ones]
    return {
        **speed_row(together[0].name, together, _named(1), alone, None, (WAITS, WAITS)),
        "waited_percent": round(median(100 * run.waited_seconds / run.together.seconds for run in runs)),
    }


WRITTEN: Mapping[str, str] = {
    "what": "what",
    "units": "messages",
    "per_second": "a second",
    "spread": "slowest–fastest",
    "client_us": "client µs",
    "server_us": "server µs",
    "waited_percent": "waited for the lock, % of the time",
    "peak_megabytes": "MB each",
    "reference": "beside",
    "times": "×",
    "times_by_processor": "× by processor",
}
