"""The processor: one loop for every running part that reads the store after a checkpoint and acts on what it reads.

However many processes run a part on one store, one of them is the leader, and another takes over when it dies. Should
two believe that they lead, the checkpoint lets only one of them move on: it moves by a compare-and-set.
"""

from threading import Event
from typing import Protocol

import structlog

from domain.checkpoint import CheckpointMovedError
from infra.store.leadership import Leadership
from infra.store.retries import RetryPolicy

STANDBY_SECONDS = 0.5
"""How often a process that stands by looks whether it has to take over."""
STANDBY_ONCE_SECONDS = 0.05
"""The same, of one that ends when all is done."""


class Work(Protocol):
    """What a processor does. Each method may be called again after an outage."""

    def begin(self) -> None:
        """This process leads from now on."""

    def step(self) -> bool:
        """Read after the checkpoint, act, and move the checkpoint; False when there is nothing to do now.

        It rides out outages of the store itself, since it knows what may be done again. Raises CheckpointMovedError.
        """

    def seconds_to_retry(self) -> float | None:
        """How long until something that failed is due again; None: nothing is."""

    def is_done(self) -> bool:
        """Whether all that there was at the beginning of the run is done, whoever did it."""


class Processor:
    """Runs one kind of work until told to stop.

    `role` names it in the logs and in the leadership. A leader that has nothing to do looks again after `idle_seconds`,
    or as soon as the store has new events.
    """

    def __init__(
        self, role: str, work: Work, leadership: Leadership, retry: RetryPolicy, stop: Event, idle_seconds: float
    ):
        self._role = role
        self._work = work
        self._leadership = leadership
        self._retry = retry
        self._stop = stop
        self._idle_seconds = idle_seconds
        self._leads: bool | None = None
        self._log = structlog.get_logger(__name__)

    def run(self, *, once: bool = False) -> None:
        """Work, and unless `once`, go on as events come, until the stop is set. With `once`, end when all is done."""
        try:
            while not self._stop.is_set():
                if not self._lead():
                    if once and self._retry(self._work.is_done):
                        return
                    self._stop.wait(STANDBY_ONCE_SECONDS if once else STANDBY_SECONDS)
                    continue
                try:
                    busy = self._work.step()
                except CheckpointMovedError as e:
                    # Another one wrote this, or we did and never heard of it. Who leads now?
                    self._log.info("checkpoint_moved", role=self._role, reason=str(e))
                    self._leadership.close()
                    continue
                if busy:
                    continue
                due = self._work.seconds_to_retry()
                if once and due is None:
                    return
                self._wait(self._idle_seconds if due is None else min(due, self._idle_seconds))
        finally:
            self._leadership.close()

    def _lead(self) -> bool:
        """Whether this process leads; what a new leader begins with is done."""
        leads = self._retry(self._leadership.claim)
        if leads and not self._leads:
            self._retry(self._work.begin)
        if leads is not self._leads:
            self._leads = leads
            if leads:
                self._log.info("leadership_taken", role=self._role)
            else:
                self._log.info("standing_by", role=self._role)
        return leads

    def _wait(self, seconds: float) -> None:
        self._retry(lambda: self._leadership.wait(self._stop, seconds))
