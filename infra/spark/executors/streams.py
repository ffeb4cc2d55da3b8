"""Streams in Arrow batches: the events of a partition that is sorted by stream and version, one stream at a time."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from domain.fact import StreamEvent
from infra.store.events.codec import UnreadableEventError, decode_event

COLUMNS = ("stream", "version", "topic", "state", "position")
"""The columns of a batch; `state` is binary."""

StoredEvent = tuple[str, int, str, bytes, int]
"""An event as it is archived: the values of COLUMNS."""


class PoisonEventError(Exception):
    """An archived event cannot be read; the message says why, and `position` which it is."""

    def __init__(self, position: int, reason: str):
        super().__init__(reason)
        self.position = position
        self.reason = reason


class ArchivedStream(NamedTuple):
    """One stream with its archived events in the order of their versions; there is at least one."""

    name: str
    events: Sequence[StoredEvent]

    @property
    def last_position(self) -> int:
        return max(event[4] for event in self.events)

    def decoded(self) -> list[StreamEvent]:
        """The events of the domain. Raises PoisonEventError for the first that cannot be read."""
        decoded = []
        for stream, version, topic, state, position in self.events:
            try:
                decoded.append(decode_event(stream, version, topic, state))
            except UnreadableEventError as e:
                raise PoisonEventError(position, str(e)) from e
        return decoded


def streams_in(batches: Iterable[Any]) -> Iterator[ArchivedStream]:
    """The streams of Arrow record batches, one after another. A stream may span batches; memory holds one stream."""
    name, events = "", list[StoredEvent]()
    for batch in batches:
        rows = zip(*(batch.column(column).to_pylist() for column in COLUMNS), strict=True)
        for stream, of_stream in groupby(rows, key=itemgetter(0)):
            if stream != name:
                if events:
                    yield ArchivedStream(name, events)
                name, events = stream, []
            events.extend(of_stream)
    if events:
        yield ArchivedStream(name, events)
