"""Worker processes: each does one part of a work at a time, page by page, and the process that leads them hears of it.

The leader hands out parts. A worker tells it of each page and waits for its word before the next one, so the leader
sets the pace of all, and a worker whose leader is gone ends after the page at hand.
"""

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from types import TracebackType
from typing import Any, NamedTuple, Self

from infra.app.sent_errors import packed, unpacked
from infra.runtime.garbage_collection import collect_rarely
from infra.settings import Settings
from infra.telemetry.logs import configure_logs
from projections.failures import reason_of

SECONDS_BETWEEN_LOOKS = 5.0
SECONDS_TO_END = 5.0
GO_ON = -1
"""What the leader tells instead of the number of a part when it has taken a page."""

PagesOf = Callable[[int], Iterable[Any]]
"""Does the part of this number; each page is what the leader hears of it."""


class _Failed(NamedTuple):
    """What a worker tells when it failed: its error, packed (None if it cannot be sent), and the reason."""

    error: bytes | None
    reason: str


class _PartDone:
    """What a worker tells when its part is done."""


class Workers:
    """The workers of one work. Use it as a context manager: at its end, none of them runs.

    `main` is a function of a module. It runs in each worker, with `arguments` and the connection to the leader, and
    calls `do_parts`. `stopped` makes the error of a worker that ended or failed from the end of a sentence about it.
    """

    def __init__(
        self,
        main: Callable[..., None],
        arguments: tuple[Any, ...],
        parts: int,
        processes: int,
        stopped: Callable[[str], Exception],
    ):
        # Forking this process is not safe: it has threads and connections. So a helper process imports the code once,
        # and workers are forked from it.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["__main__", main.__module__])
        self._parts = deque(range(parts))
        self._stopped = stopped
        self._workers: dict[Connection, ForkServerProcess] = {}
        try:
            for _ in range(min(processes, parts)):
                own, theirs = context.Pipe()
                worker = context.Process(target=main, args=(*arguments, theirs), daemon=True)
                with theirs:
                    worker.start()
                self._workers[own] = worker
        except BaseException:
            self._end(at_once=True)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(at_once=error is not None)

    def _end(self, *, at_once: bool) -> None:
        for own, worker in self._workers.items():
            own.close()
            if at_once:
                worker.terminate()
        for worker in self._workers.values():
            worker.join(SECONDS_TO_END)
            if worker.is_alive():
                worker.kill()
                worker.join()

    def pages(self, meanwhile: Callable[[], None] = lambda: None) -> Iterator[Any]:
        """The pages of all parts, as they are done. A worker goes on when the page after its own is asked for.

        `meanwhile` is called while there are none for some seconds. Raises what stopped a worker.
        """
        busy = set(self._workers)
        for own in tuple(busy):
            self._hand_out(own, busy)
        while busy:
            ready = wait(busy, SECONDS_BETWEEN_LOOKS)
            if not ready:
                meanwhile()
            for own in busy.intersection(ready):
                told = self._told(own)
                if isinstance(told, _PartDone):
                    self._hand_out(own, busy)
                else:
                    yield told
                    self._tell(own, GO_ON)

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

    def _told(self, own: Connection) -> Any:
        try:
            told = own.recv()
        except (EOFError, OSError):
            raise self._ended(own) from None
        if isinstance(told, _Failed):
            raise self._stopped(f"failed: {told.reason}") if told.error is None else unpacked(told.error)
        return told

    def _ended(self, own: Connection) -> Exception:
        worker = self._workers[own]
        worker.join(SECONDS_TO_END)
        return self._stopped(f"ended with exit code {worker.exitcode}")


def do_parts(settings: Settings, leader: Connection, ready: Callable[[], AbstractContextManager[PagesOf]]) -> None:
    """What the main function of a worker does: the parts that the leader hands out. `ready` opens what it needs."""
    # Ctrl-C reaches all processes of a terminal. The leader ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    configure_logs(settings)
    collect_rarely()
    to_leader = _ToLeader(leader)
    with suppress(_LeaderGoneError):
        try:
            with ready() as pages_of:
                while True:
                    for page in pages_of(to_leader.hear()):
                        to_leader.tell(page)
                        to_leader.hear()
                    to_leader.tell(_PartDone())
        except _LeaderGoneError:
            raise
        except Exception as e:
            to_leader.tell(_Failed(packed(e), reason_of(e)))


class _LeaderGoneError(Exception):
    """The leader has ended or closed its end, so nobody waits for this worker."""


class _ToLeader:
    """A worker's end of the connection to its leader. Unlike any other connection, it raises _LeaderGoneError."""

    def __init__(self, leader: Connection):
        self._leader = leader

    def hear(self) -> int:
        try:
            return int(self._leader.recv())
        except (EOFError, ConnectionError) as e:
            raise _LeaderGoneError from e

    def tell(self, told: Any) -> None:
        try:
            self._leader.send(told)
        except ConnectionError as e:
            raise _LeaderGoneError from e
