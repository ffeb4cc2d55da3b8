"""What happens when a projection fails: retry with backoff, then park the subject at fault, and stop at too many.

A failing projection does not stop the others of the same batch. See docs/decisions/014.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from projections.projection import Projection

THE_PROJECTION_ITSELF = ""
"""The key of a failure of the whole projection. No subject has this id."""


class Incident(StrEnum):
    """The reaction to a failing projection."""

    RETRIED = "retried"
    """Retried after a pause; nothing was written."""
    PARKED = "parked"
    """A subject's rows stay as they were, and the projection went on without it."""
    STOPPED = "stopped"
    """Too many subjects fail: the projection stays at its position."""
    RESUMED = "resumed"
    """The projection goes on after it was stopped."""


class IncidentReport(NamedTuple):
    """A reaction to log. `position` is the projection's position or, for a parked key, the end of the batch."""

    incident: Incident
    projection: str
    version: int
    key: str | None
    position: int
    reason: str


class Failure(NamedTuple):
    """Why a subject is parked, or (with the key THE_PROJECTION_ITSELF) why the projection is stopped.

    `position` is that of the batch that failed; `since` is in UTC.
    """

    key: str
    position: int
    reason: str
    since: datetime


class RowsRefusedError(Exception):
    """The store refuses the rows of one projection. Nothing was written, for any projection."""

    def __init__(self, projection: Projection, reason: str):
        super().__init__(f"{projection.name}: {reason}")
        self.projection = projection
        self.reason = reason


@dataclass(frozen=True)
class FailurePolicy:
    """The retry policy of a runner for a failing projection. Pauses are in seconds and grow fourfold."""

    attempts: int = 3
    """How often a batch is tried before its subjects are parked: transient failures have passed by then."""
    first_pause: float = 0.2
    longest_pause: float = 60.0
    most_parked: int = 100
    """If more subjects fail, the projection itself is at fault, and stops."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic


@dataclass
class Backoff:
    """A failed projection: how often in a row, and when the next retry is (by the policy's monotonic clock)."""

    policy: FailurePolicy
    attempts: int = 0
    due: float = 0.0
    stopped: bool = False

    def fail(self) -> bool:
        """Record a failure; returns whether the retries are exhausted."""
        pause = min(self.policy.first_pause * 4**self.attempts, self.policy.longest_pause)
        self.attempts += 1
        self.due = self.policy.monotonic() + pause
        return self.attempts >= self.policy.attempts

    def stop(self) -> None:
        """Retry after the longest pause."""
        self.stopped = True
        self.due = self.policy.monotonic() + self.policy.longest_pause

    @property
    def is_due(self) -> bool:
        return self.policy.monotonic() >= self.due


@dataclass(frozen=True)
class Standing:
    """The state of a projection: its position, whether it is paused, and its failures by key.

    `filled` is false for a version that needs a rebuild before it is kept up to date.
    """

    position: int = 0
    paused: bool = False
    failures: Mapping[str, Failure] = field(default_factory=dict)
    filled: bool = True

    @property
    def runs(self) -> bool:
        """Whether the runner moves it on."""
        return self.filled and not self.paused

    @property
    def stopped(self) -> bool:
        return THE_PROJECTION_ITSELF in self.failures

    @property
    def parked(self) -> frozenset[str]:
        return frozenset(self.failures) - {THE_PROJECTION_ITSELF}


def reason_of(error: BaseException) -> str:
    """An error in one line."""
    original = getattr(error, "orig", None) or error
    said = str(original).strip().partition("\n")[0]
    return f"{type(original).__name__}: {said}" if said else type(original).__name__
