"""The runner: reads the events after a checkpoint, settles the touched subjects, and replaces their rows.

All projections at one position share the reading, decoding and settling of a batch (projections/batch_settling.py).
Rows, totals and checkpoint are written in one transaction by compare-and-set (projections/batch_writing.py).
Projections at different positions take turns, and a failing one is left out while the others go on
(projections/parking.py). A version that needs a rebuild gets no turn; a rebuild fills it (infra/app/rebuild/).
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from domain.streams import stream_name
from projections.batch_settling import BatchSettler, SettledBatch, Settler
from projections.batch_writing import BatchWriter
from projections.failures import FailurePolicy, IncidentReport, Standing
from projections.history import History
from projections.parking import Parking
from projections.projection import Projection
from projections.rows import Rows


class Step(NamedTuple):
    """The result of one step of the runner."""

    start: int
    end: int
    events: int
    subjects: int


def _tell_nobody(report: IncidentReport) -> None:
    """For those who look at the standings instead."""


class Runner:
    """Runs projections. One call of `step` is one batch for the projections at one position, in one transaction.

    `tell` is called with each reaction to a failing projection. `paused_until` names paused projections that run
    until they have reached a position: for whoever brings them to where they were paused.
    """

    def __init__(
        self,
        history: History,
        rows: Rows,
        projections: Sequence[Projection],
        batch_events: int,
        *,
        policy: FailurePolicy | None = None,
        tell: Callable[[IncidentReport], None] = _tell_nobody,
        settler: Settler | None = None,
        paused_until: Mapping[str, int] | None = None,
    ):
        self._history = history
        self._rows = rows
        self._projections = projections
        self._batch_events = batch_events
        self._settler = settler or BatchSettler(history)
        self._paused_until = paused_until or {}
        self._parking = Parking(rows, policy or FailurePolicy(), tell)
        self._writer = BatchWriter(rows, self._parking)
        self._left_events = True
        self._runs_any = True
        self._turns = 0
        self._last_turn: dict[str, int] = {}

    def position(self) -> int:
        """The position that all projections have reached, leaving out those that need a rebuild."""
        standings = self._rows.standings(self._projections).values()
        return min((standing.position for standing in standings if standing.filled), default=0)

    def reached(self, target: int) -> bool:
        """Whether all projections that run and are not stopped have reached a position."""
        standings = self._standings().values()
        return all(s.position >= target for s in standings if s.runs and not s.stopped)

    def runs_any(self) -> bool:
        """Whether any of the projections ran on this store at the last step."""
        return self._runs_any

    def has_more(self) -> bool:
        """Whether there may be events that the last step left. If not, further ones are new."""
        return self._left_events

    def seconds_to_retry(self) -> float | None:
        """How long until the next retry of a failed projection; None if there is none."""
        return self._parking.seconds_to_retry()

    def step(self) -> Step | None:
        """Run one batch for the projections at one position; None if there is nothing to do.

        Projections at different positions take turns, so a projection that catches up does not delay the others. A
        batch ends at the next projection's position, and from there both continue together. Raises CheckpointMovedError
        if another process moved one of them meanwhile.
        """
        standings = self._standings()
        self._runs_any = any(standing.runs for standing in standings.values())
        groups = self._groups(standings)
        ends = {standing.position for standing in standings.values() if standing.runs} | {*self._paused_until.values()}
        for start, group in groups:
            stop = min((end for end in ends if end > start), default=None)
            touched = self._history.touched_after(start, self._batch_events, stop)
            if not touched.events:
                continue
            self._turns += 1
            self._last_turn.update((projection.name, self._turns) for projection in group)
            batch = self._settler.settle(touched, start)
            if not self._writer.write(group, standings, batch):
                continue
            self._settler.remember(batch, touched, {standing.position for standing in standings.values()})
            self._left_events = touched.events >= self._batch_events or stop is not None or len(groups) > 1
            return Step(start, touched.end, touched.events, len(touched.streams))
        return None

    def retry_parked(self, keys: Collection[str] | None = None) -> None:
        """Settle parked subjects again, up to their projections' positions: the cause may be fixed.

        With `keys`, only these. Raises CheckpointMovedError if another process moved one of the projections meanwhile.
        """
        standings = self._standings()
        for projection in self._projections:
            standing = standings[projection.name]
            parked = standing.parked if keys is None else standing.parked.intersection(keys)
            if not parked or not standing.runs:
                continue
            streams = [stream_name(projection.kind, subject_id) for subject_id in sorted(parked)]
            settlings = self._settler.settled_up_to(streams, standing.position)
            self._writer.write([projection], standings, SettledBatch(settlings, standing.position, standing.position))

    def _standings(self) -> Mapping[str, Standing]:
        standings = self._rows.standings(self._projections)
        until = self._paused_until
        return {
            name: replace(standing, paused=False) if standing.position < until.get(name, 0) else standing
            for name, standing in standings.items()
        }

    def _groups(self, standings: Mapping[str, Standing]) -> list[tuple[int, list[Projection]]]:
        """The projections that may run, by position; those whose last turn is longest ago come first."""
        groups: dict[int, list[Projection]] = defaultdict(list)
        for projection in self._projections:
            standing = standings[projection.name]
            if standing.runs and self._parking.is_due(projection):
                groups[standing.position].append(projection)

        def last_turn(group: tuple[int, list[Projection]]) -> tuple[int, int]:
            return max(self._last_turn.get(projection.name, 0) for projection in group[1]), group[0]

        return sorted(groups.items(), key=last_turn)
