"""Processes that work beside a measurement and answer through a pipe. None outlives what started it."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

PATIENCE_SECONDS = 120
SECONDS_TO_END = 10


class Child:
    """A running child process, and our end of its pipe."""

    def __init__(self, name: str, process: BaseProcess, pipe: Connection):
        self._name, self._process, self._pipe = name, process, pipe

    def answer(self, within: float | None = PATIENCE_SECONDS) -> Any:
        """What it sends next, within so many seconds (None: any time). Raises RuntimeError without an answer."""
        if not self._pipe.poll(within):
            raise RuntimeError(f"{self._name} did not answer within {within} s")
        try:
            return self._pipe.recv()
        except EOFError:
            raise RuntimeError(f"{self._name} did not finish") from None


@contextmanager
def child(name: str, work: Callable[..., None], *arguments: Any) -> Iterator[Child]:
    """Run `work(*arguments, answer)` in a process; `answer` is its end of a pipe. The process has ended on leaving."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(*arguments, theirs), daemon=True)
    process.start()
    # Only without our copy of its end does a read of a dead child's pipe end.
    theirs.close()
    try:
        yield Child(name, process, ours)
        process.join(SECONDS_TO_END)
    finally:
        process.terminate()
        process.join()
        ours.close()
