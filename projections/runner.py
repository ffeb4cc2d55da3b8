"""The runner: reads what came after a position, settles the subjects that it touches, and replaces their rows.

All projections that stand at one position share the reading, the decoding and the settling of a batch. Rows, totals and
position are written in one transaction, and only from the position at which the batch began. Projections that stand
elsewhere take turns, and one that fails is left out while the others go on (projections/failures.py).
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from domain.clock_holds import ClockHoldEnded, facts_among
from domain.fact import Fact, StreamEvent
from domain.kind import Kind
from domain.settling import Settling
from domain.settling_cache import SettlingCache
from domain.stepping import can_be_stepped_on, step_on
from domain.streams import is_waiting_room, settle_stream, split_stream_name, stream_name
from projections.failures import (
    THE_PROJECTION_ITSELF,
    Backoff,
    Failure,
    FailurePolicy,
    Incident,
    IncidentReport,
    RowsRefusedError,
    Standing,
    reason_of,
)
from projections.projection import Projection, Settled
from projections.table import Row


class Touched(NamedTuple):
    """The streams that got events between two positions, each with these events, and how many they are in all."""

    streams: Mapping[str, Sequence[StreamEvent]]
    events: int
    end: int


class History(Protocol):
    """The stored events, as the runner sees them."""

    def touched_after(self, position: int, limit: int, up_to: int | None = None) -> Touched:
        """At most `limit` events after a position, by stream, none beyond `up_to`; `end` is the last one's position."""

    def facts_up_to(self, streams: Sequence[str], position: int) -> Mapping[str, list[Fact]]:
        """The facts of these streams up to and including a position, in the order of their versions."""


@dataclass
class Replacement:
    """New rows in place of all that these subjects had, for one projection.

    `failed` has what is parked with this batch, and `resolved` the keys that are parked no longer.
    """

    projection: Projection
    subjects: list[str] = field(default_factory=list)
    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    failed: Sequence[Failure] = ()
    resolved: Collection[str] = ()

    def take(self, settled: Settled, *, only_lasting: bool = False) -> None:
        """Add a subject with its rows; with `only_lasting`, without the periods that have ended."""
        self.subjects.append(settled.subject_id)
        for table, rows in self.projection.shape(settled).items():
            self.rows[table].extend(row for row in rows if not only_lasting or getattr(row, "valid_to", None) is None)


class Rows(Protocol):
    """The tables of the projections, as the runner sees them."""

    def standings(self, projections: Iterable[Projection]) -> Mapping[str, Standing]:
        """Where each projection stands, by name; one that has not begun stands at 0."""

    def replace(self, replacements: Sequence[Replacement], start: int, end: int) -> None:
        """Write rows, totals, positions and failures in one transaction.

        Raises domain.checkpoint.CheckpointMovedError, or RowsRefusedError when the rows of one projection are at fault;
        then nothing is written. Whatever else it raises is the store's own trouble.
        """

    def try_out(self, replacement: Replacement) -> None:
        """Write rows and totals, and roll that back. Raises RowsRefusedError."""

    def stop(self, projection: Projection, failure: Failure) -> None:
        """Note that a projection is stopped where it stands."""


class Step(NamedTuple):
    """What one step of the runner did."""

    start: int
    end: int
    events: int
    subjects: int


def _tell_nobody(report: IncidentReport) -> None:
    """For those who look at the standings instead."""


