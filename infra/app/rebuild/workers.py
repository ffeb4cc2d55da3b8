"""Workers: processes that fill the parts of a rebuild, each one part at a time, and the process that leads them.

The leader hands out parts. A worker tells it of each page and waits for its word before the next one, so the leader
sets the pace of all, and a worker whose leader is gone ends after the page at hand. What is filled is noted in the
store with the rows, so nothing is lost if any of them is killed.

Parts are ranges of stream names, not hashes: then each process reads and writes neighbouring pages of the store only.
"""

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pickle import PicklingError
from types import TracebackType
from typing import NamedTuple, Self

from infra.app.container import Waybill
from infra.app.rebuild.advance import Advance
from infra.app.rebuild.errors import RebuildStoppedError
from infra.app.rebuild.filled_pages import filled_pages
from infra.runtime.garbage_collection import collect_rarely
from infra.settings import Settings
from infra.store.events.ranges import StreamRange
from infra.store.projected.builds import Build, ProjectionBuilds
from infra.telemetry.logs import configure_logs
from projections.catalogue import every_projection
from projections.failures import reason_of

SECONDS_BETWEEN_CLAIMS = 5.0
SECONDS_TO_END = 5.0
PART_DONE = -1
"""What a worker tells instead of a number of events when it has filled its part."""


class ToldBuild(NamedTuple):
    """A build, with the name of its projection: a projection has functions, which cannot be sent."""

    projection: str
    number: int
    position: int
    stream: str | None
    parts: tuple[StreamRange, ...]


class Workers:
    """The workers of one rebuild. Use it as a context manager: at its end, none of them runs."""

    def __init__(self, settings: Settings, builds: Sequence[Build], most: int, processes: int):
        # Forking this process is not safe: it has threads and connections. So a helper process imports the code once,
        # and workers are forked from it.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["__main__", __name__])
        self._parts = deque(range(len(builds[0].parts)))
        told = [_told(build) for build in builds]
        self._workers: dict[Connection, ForkServerProcess] = {}
        for _ in range(min(processes, len(self._parts))):
            own, theirs = context.Pipe()
            worker = context.Process(target=work, args=(settings, told, most, theirs), daemon=True)
            worker.start()
            theirs.close()
            self._workers[own] = worker

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for own, worker in self._workers.items():
            own.close()
            if error is not None:
                worker.terminate()
        for worker in self._workers.values():
            worker.join(SECONDS_TO_END)
            if worker.is_alive():
                worker.kill()
                worker.join()

    def fill(self, paced: Callable[[int], None], claim: Callable[[], None]) -> None:
        """Fill all parts; `paced` is called with the events of each page, and `claim` while there are none.

        Raises what stopped a worker.
        """
        busy = set(self._workers)
        for own in tuple(busy):
            self._hand_out(own, busy)
        while busy:
            ready = wait(busy, SECONDS_BETWEEN_CLAIMS)
            if not ready:
                claim()
            for own in busy.intersection(ready):
                events = self._told(own)
                if events == PART_DONE:
                    self._hand_out(own, busy)
                else:
                    paced(events)
                    self._tell(own, 0)

    def _hand_out(self, own: Connection, busy: set[Connection]) -> None:
        if self._parts:
            self._tell(own, self._parts.popleft())
        else:
            busy.discard(own)

    def _tell(self, own: Connection, word: int) -> None:
        try:
            own.send(word)
        except OSError:
            self._told(own)  # why it ended, if it could tell
            raise self._ended(own) from None

    def _told(self, own: Connection) -> int:
        try:
            told = own.recv()
        except (EOFError, OSError):
            raise self._ended(own) from None
        if isinstance(told, BaseException):
            raise told
        return int(told)

    def _ended(self, own: Connection) -> RebuildStoppedError:
        worker = self._workers[own]
        worker.join(SECONDS_TO_END)
        return RebuildStoppedError(
            f"a process of the rebuild ended with exit code {worker.exitcode}. Nothing has changed; run the rebuild "
            "again to continue"
        )


def work(settings: Settings, told: Sequence[ToldBuild], most: int, leader: Connection) -> None:
    """The main function of a worker."""
    # Ctrl-C reaches all processes of a terminal. The leader ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    configure_logs(settings)
    collect_rarely()
    try:
        with Waybill(settings) as waybill:
            _fill_parts(waybill, [_build_of(each) for each in told], most, leader)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the leader is gone
    except Exception as e:
        _tell_failure(leader, e)


def _fill_parts(waybill: Waybill, builds: Sequence[Build], most: int, leader: Connection) -> None:
    advance = Advance(waybill, ProjectionBuilds(waybill.engine, waybill.clock))
    while True:
        part = leader.recv()
        for page in filled_pages(waybill, advance, builds, part, most):
            leader.send(page.events)
            leader.recv()
        leader.send(PART_DONE)


def _tell_failure(leader: Connection, error: Exception) -> None:
    """Let the leader raise the error itself, so that people read the same words as of a rebuild in one process."""
    with suppress(OSError):
        try:
            leader.send(error)
        except (TypeError, AttributeError, PicklingError):
            leader.send(RebuildStoppedError(f"a process of the rebuild failed: {reason_of(error)}"))


def _told(build: Build) -> ToldBuild:
    return ToldBuild(build.projection.name, build.number, build.position, build.stream, build.parts)


def _build_of(told: ToldBuild) -> Build:
    projection = next(each for each in every_projection() if each.name == told.projection)
    return Build(projection, told.number, told.position, told.stream, parts=told.parts)
