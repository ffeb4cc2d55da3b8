"""The events of a store as rows of the dataset `events`."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from functools import cache

import msgspec
from sqlalchemy import Connection, text

from domain.fact import EVENT_CLASSES, Fact
from infra.archive.manifest import Mark
from infra.archive.partitions import Partition, bucket_of, month_of
from infra.archive.writing import DatasetWriter
from infra.store.backend import Backend
from infra.store.events.codec import UnreadableEventError

EVENTS_AT_ONCE = 5_000

StoredEvent = tuple[int, str, int, str, bytes]
"""Position, stream, version, topic and state."""


class _Common(msgspec.Struct):
    """What all stored events have, and facts beside it; the rest is not read."""

    recorded_at: datetime
    source: str
    message_id: str
    occurred_at: datetime | None = None
    correlation_id: str | None = None
    causation_id: str | None = None


_COMMON = msgspec.json.Decoder(_Common)


class StoredEvents:
    """The events as one transaction sees them."""

    def __init__(self, connection: Connection, backend: Backend):
        self._connection = connection
        position, table = f"e.{backend.position}", backend.events_table
        columns = f"{position}, e.originator_id, e.originator_version, e.topic, e.state"
        self._after = text(
            f"SELECT {columns} FROM {table} AS e WHERE {position} > :after AND {position} <= :up_to "
            f"ORDER BY {position} LIMIT :most"
        )
        self._at = text(f"SELECT {columns} FROM {table} AS e WHERE {position} = :position")

    def pages(self, after: int, up_to: int) -> Iterator[list[StoredEvent]]:
        """The events after a position, some at a time."""
        while True:
            parameters = {"after": after, "up_to": up_to, "most": EVENTS_AT_ONCE}
            found = self._connection.execute(self._after, parameters)
            page = [(row[0], row[1], row[2], row[3], bytes(row[4])) for row in found]
            if not page:
                return
            yield page
            after = page[-1][0]

    def mark(self, position: int) -> Mark | None:
        """What identifies the event at a position; None if there is none."""
        row = self._connection.execute(self._at, {"position": position}).one_or_none()
        if row is None:
            return None
        return Mark(row[0], row[1], row[2], hashlib.sha256(bytes(row[4])).hexdigest())


def write_event(writer: DatasetWriter, buckets: int, event: StoredEvent) -> None:
    """Write one event. Raises UnreadableEventError."""
    position, stream, version, topic, state = event
    try:
        common = _COMMON.decode(state)
        written = state.decode()
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        raise UnreadableEventError(f"event {version} of stream {stream} ({topic}) cannot be read: {e}") from e
    row = (
        position,
        stream,
        version,
        topic,
        written,
        _type_of(topic),
        common.occurred_at,
        common.recorded_at,
        common.source,
        common.message_id,
        common.correlation_id,
        common.causation_id,
    )
    writer.add(row, len(state), Partition(month_of(common.recorded_at), bucket_of(stream, buckets)))


@cache
def _type_of(topic: str) -> str | None:
    event_class = EVENT_CLASSES.get(topic)
    return event_class.TYPE if event_class is not None and issubclass(event_class, Fact) else None
