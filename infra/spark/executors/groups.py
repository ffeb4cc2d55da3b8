"""Groups in Arrow batches: a stream with what else its answer needs, all in one partition, one group after another.

A group has rows of several roles. The driver (infra/spark/past_streams.py) brings them together by the stream's name.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from itertools import groupby
from operator import itemgetter
from typing import Any

from domain.fact import FactKey, StreamEvent
from infra.store.events.codec import decode_event

COLUMNS = ("stream", "role", "of", "version", "topic", "state")
"""The columns of a batch. `state` is binary; what the others mean depends on the role."""
SCHEMA = "stream string, role int, of string, version bigint, topic string, state binary"
"""The same as Spark writes types."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros_of(instant: datetime) -> int:
    """Microseconds since 1970."""
    return (instant - EPOCH) // _MICROSECOND


def instant_of_micros(micros: int) -> datetime:
    """The instant, in UTC, of microseconds since 1970."""
    return EPOCH + micros * _MICROSECOND


class Role(IntEnum):
    """What a row of a group is. Sorted by role, a group begins with its own events."""

    OWN = 0
    """An event of the stream: `version`, `topic` and `state` as archived."""
    OTHER = 1
    """An event of the stream `of`, to which this one refers."""
    PLACING = 2
    """That the standing order whose stream is `of` had placed this order: `topic` and `state` of the fact.

    `version` is 1 if the standing order's id is cut in the order's id, else 0.
    """
    CLAIM = 3
    """A malformed message that claims to be about the order: its source (`of`) and id (`topic`).

    `version` is when it was recorded, in microseconds since 1970.
    """
    WAITING = 4
    """Of a waiting room: the message of this source (`of`) and id (`topic`) waits in it."""
    FAILED = 5
    """What belongs to the stream could not be found; `state` says why."""


Stored = tuple[str, int, str, bytes]
"""An event as the codec takes it: stream, version, topic and state."""


@dataclass
class Group:
    """A stream with what its answer needs. `claims` have when each was recorded (UTC)."""

    stream: str
    own: list[Stored] = field(default_factory=list)
    others: dict[str, list[Stored]] = field(default_factory=dict)
    placings: list[Stored] = field(default_factory=list)
    claims: list[tuple[FactKey, datetime]] = field(default_factory=list)
    waiting: set[FactKey] = field(default_factory=set)
    failed: list[str] = field(default_factory=list)

    def take(self, role: int, of: str, version: int, topic: str, state: bytes) -> None:
        """Add a row."""
        match role:
            case Role.OWN:
                self.own.append((self.stream, version, topic, state))
            case Role.OTHER:
                self.others.setdefault(of, []).append((of, version, topic, state))
            case Role.PLACING:
                self.placings.append((of, version, topic, state))
            case Role.CLAIM:
                self.claims.append(((of, topic), instant_of_micros(version)))
            case Role.WAITING:
                self.waiting.add((of, topic))
            case Role.FAILED:
                self.failed.append(state.decode())


def decoded(stored: Iterable[Stored]) -> list[StreamEvent]:
    """The events of the domain. Raises UnreadableEventError, which names the event."""
    return [decode_event(*event) for event in stored]


def groups_in(batches: Iterable[Any]) -> Iterator[Group]:
    """The groups of Arrow record batches with COLUMNS. A group may span batches; memory holds one."""
    group: Group | None = None
    for batch in batches:
        rows = zip(*(batch.column(column).to_pylist() for column in COLUMNS), strict=True)
        for stream, of_stream in groupby(rows, key=itemgetter(0)):
            if group is None or group.stream != stream:
                if group is not None:
                    yield group
                group = Group(stream)
            for _, role, of, version, topic, state in of_stream:
                group.take(role, of, version, topic, state)
    if group is not None:
        yield group
