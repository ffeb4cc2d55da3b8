"""The processor: the loop of every part that reads the store after a checkpoint and acts on it.

If several processes run a part on one store, one is the leader, and another takes over when it dies. If two processes
believe that they lead, only one can move the checkpoint, because it moves by compare-and-set.
"""

from threading import Event
from typing import Protocol

import structlog

from domain.checkpoint import CheckpointMovedError
from infra.signals.pulse import Pulse
from infra.store.leadership import Leadership
from infra.store.retries import RetryPolicy

STANDBY_SECONDS = 0.5
"""How often a standby process tries to take over."""
STANDBY_ONCE_SECONDS = 0.05
"""The same, with `once`."""


class Work(Protocol):
    """The work of a processor. Each method may be called again after an outage."""

    def begin(self) -> None:
        """Called when this process becomes the leader."""

    def step(self) -> bool:
        """Read after the checkpoint, act, and move the checkpoint; False if there is nothing to do.

        It retries during outages itself, because it knows what can be repeated. Raises CheckpointMovedError.
        """

    def has_more(self) -> bool:
        """After a step that did something: whether there may be more to do before something new happens.

        True if only another step can tell.
        """

    def seconds_to_retry(self) -> float | None:
        """How long until the next retry of failed work; None if there is none."""

    def is_done(self) -> bool:
        """Whether everything that existed at the start of the run is done, by any process."""


class Processor:
    """Runs one kind of work until stopped.

    `role` is its name in logs and leadership. An idle leader looks again after `idle_seconds`, or as soon as the store
    has new events.
    """

    def __init__(
        self,
        role: str,
        work: Work,
        leadership: Leadership,
        retry: RetryPolicy,
        stop: Event,
        idle_seconds: float,
        pulse: Pulse | None = None,
    ):
        self._role = role
        self._work = work
        self._leadership = leadership
        self._retry = retry
        self._stop = stop
        self._idle_seconds = idle_seconds
        self._pulse = pulse or Pulse(role)
        self._leads: bool | None = None
        self._log = structlog.get_logger(__name__)

    def run(self, *, once: bool = False) -> None:
        """Work until the stop is set. With `once`, end when everything is done."""
        try:
            while not self._stop.is_set():
                if not self._lead():
                    if once and self._retry(self._work.is_done):
                        return
                    self._stop.wait(STANDBY_ONCE_SECONDS if once else STANDBY_SECONDS)
                    continue
                try:
                    with self._pulse.step() as step:
                        step.busy = busy = self._work.step()
                except CheckpointMovedError as e:
                    # Another process wrote this, or we did and lost the answer. Check who leads now.
                    self._log.info("checkpoint_moved", role=self._role, reason=str(e))
                    self._leadership.close()
                    continue
                # A wait ends at once for events that a store announced during the step. A store that announces nothing
                # (SQLite) is read again instead, or these events would wait for the next look.
                # With `once` there is no wait, so only a step that finds nothing ends it.
                if busy and (once or self._work.has_more() or not self._leadership.announces):
                    continue
                due = self._work.seconds_to_retry()
                if once and due is None:
                    return
                self._wait(self._idle_seconds if due is None else min(due, self._idle_seconds))
        finally:
            self._leadership.close()

    def _lead(self) -> bool:
        """Whether this process leads. For a new leader, this runs the start of its work."""
        leads = self._retry(self._leadership.claim)
        if leads is not self._leads or not leads:
            self._pulse.leads(leads)
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
