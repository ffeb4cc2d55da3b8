"""How far Spark is with what a session does at the moment."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any, NamedTuple

import structlog

from infra.masking import masked
from infra.telemetry.progress import ProgressLog

SECONDS_BETWEEN_LOOKS = 0.5


class TaskProgress(NamedTuple):
    """A stage of Spark's work, counted from 1, with how many of its tasks are done; `events` are all that are read."""

    stage: int
    done: int
    total: int
    events: int


def tell_nobody(progress: TaskProgress) -> None:
    """For those who do not want to know."""


@contextmanager
def watched(session: Any, archive: str, events: int, tell: Callable[[TaskProgress], None]) -> Iterator[None]:
    """Tell and log the progress of Spark's present stage while this is open, from a thread of its own.

    `events` is how many the archive at this URL has.
    """
    structlog.get_logger(__name__).info("spark_started", archive=masked(archive), events=events)
    log = ProgressLog("spark_progress")

    def told(progress: TaskProgress) -> None:
        tell(progress)
        log.tell(f"stage {progress.stage}", progress.done, progress.total, events=progress.events)

    ended = Event()
    thread = Thread(target=_watch, args=(session.sparkContext.statusTracker(), events, told, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _watch(tracker: Any, events: int, tell: Callable[[TaskProgress], None], ended: Event) -> None:
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
                tell(TaskProgress(number, found.numCompletedTasks, found.numTasks, events))
