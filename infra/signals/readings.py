"""Gauges that are read from the store and from Kafka. It only reads.

Each group is read alone: one that fails or takes too long, such as the count of a lag of many millions, is left out
whole, logged and named, and the others are still told. A part about which nothing is known is not ready.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import structlog
from sqlalchemy import event

from consumers.contract.topics import read_topics
from infra.app.container import Waybill
from infra.app.oldest_work import OldestWork
from infra.app.reactor_lag import outbox_lags, reactor_lags
from infra.app.status import begun_partitions, partition_statuses, projection_statuses
from infra.kafka.connection import kafka_connection
from infra.masking import masked
from infra.queries.books import books, set_aside, unreadable
from infra.queries.standing import (
    begun_rebuilds,
    failing_projections,
    failing_reactors,
    held_messages,
    open_dead_letters,
)
from infra.settings import Settings
from infra.signals.health import Place, Problem
from infra.store.checkpoints import Checkpoints
from infra.store.failures import reason_of
from infra.store.opening import Access
from infra.store.pauses import REACT, RELAY
from infra.store.retries import store_failures
from infra.store.schema_version import expect_readable
from infra.telemetry.meter import Sample, gauge
from projections.catalogue import every_projection

STATEMENT_SECONDS = 2
"""How long PostgreSQL works on one question of a reading."""


class ReadingError(Exception):
    """The broker was not reached; the text says why."""


@dataclass
class Reading:
    """What was read at one moment. `problems` are those that the store knows of: what is stopped, and since when.

    `unread` has the parts whose places could not be read; that is a problem of each, too.
    """

    samples: list[Sample] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)

    def add(self, other: "Reading") -> None:
        self.samples += other.samples
        self.places += other.places
        self.problems += other.problems
        self.unread |= other.unread


class _Group(NamedTuple):
    """Gauges that are read together. `parts` are those of which their problems and places tell."""

    name: str
    parts: Sequence[str]
    read: Callable[[Reading], Iterable[Sample]]


class StoreReader:
    """Reads the store over connections of its own, which are closed after a failure and opened again."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]):
        self._settings = settings
        self._clock = clock
        self._waybill: Waybill | None = None
        self._failing: dict[str, datetime] = {}

    def __call__(self) -> Reading:
        """Raises what the store raises."""
        try:
            waybill = self._opened()
            expect_readable(waybill.engine, self._settings.store)
            return read_store(waybill, self._failing)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        opened, self._waybill = self._waybill, None
        if opened is not None:
            opened.close()

    def _opened(self) -> Waybill:
        if self._waybill is None:
            self._waybill = Waybill(self._settings, self._clock, Access.READING)
            if self._settings.sqlite_path is None:
                event.listen(self._waybill.engine, "begin", _limit_statements)
        return self._waybill


def _limit_statements(connection: Any) -> None:
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'")


def read_store(waybill: Waybill, failing: dict[str, datetime]) -> Reading:
    """All groups of gauges. Raises the store's error if not even the position of its newest event can be read.

    `failing` has the groups that failed at the last reading, and since when; it is brought up to date.
    """
    now, reading = waybill.clock(), Reading()
    oldest = OldestWork(waybill, now)
    reading.samples += _head(waybill, now)
    for group in (
        _Group("books", (), lambda _: _books(waybill, now)),
        _Group("letters", (), lambda _: _letters(waybill, now)),
        _Group("projections", ("project",), lambda found: _projections(waybill, found, now, oldest)),
        _Group("parked", ("project",), lambda found: _parked(waybill, found, now)),
        _Group("rebuilds", (), lambda _: _rebuilds(waybill, now)),
        _Group("reactors", ("react", "relay"), lambda found: _reactors(waybill, found, now, oldest)),
        _Group("partitions", ("consume",), lambda found: _stuck_partitions(waybill, found)),
    ):
        reading.add(_read_group(group, now, failing))
    return reading


def _read_group(group: _Group, now: datetime, failing: dict[str, datetime]) -> Reading:
    """A group, whole; or that it could not be read. An unreachable store fails the next reading as a whole."""
    found = Reading()
    try:
        found.samples += group.read(found)
        failing.pop(group.name, None)
    except store_failures() as e:
        reason = masked(reason_of(e))
        if group.name not in failing:
            failing[group.name] = now
            structlog.get_logger(__name__).warning("reading_failed", reading=group.name, reason=reason)
        problem = f"whether it is stuck is not known: {group.name} cannot be read: {reason}"
        found = Reading(
            problems=[Problem(part, problem, failing[group.name]) for part in group.parts], unread=set(group.parts)
        )
    found.samples.append(gauge("waybill_reading_failed", float(group.name in failing), reading=group.name))
    return found


def _seconds(now: datetime, since: datetime | None) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())


def _head(waybill: Waybill, now: datetime) -> Iterator[Sample]:
    head = waybill.history.head()
    yield gauge("waybill_head_position", head)
    if head and (newest := waybill.history.after(head - 1, 1)):
        yield gauge("waybill_head_age_seconds", _seconds(now, newest[0].event.recorded_at))


def _books(waybill: Waybill, now: datetime) -> Iterator[Sample]:
    found = books(waybill.engine, now, waybill.hold)
    for verdict in ("applied", "duplicate", "held", "dead"):
        yield gauge("waybill_messages", getattr(found, verdict), verdict=verdict)
    aside = set_aside(waybill.engine, now, waybill.hold).total
    yield gauge("waybill_dead_letters", found.dead - aside, state="open")
    yield gauge("waybill_dead_letters", aside, state="set_aside")


