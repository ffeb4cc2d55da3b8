"""One measurement: a function run in a process of its own, so that its memory is its own."""

import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple


class Measured(NamedTuple):
    """Units done, wall and processor seconds, and the process's peak memory in MB."""

    name: str
    units: int
    seconds: float
    processor_seconds: float
    peak_megabytes: float

    @property
    def per_second(self) -> float:
        return self.units / self.seconds


Work = Callable[..., int | Iterator[int]]
"""Returns how many units it did; or yields twice, when it is prepared and when it is done, and the rest counts."""


def measure(name: str, work: Work, *arguments: Any) -> Measured:
    """Run `work`. Raises RuntimeError when it fails."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(theirs, work, arguments))
    process.start()
    theirs.close()
    try:
        units, seconds, processor, peak = ours.recv()
    except EOFError:
        raise RuntimeError(f"{name} did not finish") from None
    finally:
        process.join()
    return Measured(name, units, seconds, processor, peak)


def _run(answer: Connection, work: Work, arguments: tuple[Any, ...]) -> None:
    began, processor_began = time.perf_counter(), time.process_time()
    done = work(*arguments)
    if isinstance(done, int):
        units = done
    else:
        next(done)
        began, processor_began = time.perf_counter(), time.process_time()
        units = next(done)
    seconds, processor = time.perf_counter() - began, time.process_time() - processor_began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    answer.send((units, seconds, processor, peak / (1024 if sys.platform.startswith("linux") else 1024 * 1024)))


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    model = ""
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    return {"processors": os.cpu_count(), "model": model, "system": sys.platform, "python": sys.version.split()[0]}
