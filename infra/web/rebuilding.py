"""Rebuilds that this server runs: one at a time, in a thread of its own, which goes on when the page is closed.

Nothing is kept but what the store keeps. A rebuild that was cut off, also by a killed server, continues when it is
begun again, here or with `waybill rebuild`. Whether another process rebuilds is decided by the store's leadership.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Event, Lock, Thread

import structlog

from infra.app.container import Waybill
from infra.app.rebuild.errors import NewerServesError, RebuildRunsError, RebuildStoppedError
from infra.app.rebuild.rebuild import Rebuild, Rebuilt
from infra.app.rebuild.standing import RebuildStanding, RebuildStandings
from infra.store.failures import reason_of
from infra.store.operator_log import Who
from projections.projection import Projection
from projections.rebuild import RebuildProgress

INTERRUPTED = (
    "The server stopped before it was done. The rows before it serve, and rebuilding again continues where it stood."
)

SECONDS_TO_END = 10
"""A batch takes less; a thread that waits for an unavailable store longer is left, and ends with the process."""


class BusyError(Exception):
    """This server rebuilds already; the message says what."""


class _StoppedError(Exception):
    """The server stops."""


@dataclass(frozen=True)
class Run:
    """A rebuild that this server runs or ran last. `began_at` is in UTC.

    `progress` is None before the first batch. When it has ended, `done` or `problem` says how.
    """

    projections: Sequence[str]
    operator: str
    began_at: datetime
    progress: RebuildProgress | None = None
    done: Sequence[Rebuilt] = ()
    problem: str | None = None

    @property
    def is_running(self) -> bool:
        return not self.done and self.problem is None


class Rebuilds:
    """Runs rebuilds, one at a time. Close it before its service. `one_act` is held while it projects."""

    def __init__(self, waybill: Waybill, one_act: Lock):
        self._waybill = waybill
        self._one_act = one_act
        self._lock = Lock()
        self._stop = Event()
        self._thread: Thread | None = None
        self._last: Run | None = None
        self._standings = RebuildStandings(waybill)

    @property
    def last(self) -> Run | None:
        """The rebuild that runs, or that ended last."""
        with self._lock:
            return self._last

    def standings(self) -> list[RebuildStanding]:
        """The rebuilds that were begun on the store, by whichever process, and do not serve yet."""
        return self._standings()

    def begin(self, projections: Sequence[Projection], who: Who, *, anew: bool = False) -> Run:
        """Begin to rebuild, or continue what was cut off. Raises BusyError."""
        with self._lock:
            if self._last is not None and self._last.is_running:
                raise BusyError(f"{', '.join(self._last.projections)} is being rebuilt; wait until that is done")
            names = [projection.name for projection in projections]
            self._last = run = Run(names, who.operator, self._waybill.clock())
            self._thread = Thread(target=self._run, args=(projections, who, anew), name="rebuild", daemon=True)
            self._thread.start()
        return run

    def close(self) -> None:
        """Stop after the batch at hand."""
        self._stop.set()
        thread = self._thread
        if thread is not None:
            thread.join(SECONDS_TO_END)

    def _run(self, projections: Sequence[Projection], who: Who, anew: bool) -> None:
        try:
            done = Rebuild(self._waybill, who, tell=self._tell).run(projections, anew=anew)
            with self._one_act:
                # The act itself is an event, which the views pass over.
                self._waybill.project()
            self._note(done=done)
        except (RebuildStoppedError, RebuildRunsError, NewerServesError) as e:
            self._note(problem=str(e))
        except _StoppedError:
            self._note(problem=INTERRUPTED)
        except Exception as e:  # whatever it is, it must be told: nobody waits for this thread
            structlog.get_logger(__name__).error("rebuild_failed", reason=reason_of(e), exc_info=e)
            self._note(problem=f"{reason_of(e)}. Nothing has changed; rebuilding again continues where it stood.")

    def _tell(self, progress: RebuildProgress) -> None:
        if self._stop.is_set():
            raise _StoppedError
        self._note(progress=progress)

    def _note(
        self, *, progress: RebuildProgress | None = None, done: Sequence[Rebuilt] = (), problem: str | None = None
    ) -> None:
        with self._lock:
            assert self._last is not None, "it was noted when it began"
            told = progress if progress is not None else self._last.progress
            self._last = replace(self._last, progress=told, done=done, problem=problem)