def _letters(waybill: Waybill, now: datetime) -> Iterator[Sample]:
    limit = now - waybill.hold
    with waybill.engine.connect() as connection:
        waiting = {"dead": open_dead_letters(connection, limit), "held": held_messages(connection, limit)}
    for what, found in waiting.items():
        yield gauge("waybill_oldest_age_seconds", _seconds(now, found.oldest), what=what)


def _projections(waybill: Waybill, reading: Reading, now: datetime, oldest: OldestWork) -> Iterator[Sample]:
    for name in waybill.pauses():
        yield gauge("waybill_paused", 1, name=name)
    for found in projection_statuses(waybill):
        if not (found.serves or found.is_ours):
            continue  # kept to go back to: it stands still, and nobody minds
        which = {"projection": found.name, "version": str(found.version)}
        yield gauge("waybill_projection_position", found.position, **which)
        if found.state.is_filled:
            yield gauge("waybill_projection_lag_events", found.lag, **which)
            yield gauge("waybill_projection_lag_seconds", _seconds(now, oldest.after(found.position)), **which)
        yield gauge("waybill_projection_state", 1, **which, state=found.state)
        reading.places.append(Place("project", found.name, found.position, found.should_move))


def _rebuilds(waybill: Waybill, now: datetime) -> Iterator[Sample]:
    with waybill.engine.connect() as connection:
        begun = begun_rebuilds(connection)
    for build in begun:
        projection = next((p for p in every_projection() if (p.name, p.version) == (build.name, build.version)), None)
        if projection is None:
            continue
        total = waybill.history.count_of_kinds(projection.kinds, build.position)
        unfilled = 0
        if (loading := build.loading) is not None:
            unfilled = round(total * (1 - loading.done / loading.total)) if loading.total else 0
        elif build.stream is not None:
            unfilled = waybill.history.count_of_kinds(projection.kinds, build.position, build.left)
        which = {"projection": build.name}
        yield gauge("waybill_rebuild_filled_ratio", 1 - unfilled / total if total else 1.0, **which)
        yield gauge("waybill_rebuild_left_events", unfilled + waybill.history.count_after(build.position), **which)
        yield gauge("waybill_rebuild_age_seconds", _seconds(now, build.begun_at), **which)


def _parked(waybill: Waybill, reading: Reading, now: datetime) -> Iterator[Sample]:
    with waybill.engine.connect() as connection:
        projections, reactors = failing_projections(connection), failing_reactors(connection)
    for name, keys in Counter(one.name for one in (*projections, *reactors) if one.key is not None).items():
        yield gauge("waybill_parked_keys", keys, projection=name)
    oldest = min((one.since for one in (*projections, *reactors) if one.key is not None), default=None)
    yield gauge("waybill_oldest_age_seconds", _seconds(now, oldest), what="parked")
    reading.problems += [
        Problem(part, f"{one.part} is stopped: {one.reason}", one.since)
        for part, failing in (("project", projections), ("react", reactors))
        for one in failing
        if one.key is None
    ]


def _reactors(waybill: Waybill, reading: Reading, now: datetime, oldest: OldestWork) -> Iterator[Sample]:
    due, paused = oldest.due(), waybill.pauses()
    for name, position, lag in reactor_lags(waybill):
        yield gauge("waybill_reactor_lag_events", lag, reactor=name)
        seconds = max(_seconds(now, oldest.after(position)), _seconds(now, due.get(name))) if lag else 0.0
        yield gauge("waybill_reactor_lag_seconds", seconds, reactor=name)
        reading.places.append(Place("react", name, position, lag > 0 and REACT not in paused))
    for name, position, lag in outbox_lags(waybill):
        yield gauge("waybill_reactor_lag_events", lag, reactor=name)
        seconds = _seconds(now, oldest.of_outbox(name, position)) if lag else 0.0
        yield gauge("waybill_reactor_lag_seconds", seconds, reactor=name)
        reading.places.append(Place("relay", name, position, lag > 0 and RELAY not in paused))
    count, _ = Checkpoints(waybill.backend).left_out(0)
    yield gauge("waybill_records_left_out", count)


def _stuck_partitions(waybill: Waybill, reading: Reading) -> Iterator[Sample]:
    found = unreadable(waybill.engine)
    yield gauge("waybill_unreadable_batches", len(found))
    reading.problems += [
        Problem("consume", f"{b.topic}/{b.partition} is stuck at the unreadable batch at offset {b.offset}", b.since)
        for b in found
    ]
    for (topic, partition), standing in begun_partitions(waybill).items():
        yield gauge("waybill_partition_next_offset", standing.next_offset, topic=topic, partition=str(partition))


def read_kafka(settings: Settings, clock: Callable[[], datetime]) -> Reading:
    """The lag of each partition, by the checkpoints in the store. Raises ReadingError, or what the store raises."""
    from infra.kafka.offsets import first_unread, partition_ends

    connection, reading = kafka_connection(settings), Reading()
    ends = partition_ends(connection, sorted(read_topics(settings.topic_prefix)))
    if isinstance(ends, str):
        raise ReadingError(f"Kafka at {settings.kafka} was not reached: {ends}")
    with Waybill(settings, clock, Access.READING) as waybill:
        begun = {place: standing for place, standing in begun_partitions(waybill).items() if place in ends}
    found = partition_statuses(begun, ends)
    behind = {(one.topic, one.partition): one.next_offset for one in found if one.lag}
    unread = first_unread(connection, behind, settings.max_message_bytes) if behind else {}
    now = clock()
    for one in found:
        which = {"topic": one.topic, "partition": str(one.partition)}
        reading.samples.append(gauge("waybill_partition_lag_messages", one.lag or 0, **which))
        since = unread.get((one.topic, one.partition))
        if since is not None or not one.lag:
            reading.samples.append(gauge("waybill_partition_lag_seconds", _seconds(now, since), **which))
    return reading