class Runner:
    """Moves projections on. One call of `step` is one batch of those that stand at one position, in one transaction.

    `tell` hears what becomes of projections that fail.
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
    ):
        self._history = history
        self._rows = rows
        self._projections = projections
        self._batch_events = batch_events
        self._policy = policy or FailurePolicy()
        self._tell = tell
        self._backoffs: dict[str, Backoff] = {}
        self._turns = 0
        self._last_turn: dict[str, int] = {}
        # Settlings of streams as they stood at a position: projections that stand elsewhere would spoil them.
        self._recent: dict[int, SettlingCache] = {}

    def position(self) -> int:
        """The position that all projections have reached."""
        return min(standing.position for standing in self._rows.standings(self._projections).values())

    def reached(self, target: int) -> bool:
        """Whether all projections that can move have reached a position: those neither paused nor stopped."""
        standings = self._rows.standings(self._projections).values()
        return all(s.position >= target for s in standings if not s.paused and not s.stopped)

    def seconds_to_retry(self) -> float | None:
        """How long until a projection that failed, and may recover by itself, is due again; None: there is none."""
        due = [backoff.due for backoff in self._backoffs.values() if not backoff.stopped]
        return max(0.0, min(due) - self._policy.monotonic()) if due else None

    def step(self) -> Step | None:
        """Move projections that stand together one batch on; None when there is nothing to do for any of them.

        Projections at different positions take turns, so that one that catches up holds up none that is level. A batch
        ends where the next projection stands: from there both go on together. Raises CheckpointMovedError when another
        process moved one of them meanwhile.
        """
        standings = self._rows.standings(self._projections)
        for start, group in self._groups(standings):
            stop = min((s.position for s in standings.values() if s.position > start and not s.paused), default=None)
            touched = self._history.touched_after(start, self._batch_events, stop)
            if not touched.events:
                continue
            self._turns += 1
            self._last_turn.update((projection.name, self._turns) for projection in group)
            cache = self._recent.setdefault(start, SettlingCache())
            settlings = self._settle(touched, cache)
            if not self._write(group, standings, settlings, start, touched.end):
                continue
            for stream, settling in settlings.items():
                cache.put(stream, touched.streams[stream][-1].originator_version, settling)
            self._move_cache(start, touched.end, standings)
            return Step(start, touched.end, touched.events, len(touched.streams))
        return None

    def retry_parked(self) -> None:
        """Settle parked subjects again, up to where their projections stand: what was at fault may be mended."""
        standings = self._rows.standings(self._projections)
        for projection in self._projections:
            standing = standings[projection.name]
            if not standing.parked or standing.paused:
                continue
            streams = [stream_name(projection.kind, subject_id) for subject_id in sorted(standing.parked)]
            facts = self._history.facts_up_to(streams, standing.position)
            settlings = {stream: settle_stream(stream, filed) for stream, filed in facts.items()}
            self._write([projection], standings, settlings, standing.position, standing.position)

    def _groups(self, standings: Mapping[str, Standing]) -> list[tuple[int, list[Projection]]]:
        """The projections that may move, by position; those whose last turn is longest ago come first."""
        groups: dict[int, list[Projection]] = defaultdict(list)
        for projection in self._projections:
            standing, backoff = standings[projection.name], self._backoffs.get(projection.name)
            if not standing.paused and (backoff is None or backoff.is_due):
                groups[standing.position].append(projection)

        def last_turn(group: tuple[int, list[Projection]]) -> tuple[int, int]:
            return max(self._last_turn.get(projection.name, 0) for projection in group[1]), group[0]

        return sorted(groups.items(), key=last_turn)

    def _move_cache(self, start: int, end: int, standings: Mapping[str, Standing]) -> None:
        self._recent.setdefault(end, self._recent.pop(start))
        stood_at = {standing.position for standing in standings.values()}
        self._recent = {at: cache for at, cache in self._recent.items() if at == end or at in stood_at}

    def _settle(self, touched: Touched, cache: SettlingCache) -> dict[str, Settling[Any]]:
        """Settle the touched streams: from their new events where these are all or go on top, else from all events."""
        settlings: dict[str, Settling[Any]] = {}
        unsettled: list[str] = []
        for stream, events in touched.streams.items():
            if is_waiting_room(stream):
                continue
            facts = facts_among(events)
            version_before = events[0].originator_version - 1
            recent = cache.take(stream, version_before)
            if any(isinstance(event, ClockHoldEnded) for event in events) and version_before:
                # A fact that was left out counts from here on, and its place may be before others.
                unsettled.append(stream)
            elif recent is not None and can_be_stepped_on(recent, facts):
                step_on(recent, facts)
                settlings[stream] = recent
            elif version_before == 0:
                settlings[stream] = settle_stream(stream, facts)
            else:
                unsettled.append(stream)
        for stream, filed in self._history.facts_up_to(unsettled, touched.end).items() if unsettled else ():
            settlings[stream] = settle_stream(stream, filed)
        return settlings

    # -- writing, and what becomes of those that fail ------------------------------------------------

    def _write(
        self,
        group: Sequence[Projection],
        standings: Mapping[str, Standing],
        settlings: Mapping[str, Settling[Any]],
        start: int,
        end: int,
    ) -> bool:
        """Write the rows of these subjects for all projections of the group that do not fail; whether any was."""
        batch = _Batch(settlings, start, end)
        replacements, failures = _shape(group, settlings)
        together = []
        for replacement in replacements:
            found = failures.get(replacement.projection.name)
            if not found:
                together.append(replacement)
            elif (left := self._without(replacement.projection, standings, batch, found)) is not None:
                together.append(left)
        written = False
        while together:
            self._resolve(together, standings)
            try:
                self._rows.replace(together, start, end)
            except RowsRefusedError as e:
                together = [replacement for replacement in together if replacement.projection is not e.projection]
                written |= self._write_alone(e, standings, batch)
            else:
                self._told_as_written(together, standings, end)
                return True
        return written

    def _write_alone(self, refused: RowsRefusedError, standings: Mapping[str, Standing], batch: "_Batch") -> bool:
        """Write the batch of one projection without the subjects whose rows are refused, once it is time for that."""
        projection = refused.projection
        # Of those that are parked already there is nothing new to find out, and nobody has to wait for them.
        known = self._refused(projection, batch, standings[projection.name].parked)
        if known and self._write_without(projection, standings, batch, known):
            return True
        if not self._patience_ends(projection, standings, batch, refused.reason):
            return False
        found = self._refused(projection, batch)
        # None: it was no subject's fault, and may have passed when the projection is due again.
        return bool(found) and self._write_without(projection, standings, batch, found)

    def _write_without(
        self, projection: Projection, standings: Mapping[str, Standing], batch: "_Batch", found: Mapping[str, str]
    ) -> bool:
        left = self._parking(projection, standings, batch, found)
        if left is None:
            return False
        self._resolve([left], standings)
        try:
            self._rows.replace([left], batch.start, batch.end)
        except RowsRefusedError:
            return False
        self._told_as_written([left], standings, batch.end)
        return True

    def _without(
        self, projection: Projection, standings: Mapping[str, Standing], batch: "_Batch", found: Mapping[str, str]
    ) -> Replacement | None:
        """The batch without the subjects whose rows cannot be shaped; None when the projection has to wait."""
        # Of those that are parked already, there is nothing new to find out.
        if not found.keys() <= standings[projection.name].parked and not self._patience_ends(
            projection, standings, batch, next(iter(found.values()))
        ):
            return None
        return self._parking(projection, standings, batch, found)

    def _patience_ends(
        self, projection: Projection, standings: Mapping[str, Standing], batch: "_Batch", reason: str
    ) -> bool:
        """Note a failure, and let the projection wait unless it has failed often enough."""
        standing = standings[projection.name]
        backoff = self._backoffs.get(projection.name)
        if backoff is None:
            # One that was stopped before has been tried often enough: once is all that it gets.
            tried = self._policy.attempts - 1 if standing.stopped else 0
            backoff = self._backoffs[projection.name] = Backoff(self._policy, tried, stopped=standing.stopped)
        if backoff.fail():
            return True
        self._report(Incident.RETRIED, projection, None, batch.start, reason)
        return False

    def _parking(
        self, projection: Projection, standings: Mapping[str, Standing], batch: "_Batch", found: Mapping[str, str]
    ) -> Replacement | None:
        """The batch with these subjects parked; None when they are too many, and the projection is stopped."""
        standing, now = standings[projection.name], self._policy.clock()
        known = standing.parked
        if found.keys() <= known or len(known | found.keys()) <= self._policy.most_parked:
            (left,), _ = _shape([projection], batch.settlings, found.keys())
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
        self._report(Incident.STOPPED, projection, None, batch.start, told)
        return None

    def _refused(self, projection: Projection, batch: "_Batch", among: Collection[str] | None = None) -> dict[str, str]:
        """The subjects without rows that the store takes, and why, by halving; no more than it takes to stop."""
        (whole,), unshaped = _shape([projection], batch.settlings)
        found = dict(unshaped.get(projection.name, {}))
        parts = [[s for s in whole.subjects if s not in found and (among is None or s in among)]]
        while parts and len(found) <= self._policy.most_parked:
            part = parts.pop()
            if not part:
                continue
            (tried,), _ = _shape([projection], batch.settlings, set(whole.subjects) - set(part))
            try:
                self._rows.try_out(tried)
            except RowsRefusedError as e:
                if len(part) == 1:
                    found[part[0]] = e.reason
                else:
                    parts += [part[len(part) // 2 :], part[: len(part) // 2]]
        return found

    def _resolve(self, replacements: Sequence[Replacement], standings: Mapping[str, Standing]) -> None:
        """Note which failures these batches put an end to: of a parked subject with rows, and of one that goes on."""
        for replacement in replacements:
            if failures := standings[replacement.projection.name].failures:
                still = {failure.key for failure in replacement.failed}
                settled = {THE_PROJECTION_ITSELF, *replacement.subjects}
                replacement.resolved = (failures.keys() & settled) - still

    def _told_as_written(
        self, replacements: Sequence[Replacement], standings: Mapping[str, Standing], end: int
    ) -> None:
        for replacement in replacements:
            projection = replacement.projection
            self._backoffs.pop(projection.name, None)
            for failure in replacement.failed:
                self._report(Incident.PARKED, projection, failure.key, end, failure.reason)
            for key in replacement.resolved:
                reason = standings[projection.name].failures[key].reason
                self._report(Incident.RESUMED, projection, key or None, end, reason)

    def _report(self, incident: Incident, projection: Projection, key: str | None, position: int, reason: str) -> None:
        self._tell(IncidentReport(incident, projection.name, projection.version, key, position, reason))


class _Batch(NamedTuple):
    settlings: Mapping[str, Settling[Any]]
    start: int
    end: int


def _shape(
    projections: Sequence[Projection], settlings: Mapping[str, Settling[Any]], leave_out: Collection[str] = ()
) -> tuple[list[Replacement], dict[str, dict[str, str]]]:
    """The rows of these subjects for each projection; by projection, the subjects that have none, and why.

    The replacement of a projection that has failed is not whole: shape it again, and leave those subjects out.
    """
    by_kind: dict[Kind, list[Replacement]] = defaultdict(list)
    failures: dict[str, dict[str, str]] = {}
    replacements = [Replacement(projection) for projection in projections]
    for replacement in replacements:
        by_kind[replacement.projection.kind].append(replacement)
    for stream, settling in settlings.items():
        kind, subject_id = split_stream_name(stream)
        assert kind is not None
        if subject_id in leave_out:
            continue
        for replacement in by_kind[kind]:
            # Whatever is raised is this projection's trouble alone, and is reported as such.
            try:
                replacement.take(Settled(kind, subject_id, settling))
            except Exception as e:
                failures.setdefault(replacement.projection.name, {})[subject_id] = reason_of(e)
    return replacements, failures


def settled_stream(stream: str, facts: list[Fact]) -> Settled | None:
    """A stream's subject with its facts settled; None for a waiting room, which is about nothing yet."""
    kind, subject_id = split_stream_name(stream)
    return None if kind is None else Settled(kind, subject_id, settle_stream(stream, facts))
