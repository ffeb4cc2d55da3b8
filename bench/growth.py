"""Histories of several sizes: time and processor time a message, and memory, which should not grow with them.

What was measured of a size is written down at once, so that an interrupted run continues with the next size.
"""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import workloads
from bench.durability import waits_for_disk
from bench.goals import GROWTH, goal_of
from bench.measuring import Measured, Work, measure
from bench.processor import postmaster_of
from bench.report import figures_of, judged
from bench.stores import Database, NewStore, drop
from bench.throughput import settle_down

SIZES = (100_000, 1_000_000, 5_000_000)

Taken = dict[str, dict[str, dict[str, list[Any]]]]
"""What was measured, by database, size and what, as in a Measured."""


def steps(source: str, store: str, folder: str, messages: int) -> Mapping[str, tuple[Work, tuple[Any, ...]]]:
    """What is done to the store of one size, in this order."""
    return {
        "ingest": (workloads.ingest, (source, store)),
        "project": (workloads.project, (store,)),
        "rebuild": (workloads.rebuild, (store,)),
        "overdue --as-of": (workloads.ask_as_of, (store, messages)),
        "export": (workloads.export, (store, folder, messages)),
    }


def grow(
    stores: Mapping[Database, NewStore],
    sizes: Sequence[int],
    tell: Callable[[str], None],
    kept: Path | None = None,
    measured_by: Callable[..., Measured] = measure,
) -> dict[str, list[dict[str, Any]]]:
    """Measure each size that is not in the file `kept`, and write it there. Rows for each database."""
    taken: Taken = json.loads(kept.read_text()) if kept is not None and kept.exists() else {}
    with tempfile.TemporaryDirectory(prefix="waybill-bench-", dir=".") as folder:
        for size in sizes:
            missing = [database for database in stores if str(size) not in taken.get(database.value, {})]
            if not missing:
                continue
            source = str(Path(folder) / "messages.jsonl")
            tell(f"{size:,} messages: writing them")
            # As many orders a day whatever the size: a history grows by getting longer.
            workloads.write_long_history(sizes[0], max(1, round(size / sizes[0])), source)
            for database in missing:
                found = _one_size(stores[database](f"grown-{size}"), source, folder, size, tell, measured_by)
                taken.setdefault(database.value, {})[str(size)] = found
                if kept is not None:
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    kept.write_text(json.dumps(taken, indent=2))
    return {database.value: _rows(database, taken[database.value], sizes) for database in stores}


def _one_size(
    store: str, source: str, folder: str, size: int, tell: Callable[[str], None], measured_by: Callable[..., Measured]
) -> dict[str, list[Any]]:
    server = postmaster_of(store)
    found: dict[str, list[Any]] = {}
    for name, (work, arguments) in steps(source, store, folder, size).items():
        tell(f"{size:,} messages: {name}")
        settle_down(store)
        found[name] = list(measured_by(name, work, *arguments, servers=() if server is None else (server,)))
    drop(store)
    return found


def _rows(
    database: Database, taken: Mapping[str, Mapping[str, list[Any]]], sizes: Sequence[int]
) -> list[dict[str, Any]]:
    time_goal, memory_goal = goal_of(GROWTH, "time", database), goal_of(GROWTH, "memory", database)
    rows = []
    for name, small in taken[str(sizes[0])].items():
        least = Measured(*small)
        for size in sizes:
            run = Measured(*taken[str(size)][name])
            times = least.per_second / run.per_second
            by_processor = run.processor_us / least.processor_us if least.processor_us else 1.0
            told = [judged(memory_goal, run.peak_megabytes)]
            if size != sizes[0]:
                told.insert(0, judged(time_goal, times))
            rows.append(
                {
                    **figures_of(f"{name}, {size:,} messages", [run]),
                    "us": round(1e6 / run.per_second, 3),
                    "waits": waits_for_disk(name, database),
                    "reference": f"{sizes[0]:,} messages",
                    "times": round(times, 3),
                    "times_by_processor": round(by_processor, 3),
                    "goal": ", ".join(one["goal"] for one in told),
                    "reached": ", ".join(one["reached"] for one in told),
                }
            )
    return rows


GROWN: Mapping[str, str] = {
    "what": "what",
    "us": "µs a message",
    "client_us": "client µs",
    "server_us": "server µs",
    "peak_megabytes": "MB",
    "waits": "waits for disk",
    "reference": "beside",
    "times": "× its time",
    "times_by_processor": "× by processor",
    "goal": "goal",
    "reached": "reached",
}
"""The columns of the table: time on the clock and of processors for each message of the history."""
