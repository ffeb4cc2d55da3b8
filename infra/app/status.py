"""Status: the books, and how far the projections, the reactors and the partitions are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from consumers.contract.topics import read_topics
from infra.app.container import Waybill
from infra.kafka.connection import kafka_connection
from infra.queries.books import Books, SetAside, books, set_aside
from infra.store.checkpoints import Checkpoints
from infra.store.projected.failures import projection_failures
from infra.store.projected.tables import projection_positions
from infra.store.register.tables import feeds
from projections.catalogue import PROJECTIONS
from projections.failures import THE_PROJECTION_ITSELF, Standing

FeedPlace = tuple[str, int]
"""A topic and a partition."""


class ProjectionStatus(NamedTuple):
    """One version of a projection. `lag` is a count of events, not a difference of positions.

    `state` is live (up with the events), behind, filling (a new version that does not answer yet), paused or failed.
    """

    name: str
    version: int
    position: int
    lag: int
    state: str


class ParkedStatus(NamedTuple):
    """A subject that a projection goes on without; with `key` None, the projection itself, which is stopped."""

    projection: str
    version: int
    key: str | None
    position: int
    reason: str
    since: datetime


class ReactorStatus(NamedTuple):
    """`lag` counts what is not sent yet."""

    name: str
    position: int
    lag: int


class PartitionStatus(NamedTuple):
    """`end_offset` and `lag` (in offsets) are None where they are not known, as of a file that is being read."""

    topic: str
    partition: int
    next_offset: int
    end_offset: int | None
    lag: int | None


@dataclass(frozen=True)
class Status:
    """Where everything stands. `head` is the position of the newest event; `kafka_problem` says why lag is unknown."""

    books: Books
    set_aside: SetAside
    head: int
    projections: Sequence[ProjectionStatus]
    parked: Sequence[ParkedStatus]
    reactors: Sequence[ReactorStatus]
    partitions: Sequence[PartitionStatus]
    kafka_problem: str | None = None


def read_status(waybill: Waybill, *, ask_kafka: bool = False) -> Status:
    """Read the status. With `ask_kafka`, Kafka is asked where its partitions end, if anything was read from it."""
    now = waybill.clock()
    head = waybill.history.head()
    standings = waybill.rows.standings(PROJECTIONS)
    projections = _projections(waybill)
    begun = begun_partitions(waybill)
    ends, problem = _ends(waybill, begun) if ask_kafka else ({}, None)
    return Status(
        books=books(waybill.engine, now, waybill.hold),
        set_aside=set_aside(waybill.engine, now, waybill.hold),
        head=head,
        projections=projections,
        parked=_parked(standings),
        reactors=_reactors(waybill),
        partitions=partition_statuses(begun, ends),
        kafka_problem=problem,
    )


def _projections(waybill: Waybill) -> list[ProjectionStatus]:
    """Every version that the store has, of other code too."""
    c, failing = projection_positions.c, projection_failures.c
    with waybill.engine.connect() as connection:
        listed = connection.execute(select(projection_positions).order_by(c.name, c.version)).all()
        stopped = {
            (row.name, row.version)
            for row in connection.execute(
                select(failing.name, failing.version).where(failing.key == THE_PROJECTION_ITSELF)
            )
        }
    return [
        ProjectionStatus(
            name=row.name,
            version=row.version,
            position=row.position,
            lag=(lag := waybill.history.count_after(row.position)),
            state=_state(
                paused=row.paused, stopped=(row.name, row.version) in stopped, filled=row.filled, behind=lag > 0
            ),
        )
        for row in listed
    ]


def _state(*, paused: bool, stopped: bool, filled: bool, behind: bool) -> str:
    if paused:
        return "paused"
    if stopped:
        return "failed"
    if not filled:
        return "filling"
    return "behind" if behind else "live"


def _parked(standings: Mapping[str, Standing]) -> list[ParkedStatus]:
    return [
        ParkedStatus(projection.name, projection.version, failure.key or None, *failure[1:])
        for projection in PROJECTIONS
        for _, failure in sorted(standings[projection.name].failures.items())
    ]


def _reactors(waybill: Waybill) -> list[ReactorStatus]:
    """None before a relay was run on the store."""
    begun = Checkpoints(waybill.backend).begun()
    return [
        ReactorStatus(outbox.name, begun[outbox.name], outbox.lag(begun[outbox.name]))
        for outbox in waybill.outboxes()
        if outbox.name in begun
    ]


def begun_partitions(waybill: Waybill) -> Mapping[FeedPlace, int]:
    """The next offset of each partition, or file, whose reading is not finished."""
    with waybill.engine.connect() as connection:
        reading = connection.execute(
            select(feeds.c.topic, feeds.c.partition, feeds.c.next_offset)
            .where(feeds.c.finished_at.is_(None))
            .order_by(feeds.c.topic, feeds.c.partition, feeds.c.feed_id)
        ).all()
    return {(topic, partition): next_offset for topic, partition, next_offset in reading}


def _ends(waybill: Waybill, begun: Mapping[FeedPlace, int]) -> tuple[Mapping[FeedPlace, int], str | None]:
    """The end of each partition, and why Kafka was not reached. It is given up after some seconds."""
    topics = set(read_topics(waybill.settings.topic_prefix))
    if not any(topic in topics for topic, _ in begun):
        return {}, None
    # Imported here, since a store of files alone need not wait for Kafka's client.
    from infra.kafka.offsets import partition_end_offsets

    found = partition_end_offsets(kafka_connection(waybill.settings), sorted(topics))
    if isinstance(found, str):
        return {}, f"Kafka at {waybill.settings.kafka} was not reached, so lag is not known: {found}"
    return found, None


def partition_statuses(begun: Mapping[FeedPlace, int], ends: Mapping[FeedPlace, int]) -> list[PartitionStatus]:
    """A partition that nobody has begun to read stands at offset 0."""
    stands = {**dict.fromkeys(ends, 0), **begun}
    return [
        PartitionStatus(topic, partition, next_offset, end, None if end is None else max(0, end - next_offset))
        for (topic, partition), next_offset in sorted(stands.items())
        for end in [ends.get((topic, partition))]
    ]
