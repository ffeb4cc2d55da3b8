"""Settling a question in several processes, as seen by who asks it; infra/app/settling_processes.py does so."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

from infra.settled_then.question import SettledPage, SettledQuestion
from infra.store.events.history import History

InProcesses = Callable[[History, SettledQuestion], AbstractContextManager[Iterator[SettledPage] | None]]
"""Settles all stored streams of a question in several processes; None if one process is as fast."""


class QuestionStoppedError(Exception):
    """A process ended before it had settled its part of a question."""


def in_one_process(history: History, question: SettledQuestion) -> AbstractContextManager[None]:
    """Several processes are never worth it."""
    return nullcontext()
