"""`make bench-writers`: several processes ingest distinct files into one PostgreSQL store at once, beside one.

Writers take the lock on events before they read (docs/decisions/012-writers-lock-first.md): how long each waits for it
is told, too.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from sqlalchemy import Connection as StoreConnection

from bench import workloads
from bench.measuring import Clocks, peak_megabytes
from bench.processor import postmaster_of, seconds_of
from bench.stores import NewStore, drop
from bench.throughput import settle_down
from infra.store.backend import Backend

MOST_WRITERS = 4


class Written(NamedTuple):
    """What writers did together: messages, seconds on the clock until the last was done, and of processors.

    `waited_seconds` is how long one of them waited for the lock, on average.
    """

    writers: int
    messages: int
    seconds: float
    client_seconds: float
    server_seconds: float | None
    waited_seconds: float
    peak_megabytes: float

    @property
    def per_second(self) -> float:
        return self.messages / self.seconds

    @property
    def processor_us(self) -> float:
        return 1e6 * (self.client_seconds + (self.server_seconds or 0.0)) / self.messages


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
    context = multiprocessing.get_context("spawn")
    ready, answers, processes = context.Barrier(len(files) + 1), [], []
    for file in files:
        ours, theirs = context.Pipe()
        process = context.Process(target=_write, args=(store, file, ready, theirs))
        process.start()
        theirs.close()
        answers.append(ours)
        processes.append(process)
    server = postmaster_of(store)
    ready.wait()
    before, began = None if server is None else seconds_of([server]), time.perf_counter()
    try:
        told = [answer.recv() for answer in answers]
    except EOFError:
        raise RuntimeError("a writer did not finish") from None
    seconds, after = time.perf_counter() - began, None if server is None else seconds_of([server])
    for process in processes:
        process.join()
    units, clients, waits, peaks = zip(*told, strict=True)
    used = None if before is None or after is None else after - before
    return Written(len(files), sum(units), seconds, sum(clients), used, sum(waits) / len(files), max(peaks))


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
    pairs = list(zip(runs, ones, strict=True))
    servers = [1e6 * run.server_seconds / run.messages for run in runs if run.server_seconds is not None]
    return {
        "what": _named(runs[0].writers),
        "units": runs[0].messages,
        "per_second": round(median(run.per_second for run in runs)),
        "slowest": round(min(run.per_second for run in runs)),
        "fastest": round(max(run.per_second for run in runs)),
        "client_us": round(median(1e6 * run.client_seconds / run.messages for run in runs), 2),
        "server_us": round(median(servers), 2) if servers else None,
        "waited_percent": round(median(100 * run.waited_seconds / run.seconds for run in runs)),
        "peak_megabytes": round(max(run.peak_megabytes for run in runs)),
        "reference": "1 writer",
        "times": round(median(run.per_second / one.per_second for run, one in pairs), 3),
        "times_by_processor": round(median(one.processor_us / run.processor_us for run, one in pairs), 3),
        "goal": "",
        "reached": "",
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
