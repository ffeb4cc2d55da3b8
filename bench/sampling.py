"""Where a measured piece of work spends its processor time, by module: for goals that were missed.

The process is interrupted at even intervals of its own processor time. A sample counts for the innermost module of
ours on the stack, libraries called from it included. This slows the work by less than a hundredth, unlike a tracer.
"""

import multiprocessing
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from bench.measuring import Clocks, Work

ROOT = Path(__file__).parents[1]
INTERVAL_SECONDS = 0.001
MOST_PARTS = 10
NOT_OURS = "the interpreter and libraries"
PARTS = (
    ("consumers/contract/", "reading"),
    ("consumers/sources/", "reading"),
    ("consumers/ingest/", "batch processing"),
    ("domain/", "settling"),
    ("infra/store/register/rows", "making rows"),
    ("infra/store/events/codec", "making rows"),
    ("infra/store/events/mapper", "making rows"),
    ("infra/store/bulk", "inserting"),
    ("infra/store/postgres/recorder", "inserting"),
    ("infra/store/sqlite/recorder", "inserting"),
    ("infra/store/register/transaction", "inserting"),
    ("infra/store/events/", "reading the store"),
    ("infra/store/register/", "querying the store"),
    ("infra/store/projected/", "replacing rows"),
    ("infra/store/", "the store"),
    ("projections/views/", "questions"),
    ("infra/queries/", "questions"),
    ("projections/", "shaping rows"),
)
"""The parts that docs/performance.md names, by the path of their modules; the first that fits counts."""


class Part(NamedTuple):
    """A module's share in microseconds a unit, and the function of it that took the most."""

    part: str
    module: str
    function: str
    us: float


Samples = Counter[tuple[str, str]]
"""How many samples each function got, by module and name."""


@contextmanager
def sampled(samples: Samples) -> Iterator[None]:
    """Count, while this is open, where the main thread is each time a millisecond of processor time has passed."""

    def note(_: int, frame: FrameType | None) -> None:
        samples[_innermost(frame)] += 1

    before = signal.signal(signal.SIGPROF, note)
    signal.setitimer(signal.ITIMER_PROF, INTERVAL_SECONDS, INTERVAL_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _innermost(frame: FrameType | None) -> tuple[str, str]:
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith(_OURS):
            return path[len(_PREFIX) :], frame.f_code.co_qualname
        frame = frame.f_back
    return NOT_OURS, ""


_PREFIX = f"{ROOT}/"
_OURS = tuple(f"{ROOT}/{package}/" for package in ("domain", "projections", "consumers", "infra"))


def parts_of(samples: Samples, us_a_unit: float) -> list[Part]:
    """The costliest modules; their microseconds are their shares of what a unit takes in all."""
    modules: Counter[str] = Counter()
    for (module, _), count in samples.items():
        modules[module] += count
    whole = modules.total() or 1
    parts = []
    for module, count in modules.most_common(MOST_PARTS):
        functions = {name: found for (of, name), found in samples.items() if of == module}
        costliest = max(functions, key=lambda name: functions[name])
        parts.append(Part(_part(module), module, costliest, round(us_a_unit * count / whole, 2)))
    return parts


def _part(module: str) -> str:
    return next((name for prefix, name in PARTS if module.startswith(prefix)), "the rest")


def profile(work: Work, *arguments: Any, servers: tuple[int, ...] = ()) -> list[Part]:
    """Do the work once more in a process of its own; the servers' time is the first part. Raises RuntimeError."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(theirs, work, arguments, servers))
    process.start()
    theirs.close()
    try:
        parts: list[Part] = ours.recv()
    except EOFError:
        raise RuntimeError("the profiled work did not finish") from None
    finally:
        process.join()
    return parts


def _run(answer: Connection, work: Work, arguments: tuple[Any, ...], servers: tuple[int, ...]) -> None:
    answer.send(profile_here(work, *arguments, servers=servers))


def profile_here(work: Work, *arguments: Any, servers: tuple[int, ...] = ()) -> list[Part]:
    """The same in this process."""
    samples: Samples = Counter()
    done = work(*arguments)
    if not isinstance(done, Iterator):
        raise TypeError("only work that says when it is prepared can be profiled")
    next(done)
    clocks = Clocks(servers)
    with sampled(samples):
        units = next(done)
    _, client, server = clocks.passed()
    next(done, None)
    parts = parts_of(samples, 1e6 * client / units)
    if server:
        parts.insert(0, Part("server", "PostgreSQL, or the broker", "", round(1e6 * server / units, 2)))
    return parts[:MOST_PARTS]
