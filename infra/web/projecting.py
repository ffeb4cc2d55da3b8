"""Projecting after an act: the views follow it within a second, or a projector brings them up to date later."""

from threading import Event, Lock
from time import monotonic

import structlog

from infra.app.container import Waybill
from infra.store.failures import reason_of
from infra.store.retries import passes

SECONDS_FOR_THE_VIEWS = 1.0
"""How long an act waits until the views reflect it."""


class BriefProjecting:
    """Projects for a moment after an act, from any thread: it is the projector if no other process is.

    It gives up when the server stops. The act is stored by then, so nothing is lost: projectors continue.
    """

    def __init__(self, waybill: Waybill):
        self._waybill = waybill
        self._one_at_a_time = Lock()
        """A runner of projections serves one thread."""

    def __call__(self, stop: Event) -> None:
        until = _StopOrTime(stop, SECONDS_FOR_THE_VIEWS)
        if not self._one_at_a_time.acquire(timeout=SECONDS_FOR_THE_VIEWS):
            return  # the act before this one projects; it goes on as far as it can
        try:
            self._waybill.projector(until).run(once=True)
        except Exception as e:
            if not passes(e):
                raise
            structlog.get_logger(__name__).warning("act_not_projected", reason=reason_of(e))
        finally:
            self._one_at_a_time.release()


class _StopOrTime(Event):
    """An event that counts as set when another one is, or when its time is up."""

    def __init__(self, stop: Event, seconds: float):
        super().__init__()
        self._stop = stop
        self._end = monotonic() + seconds

    def is_set(self) -> bool:
        return self._stop.is_set() or monotonic() >= self._end

    def wait(self, timeout: float | None = None) -> bool:
        left = max(self._end - monotonic(), 0.0)
        self._stop.wait(left if timeout is None else min(left, timeout))
        return self.is_set()
