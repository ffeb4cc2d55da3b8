"""Status: the books, and the positions and lag of projections, reactors and partitions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import select

from consumers.contract.topics import read_topics
from consumers.ingest.group_commit import HTTP
from consumers.reactors.reactor import FEEDS
from infra.app.container import Waybill
from infra.app.parked import ParkedKey, parked_keys
from infra.app.reactor_lag import outbox_lags, reactor_lags
from infra.app.rebuild.standing import RebuildStanding, RebuildStandings
from infra.beliefs.stored import kept_projections
from infra.kafka.connection import kafka_connection
from infra.queries.books import Books, SetAside, UnreadableBatch, books, set_aside, unreadable
from infra.store.checkpoints import Checkpoints, KeptLeftOut
from infra.store.pauses import Pause
from infra.store.projected.failures import stopped_versions
from infra.store.projected.tables import live_projections, projection_builds, projection_positions
from infra.store.pruned import PrunedStanding, pruned_standing
from infra.store.register.tables import feeds
from projections.catalogue import every_projection

FeedPlace = tuple[str, int]
"""A topic and a partition."""
OURS = frozenset((projection.name, projection.version) for projection in every_projection())
"""The versions that this code projects."""
LEFT_OUT_LISTED = 100
"""How many of the newest records left out by the relay are listed; all are counted."""


class ProjectionState(StrEnum):
    """What a version of a projection does. `moves`: it should show every event. `is_filled`: it has rows to show."""

    LIVE = "live"
    BEHIND = "behind"
    NEEDS_REBUILD = "needs rebuild"
    FILLING = "filling"
    PAUSED = "paused"
    FAILED = "failed"

    @property
    def moves(self) -> bool:
        return self in (ProjectionState.LIVE, ProjectionState.BEHIND)

    @property
    def is_filled(self) -> bool:
        return self not in (ProjectionState.NEEDS_REBUILD, ProjectionState.FILLING)


class ProjectionStatus(NamedTuple):
    """One version of a projection. `lag` is a count of events, not a difference of positions.

    `state` is live (up to date), behind, needs rebuild (a changed version, before `waybill rebuild`), filling (that
    rebuild has begun), paused or failed. `serves`: analysts query this version, and so do the commands of a waybill
    whose own version needs a rebuild.
    """

    name: str
    version: int
    position: int
    lag: int
    state: ProjectionState
    serves: bool = True

    @property
    def is_ours(self) -> bool:
        """Whether this code projects this version."""
        return (self.name, self.version) in OURS

    @property
    def should_move(self) -> bool:
        """Whether this code should bring it up to date. Other versions stand still without processes of their code."""
        return self.lag > 0 and self.state.moves and self.is_ours


class ReactorStatus(NamedTuple):
    """`lag` counts what is not sent yet; of a reactor that states messages, see ReactorLag."""

    name: str
    position: int
    lag: int


class FeedStanding(NamedTuple):
    """The checkpoint of a partition or a file, when it last moved, and Kafka's id of the topic (None: unknown)."""

    next_offset: int
    moved_at: datetime | None = None
    topic_id: str | None = None


class PartitionStatus(NamedTuple):
    """The state of a partition. Unknown values are None, for example of a file that is being read.

    `end_offset` is the end of the readable records. `high_watermark` is the end of all records: while a transaction is
    open, records after its start cannot be read. `lag` counts the offsets up to the high watermark. `stuck_since` is
    since when the checkpoint has not moved although there are unread records; None if there are none, or if Kafka does
    not answer.
    """

    topic: str
    partition: int
    next_offset: int
    end_offset: int | None
    lag: int | None
    high_watermark: int | None = None
    stuck_since: datetime | None = None


@dataclass(frozen=True)
class Status:
    """The whole status. `head` is the position of the newest event; `kafka_problem` says why lag is unknown.

    `unreadable` has the batches at which partitions are stuck. `left_out` has the newest records that the relay left
    out, and `left_out_count` their number. `pruned` says how many orders have their events in an archive alone.
    """

    books: Books
    set_aside: SetAside
    head: int
    projections: Sequence[ProjectionStatus]
    paused: Sequence[Pause]
    parked: Sequence[ParkedKey]
    rebuilds: Sequence[RebuildStanding]
    reactors: Sequence[ReactorStatus]
    partitions: Sequence[PartitionStatus]
    unreadable: Sequence[UnreadableBatch]
    left_out: Sequence[KeptLeftOut]
    left_out_count: int
    pruned: PrunedStanding
    kafka_problem: str | None = None

    def document(self) -> dict[str, Any]:
        """As JSON has it, for the command and the HTTP API."""
        return {
            "books": self.books,
            "head": self.head,
            "projections": self.projections,
            "partitions": self.partitions,
            "paused": self.paused,
            "parked": self.parked,
            "rebuilds": self.rebuilds,
            "reactors": self.reactors,
            "unreadable_batches": self.unreadable,
            "records_left_out": {"count": self.left_out_count, "newest": self.left_out},
            "set_aside": self.set_aside,
            "pruned": self.pruned,
        }


def read_status(waybill: Waybill, *, ask_kafka: bool = False) -> Status:
    """Read the status. With `ask_kafka`, query Kafka for the ends of partitions, if the store has read from it."""
    now = waybill.clock()
    head = waybill.history.head()
    projections = projection_statuses(waybill)
    begun = begun_partitions(waybill)
    stuck = unreadable(waybill.engine)
    partitions, problem = _partitions(waybill, begun, stuck) if ask_kafka else (partition_statuses(begun, {}), None)
    left_out_count, left_out = Checkpoints(waybill.backend).left_out(LEFT_OUT_LISTED)
    return Status(
        books=books(waybill.engine, now, waybill.hold),
        set_aside=set_aside(waybill.engine, now, waybill.hold),
        head=head,
        projections=projections,
        paused=list(waybill.pauses().values()),
        parked=parked_keys(waybill),
        rebuilds=RebuildStandings(waybill)(),
        reactors=_reactors(waybill),
        partitions=partitions,
        unreadable=stuck,
        left_out=left_out,
        left_out_count=left_out_count,
        pruned=_pruned(waybill),
        kafka_problem=problem,
    )


