"""What the doctor has seen. A part that could not be read is None, and `Unread` says why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from infra.app.retention import PartitionInKafka, PartitionInStore
from infra.app.status import ProjectionStatus
from infra.queries.books import UnreadableBatch
from infra.queries.standing import BegunRebuild, Failing

Place = tuple[str, int]
"""A topic and a partition."""


class Disk(NamedTuple):
    """The disk of an SQLite store, in bytes. `store` is the size of its files."""

    path: str
    free: int
    total: int
    store: int


class Unread(NamedTuple):
    """A part that could not be read: why, in one line, and what to type. `disk` is that of a store in a file."""

    reason: str
    to_type: str
    disk: Disk | None = None


class Rules(NamedTuple):
    """The version of the rules that the store's verdicts follow; `resettling` while a migration is not finished."""

    stored: int
    own: int
    resettling: bool


class Behind(NamedTuple):
    """A projection, a reactor or an outbox that has work: how much, and since when the oldest of it waits.

    `has_run` is False for a reactor that nobody ever ran on this store, and for an outbox from which none was sent.
    """

    name: str
    lag: int
    since: datetime | None
    has_run: bool = True


class Pause(NamedTuple):
    """What an operator paused."""

    name: str
    since: datetime | None
    operator: str | None
    reason: str | None


class Dead(NamedTuple):
    """Dead letters: how many are open, and the oldest; how many arrived in the last day and in the day before.

    An arrival counts whatever became of it since; `first` is the first one of the last day. `most` is the most frequent
    reason of the last day, and how often it came. `compares`: the store existed the day before, so that the two days
    can be compared. `most_open` is the most frequent reason of the open ones, and how many have it.
    """

    open: int
    oldest: datetime | None
    last_day: int
    day_before: int
    first: datetime | None
    most: tuple[str, int] | None
    compares: bool = True
    most_open: tuple[str, int] | None = None


class Held(NamedTuple):
    """Held messages that still wait: how many, and the oldest."""

    waiting: int
    oldest: datetime | None
    hold: timedelta


class WaitingForPruned(NamedTuple):
    """Held messages about orders whose events were pruned: how many, and the oldest."""

    waiting: int
    oldest: datetime | None


@dataclass(frozen=True)
class StoreSeen:
    """The store at one moment. `clock` is its server's clock minus ours, None for a file."""

    rules: Rules
    disk: Disk | None
    clock: timedelta | None
    head: int
    projections: Sequence[ProjectionStatus]
    projections_behind: Sequence[Behind]
    reactors_behind: Sequence[Behind]
    stopped: Sequence[Failing]
    paused: Sequence[Pause]
    rebuilds: Sequence[BegunRebuild]
    unreadable: Sequence[UnreadableBatch]
    left_out: int
    left_out_since: datetime | None
    dead: Dead
    held: Held
    waiting_for_pruned: WaitingForPruned
    checkpoints: Mapping[Place, PartitionInStore]
    """Each partition that the store has read."""
    moved_at: Mapping[Place, datetime]

    def is_paused(self, name: str) -> bool:
        """Whether an operator paused it: then it waits for that person, and nothing is wrong with it."""
        return any(pause.name == name for pause in self.paused)


class TopicSeen(NamedTuple):
    """A topic: its number of partitions, and the settings that matter. Retention is -1 for ever."""

    partitions: int
    retention_ms: int | None
    retention_bytes: int | None
    cleanup_policy: str | None
    timestamps: str | None


class PartitionSeen(NamedTuple):
    """Its offsets, and the timestamp of the first record that the store has not read."""

    offsets: PartitionInKafka
    unread_since: datetime | None = None


@dataclass(frozen=True)
class KafkaSeen:
    """The broker at one moment. `newest` is the latest timestamp that a broker gave a record."""

    address: str
    topics: Mapping[str, TopicSeen]
    partitions: Mapping[Place, PartitionSeen]
    read_topics: Sequence[str]
    written_topics: Sequence[str]
    group: str
    group_state: str
    members: int
    newest: datetime | None
    relay_waits: str = ""
    """Why a relay that never ran on this store must not begin; empty if it may."""


@dataclass(frozen=True)
class Seen:
    """Everything. `uses_kafka`: the store has read from it, so it is missed when it is away.

    `kafka` is None if nobody needs it: the store has not read from it, and no setting names it.
    """

    now: datetime
    store: StoreSeen | Unread
    kafka: KafkaSeen | Unread | None
    uses_kafka: bool
