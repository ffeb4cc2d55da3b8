"""Parking: a failing projection is retried; after the last retry its failing subjects are parked, and it goes on.

It stops if too many fail. See projections/failures.py for the retry policy, and docs/decisions/014.
"""

from collections.abc import Callable, Collection, Mapping

from projections.batch_settling import SettledBatch
from projections.failures import (
    THE_PROJECTION_ITSELF,
    Backoff,
    Failure,
    FailurePolicy,
    Incident,
    IncidentReport,
    RowsRefusedError,
    Standing,
)
from projections.projection import Projection
from projections.replacement import Replacement, shape_replacements
from projections.rows import Rows


class Parking:
    """Finds and parks failing subjects, and schedules the retries of projections.

    `tell` is called with each reaction to a failing projection.
    """

    def __init__(self, rows: Rows, policy: FailurePolicy, tell: Callable[[IncidentReport], None]):
        self._rows = rows
        self._policy = policy
        self._tell = tell
        self._backoffs: dict[str, Backoff] = {}

    def is_due(self, projection: Projection) -> bool:
        """Whether a projection may run now: it has not failed, or its retry is due."""
        backoff = self._backoffs.get(projection.name)
        return backoff is None or backoff.is_due

    def seconds_to_retry(self) -> float | None:
        """How long until the next retry of a failed projection; None if there is none."""
        due = [backoff.due for backoff in self._backoffs.values() if not backoff.stopped]
        return max(0.0, min(due) - self._policy.monotonic()) if due else None

    def recovered(self, projection: Projection) -> None:
        """A batch of this projection was written."""
        self._backoffs.pop(projection.name, None)

    def left_in(
        self, projection: Projection, standings: Mapping[str, Standing], batch: SettledBatch, found: Mapping[str, str]
    ) -> Replacement | None:
        """The batch without the subjects whose rows cannot be shaped; None if the projection must wait."""
        # Subjects that are already parked need no new search.
        if not found.keys() <= standings[projection.name].parked and not self.patience_ends(
            projection, standings, batch, next(iter(found.values()))
        ):
            return None
        return self.park(projection, standings, batch, found)

    def patience_ends(
        self, projection: Projection, standings: Mapping[str, Standing], batch: SettledBatch, reason: str
    ) -> bool:
        """Record a failure, and let the projection wait unless its retries are exhausted."""
        standing = standings[projection.name]
        backoff = self._backoffs.get(projection.name)
        if backoff is None:
            # A projection that was stopped before gets only one try.
            tried = self._policy.attempts - 1 if standing.stopped else 0
            backoff = self._backoffs[projection.name] = Backoff(self._policy, tried, stopped=standing.stopped)
        if backoff.fail():
            return True
        self.report(Incident.RETRIED, projection, None, batch.start, reason)
        return False

    def park(
        self, projection: Projection, standings: Mapping[str, Standing], batch: SettledBatch, found: Mapping[str, str]
    ) -> Replacement | None:
        """The batch with these subjects parked; None if they are too many and the projection is stopped."""
        standing, now = standings[projection.name], self._policy.clock()
        known = standing.parked
        if found.keys() <= known or len(known | found.keys()) <= self._policy.most_parked:
            (left,), _ = shape_replacements([projection], batch.settlings, found.keys(), batch.begun)
            left.failed = [
                Failure(key, batch.end, reason, standing.failures[key].since if key in known else now)
                for key, reason in found.items()
            ]
            return left
        key, reason = next(iter(found.items()))
        told = f"more than {self._policy.most_parked} subjects fail; of {key}: {reason}"
        since = standing.failures[THE_PROJECTION_ITSELF].since if standing.stopped else now
        self._rows.stop(projection, Failure(THE_PROJECTION_ITSELF, batch.start, told, since))
        self._backoffs.setdefault(projection.name, Backoff(self._policy)).stop()
        self.report(Incident.STOPPED, projection, None, batch.start, told)
        return None

    def refused(
        self, projection: Projection, batch: SettledBatch, among: Collection[str] | None = None
    ) -> dict[str, str]:
        """The subjects whose rows the store refuses, and why, by bisection; at most as many as stop the projection."""
        (whole,), unshaped = shape_replacements([projection], batch.settlings, begun=batch.begun)
        found = dict(unshaped.get(projection.name, {}))
        parts = [[s for s in whole.subjects if s not in found and (among is None or s in among)]]
        while parts and len(found) <= self._policy.most_parked:
            part = parts.pop()
            if not part:
                continue
            others = set(whole.subjects) - set(part)
            (tried,), _ = shape_replacements([projection], batch.settlings, others, batch.begun)
            try:
                self._rows.try_out(tried)
            except RowsRefusedError as e:
                if len(part) == 1:
                    found[part[0]] = e.reason
                else:
                    parts += [part[len(part) // 2 :], part[: len(part) // 2]]
        return found

    def report(self, incident: Incident, projection: Projection, key: str | None, position: int, reason: str) -> None:
        """Report the reaction to a failing projection or, with a key, to one of its subjects."""
        self._tell(IncidentReport(incident, projection.name, projection.version, key, position, reason))