def _pruned(waybill: Waybill) -> PrunedStanding:
    with waybill.engine.connect() as connection:
        return pruned_standing(connection)


def projection_statuses(waybill: Waybill) -> list[ProjectionStatus]:
    """Every version that the store has, of other code too, and those of this code that it does not have yet."""
    filling = projection_builds.c
    paused = waybill.pauses()
    with waybill.engine.connect() as connection:
        listed = {(row.name, row.version): row for row in connection.execute(select(projection_positions))}
        live = {(row.name, row.version) for row in connection.execute(select(live_projections))}
        stopped = stopped_versions(connection)
        kept = kept_projections(connection)
        being_filled = {
            (row.name, row.version)
            for row in connection.execute(select(filling.name, filling.version).where(filling.served.is_(False)))
        }
    # Most projections share a position, and counting takes time on a large store.
    lag_at = cache(waybill.history.count_after)
    found = []
    for key in sorted({*listed, *((projection.name, projection.version) for projection in kept)}):
        row = listed.get(key)
        filled = row is not None and row.filled
        position = row.position if row is not None and filled else 0
        lag = lag_at(position)
        state = _state(
            paused=row is not None and row.name in paused,
            stopped=key in stopped,
            filled=filled,
            being_filled=key in being_filled,
            behind=lag > 0,
        )
        found.append(ProjectionStatus(*key, position, lag, state, serves=key in live))
    return found


def _state(*, paused: bool, stopped: bool, filled: bool, being_filled: bool, behind: bool) -> ProjectionState:
    if paused:
        return ProjectionState.PAUSED
    if stopped:
        return ProjectionState.FAILED
    if being_filled and not filled:
        return ProjectionState.FILLING
    if not filled:
        return ProjectionState.NEEDS_REBUILD
    return ProjectionState.BEHIND if behind else ProjectionState.LIVE


def _reactors(waybill: Waybill) -> list[ReactorStatus]:
    """The outboxes once the relay has run, and the reactors once there is anything to react to."""
    return [ReactorStatus(*one) for one in (*reactor_lags(waybill), *outbox_lags(waybill))]


def begun_partitions(waybill: Waybill) -> Mapping[FeedPlace, FeedStanding]:
    """The partitions, and the files whose reading is not finished. What comes over HTTP has no end to be behind."""
    with waybill.engine.connect() as connection:
        reading = connection.execute(
            select(feeds.c.topic, feeds.c.partition, feeds.c.next_offset, feeds.c.moved_at, feeds.c.topic_id)
            .where(feeds.c.finished_at.is_(None), feeds.c.topic.not_like(f"{FEEDS}%"), feeds.c.topic != HTTP)
            .order_by(feeds.c.topic, feeds.c.partition, feeds.c.feed_id)
        ).all()
    return {(topic, partition): FeedStanding(*standing) for topic, partition, *standing in reading}


def _partitions(
    waybill: Waybill, begun: Mapping[FeedPlace, FeedStanding], stuck: Sequence[UnreadableBatch]
) -> tuple[list[PartitionStatus], str | None]:
    """The partitions with Kafka's offsets, or why Kafka was not reached. It gives up after some seconds."""
    settings = waybill.settings
    topics = set(read_topics(settings.topic_prefix))
    if not any(topic in topics for topic, _ in begun):
        return partition_statuses(begun, {}), None
    # Imported here: a store that reads only files does not need Kafka's client.
    from infra.kafka.offsets import first_unread, partition_ends

    connection = kafka_connection(settings)
    ends = partition_ends(connection, sorted(topics))
    if isinstance(ends, str):
        problem = f"Kafka at {settings.kafka} was not reached, so lag is not known: {ends}"
        return partition_statuses(begun, {}), problem
    known = {(batch.topic, batch.partition): batch.since for batch in stuck}
    found = partition_statuses(begun, ends)
    behind = {(one.topic, one.partition): one.next_offset for one in found if one.lag}
    looked_up = {place: offset for place, offset in behind.items() if place not in known}
    unread = first_unread(connection, looked_up, settings.max_message_bytes) if looked_up else {}
    return partition_statuses(begun, ends, {**unread, **known}), None


def partition_statuses(
    begun: Mapping[FeedPlace, FeedStanding],
    ends: Mapping[FeedPlace, tuple[int, int]],
    unread_since: Mapping[FeedPlace, datetime] | None = None,
) -> list[PartitionStatus]:
    """One entry for each partition. A partition that was never read is at offset 0.

    `ends` are the end offset and the high watermark. `unread_since` is the timestamp of the first unread record.
    """
    return [
        _partition(place, standing, ends.get(place), (unread_since or {}).get(place))
        for place, standing in sorted({**dict.fromkeys(ends, FeedStanding(0)), **begun}.items())
    ]


def _partition(
    place: FeedPlace, standing: FeedStanding, ends: tuple[int, int] | None, unread_since: datetime | None
) -> PartitionStatus:
    if ends is None:
        return PartitionStatus(*place, standing.next_offset, None, None)
    end, high_watermark = ends
    lag = max(0, high_watermark - standing.next_offset)
    stuck_since = max(unread_since, standing.moved_at or unread_since) if lag and unread_since is not None else None
    return PartitionStatus(*place, standing.next_offset, end, lag, high_watermark, stuck_since)
