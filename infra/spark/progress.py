"""How far Spark is with what a session does at the moment."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any, NamedTuple

SECONDS_BETWEEN_LOOKS = 0.5


class TaskProgress(NamedTuple):
    """A stage of Spark's work, counted from 1, with how many of its tasks are done."""

    stage: int
    done: int
    total: int


def tell_nobody(progress: TaskProgress) -> None:
    """For those who do not want to know."""


@contextmanager
def watched(session: Any, tell: Callable[[TaskProgress], None]) -> Iterator[None]:
    """Tell the progress of Spark's present stage while this is open, from a thread of its own."""
    ended = Event()
    thread = Thread(target=_watch, args=(session.sparkContext.statusTracker(), tell, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _watch(tracker: Any, tell: Callable[[TaskProgress], None], ended: Event) -> None:
    from py4j.protocol import Py4JError

    numbers: dict[int, int] = {}
    while not ended.wait(SECONDS_BETWEEN_LOOKS):
        try:
            stages = {stage: tracker.getStageInfo(stage) for stage in sorted(tracker.getActiveStageIds())}
        except (Py4JError, OSError):
            return  # Spark has ended; whoever waits for its answer hears why
        for stage, found in stages.items():
            number = numbers.setdefault(stage, len(numbers) + 1)
            if found is not None:
                tell(TaskProgress(number, found.numCompletedTasks, found.numTasks))
