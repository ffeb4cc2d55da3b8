"""Rebuilds that this server runs: one at a time, in a thread of its own, which goes on when the page is closed.

Nothing is kept but what the store keeps. A rebuild that was cut off, also by a killed server, continues when it is
begun again, here or with `waybill rebuild`. Whether another process rebuilds is decided by the store's leadership.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Event, Lock, Thread
from typing import Any

import structlog

from infra.app.container import Waybill
from infra.app.rebuild.errors import NewerServesError, RebuildRunsError, RebuildStoppedError, UnfitRowsError
from infra.app.rebuild.rebuild import Rebuild, Rebuilt
from infra.app.rebuild.standing import RebuildStanding, RebuildStandings
from infra.store.failures import reason_of
from infra.store.operator_log import Who
from infra.web.projecting import BriefProjecting
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

    `progress` is None before the first batch. `done` is what serves since the switch. `problem` says what failed: the
    rebuild, or what came after the switch.
    """

    projections: Sequence[str]
    operator: str
    began_at: datetime
    progress: RebuildProgress | None = None
    done: Sequence[Rebuilt] = ()
    problem: str | None = None
    is_running: bool = True


class Rebuilds:
    """Runs rebuilds, one at a time. Close it before its service."""

    def __init__(self, waybill: Waybill, project_briefly: BriefProjecting):
        self._waybill = waybill
        self._project_briefly = project_briefly
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
            rebuild = Rebuild(self._waybill, who, tell=self._tell, on_switch=lambda done: self._note(done=done))
            self._note(done=rebuild.run(projections, anew=anew))
            # The act itself is an event, which the views pass over.
            self._project_briefly(self._stop)
            self._note(is_running=False)
        except (RebuildStoppedError, RebuildRunsError, NewerServesError, UnfitRowsError) as e:
            self._note(problem=str(e), is_running=False)
        except _StoppedError:
            self._note(problem=INTERRUPTED, is_running=False)
        except Exception as e:  # whatever it is, it must be told: nobody waits for this thread
            structlog.get_logger(__name__).error("rebuild_failed", reason=reason_of(e), exc_info=e)
            self._note(problem=f"{reason_of(e)}. {self._what_holds()}", is_running=False)

    def _what_holds(self) -> str:
        """What is true although something failed."""
        last = self.last
        if last is not None and last.done:
            return "The new rows serve all the same; only what comes after that is left undone."
        return "Nothing has changed; rebuilding again continues where it stood."

    def _tell(self, progress: RebuildProgress) -> None:
        if self._stop.is_set():
            raise _StoppedError
        self._note(progress=progress)

    def _note(self, **changed: Any) -> None:
        """Change these fields of the run."""
        with self._lock:
            assert self._last is not None, "it was noted when it began"
            self._last = replace(self._last, **changed)
