"""One measurement: a function run in a process of its own, with the processor time of the servers that it uses.

Time on the clock says what a user waits for; on a machine that others use too, only processor time can be compared.
The time of the server counts as well: work that moves from the client to the server is not saved.
"""

import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from bench.processor import megabytes_below, peak_megabytes_of, seconds_below, seconds_of

SECONDS_BETWEEN_LOOKS = 0.1
"""At the memory of the processes that work starts."""


class Measured(NamedTuple):
    """Units done; seconds on the clock and of processors; the greatest memory of any client process in MB.

    `server_seconds` is what the servers used meanwhile, background work included: None without one, or when unknown.
    """

    name: str
    units: int
    seconds: float
    client_seconds: float
    server_seconds: float | None
    peak_megabytes: float

    @property
    def per_second(self) -> float:
        return self.units / self.seconds

    @property
    def processor_seconds(self) -> float:
        """Of client and servers together."""
        return self.client_seconds + (self.server_seconds or 0.0)

    @property
    def processor_us(self) -> float:
        """Microseconds of processors for each unit, client and servers together."""
        return 1e6 * self.processor_seconds / self.units


Work = Callable[..., int | Iterator[int]]
"""Returns how many units it did; or yields twice, when it is prepared and when it is done.

Of one that yields, only what is between the two counts: not imports, not the opening and closing of a store.
"""


def measure(name: str, work: Work, *arguments: Any, servers: Sequence[int] = ()) -> Measured:
    """Run `work`; `servers` are the processes that work for it, each with its children. Raises RuntimeError."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(theirs, work, arguments, servers))
    process.start()
    theirs.close()
    of_workers = 0.0
    try:
        while not ours.poll(SECONDS_BETWEEN_LOOKS):
            of_workers = max(of_workers, megabytes_below(process.pid or 0))
        units, seconds, client, server, peak = ours.recv()
    except EOFError:
        raise RuntimeError(f"{name} did not finish") from None
    finally:
        process.join()
    return Measured(name, units, seconds, client, server, max(peak, of_workers))


def _run(answer: Connection, work: Work, arguments: tuple[Any, ...], servers: Sequence[int]) -> None:
    answer.send(measure_here("", work, *arguments, servers=servers)[1:])


def measure_here(name: str, work: Work, *arguments: Any, servers: Sequence[int] = ()) -> Measured:
    """The same in this process, whose memory then includes whatever it did before."""
    clocks = Clocks(servers)
    done = work(*arguments)
    if isinstance(done, int):
        units = done
    else:
        next(done)
        clocks = Clocks(servers)
        units = next(done)
    seconds, client, server = clocks.passed()
    if not isinstance(done, int):
        next(done, None)
    return Measured(name, units, seconds, client, server, peak_megabytes())


class Clocks:
    """What has passed since they were made: on the clock, of this process with those below it, and of servers."""

    def __init__(self, servers: Sequence[int] = ()):
        self._servers = servers
        self._server = seconds_of(servers)
        self._below = _seconds_below()
        self._own, self._began = time.process_time(), time.perf_counter()

    def passed(self) -> tuple[float, float, float | None]:
        """Seconds: on the clock, of this process and all below it, of the servers (None: none, or unknown)."""
        seconds, own = time.perf_counter() - self._began, time.process_time() - self._own
        client = own + _seconds_below() - self._below
        server = seconds_of(self._servers)
        return seconds, client, None if server is None or self._server is None else server - self._server


def _seconds_below() -> float:
    """Workers may be children of children, and still live: the system's own sum leaves these out."""
    below = seconds_below(os.getpid())
    if below is not None:
        return below
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def peak_megabytes() -> float:
    """The greatest memory so far of this process, or of a child that ended, whichever was greater."""
    # What getrusage says of the process itself also covers the one that started it.
    own = peak_megabytes_of("self")
    # Linux counts in KiB, macOS in bytes.
    scale = 1024 if sys.platform.startswith("linux") else 1024 * 1024
    if own is None:
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / scale)


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    model = ""
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    return {"processors": os.cpu_count(), "model": model, "system": sys.platform, "python": sys.version.split()[0]}
