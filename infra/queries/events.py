"""Stored events by what they are about, in the order of the store and in flat memory."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, TextClause, bindparam, select, text

from consumers.contract import to_cloud_event
from consumers.contract.fields import Condition
from domain.fact import Fact, StreamEvent
from domain.streams import split_stream_name, waiting_room
from infra.store.backend import Backend, as_keys
from infra.store.engine import connected
from infra.store.events.codec import EVENT_COLUMNS, decode_event
from infra.store.events.history import LAST, PositionedEvent
from infra.store.register.tables import messages

EVENTS_AT_ONCE = 1_000


class EventFilter(NamedTuple):
    """Which events are asked for; None asks for all.

    `topics` are stored topics, such as "order.placed". `source` and `message_id` are those of the message that an event
    states, or whose verdict it changes. `since` and `until` limit the message's time, or when an event without one
    (a changed verdict, an operator's act) was recorded; `received_since` and `received_until` limit when it was
    recorded. From an instant on, and before the other. Only facts meet a condition of `where`. `mentions` is the id of
    another message that an event names as its cause, or as the message that it voids.
    """

    stream: str | None = None
    topics: Collection[str] | None = None
    source: str | None = None
    message_id: str | None = None
    correlation_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    received_since: datetime | None = None
    received_until: datetime | None = None
    where: Sequence[Condition] = ()
    mentions: str | None = None

    def __call__(self, event: StreamEvent) -> bool:
        return (
            (self.stream is None or event.originator_id == self.stream)
            and (self.topics is None or event.TOPIC in self.topics)
            and (self.source is None or event.source == self.source)
            and (self.message_id is None or event.message_id == self.message_id)
            and (self.correlation_id is None or getattr(event, "correlation_id", None) == self.correlation_id)
            and within(getattr(event, "occurred_at", event.recorded_at), self.since, self.until)
            and within(event.recorded_at, self.received_since, self.received_until)
            and (self.mentions is None or self.mentions in _named_by(event))
            and (not self.where or _meets(event, self.where))
        )

    @property
    def needles(self) -> list[str]:
        """Texts that the state of each such event contains."""
        texts = (self.source, self.message_id, self.correlation_id, self.mentions)
        return [one for one in texts if one is not None]


def within(instant: datetime, since: datetime | None, until: datetime | None) -> bool:
    """Whether an instant is at or after `since`, and before `until`."""
    return (since is None or since <= instant) and (until is None or instant < until)


def meets(fact: Fact, subject: str, where: Sequence[Condition]) -> bool:
    """Whether a fact of this subject meets all conditions."""
    document = to_cloud_event(fact, subject)
    return all(condition(document) for condition in where)


def _named_by(event: StreamEvent) -> set[str | None]:
    return {getattr(event, name, None) for name in ("causation_id", "voided_id", "because_of_id")}


def _meets(event: StreamEvent, where: Sequence[Condition]) -> bool:
    return isinstance(event, Fact) and meets(event, split_stream_name(event.originator_id)[1], where)


class Events:
    """Reads the events of a store, on the connection if one is given.

    What the database can tell apart by itself is not decoded.
    """

    def __init__(self, backend: Backend, connection: Connection | None = None):
        self._backend = backend
        self._engine = backend.engine
        self._connection = connection

    def after(self, position: int, wanted: EventFilter, up_to: int = LAST) -> Iterator[PositionedEvent]:
        """The events after a position that meet the filter, in the order of the store, as of each page's reading."""
        streams = self._streams_of(wanted)
        statement = self._statement(wanted, streams)
        parameters: dict[str, Any] = {f"needle{n}": _needle(one) for n, one in enumerate(wanted.needles)}
        if wanted.topics is not None:
            parameters["topics"] = list(wanted.topics)
        if streams is not None:
            parameters["keys"] = as_keys(streams)
        while True:
            with connected(self._engine, self._connection) as connection:
                page = connection.execute(
                    statement, {**parameters, "position": position, "up_to": up_to, "limit": EVENTS_AT_ONCE}
                ).all()
            for row in page:
                event = decode_event(*row[1:])
                if wanted(event):
                    yield PositionedEvent(row[0], event)
            if len(page) < EVENTS_AT_ONCE:
                return
            position = page[-1][0]

    def _streams_of(self, wanted: EventFilter) -> Sequence[str] | None:
        """The streams that have all events asked for; None if the whole store has to be read."""
        if wanted.stream is not None:
            return [wanted.stream]
        if wanted.source is None or wanted.message_id is None:
            return None
        with connected(self._engine, self._connection) as connection:
            found = streams_of_message(connection, wanted.source, wanted.message_id)
        return found or None  # an act of an operator is in no register

    def _statement(self, wanted: EventFilter, streams: Sequence[str] | None) -> TextClause:
        position = f"e.{self._backend.position}"
        conditions = [f"{position} > :position", f"{position} <= :up_to"]
        conditions += [self._contains(f"needle{n}") for n in range(len(wanted.needles))]
        if wanted.topics is not None:
            conditions.append("e.topic IN :topics")
        source = f"{self._backend.events_table} AS e"
        if streams is not None:
            source = f"{self._backend.keys(1)} JOIN {source} ON e.originator_id = k.k0"
        statement = text(
            f"SELECT {position}, {EVENT_COLUMNS} FROM {source} WHERE {' AND '.join(conditions)} "
            f"ORDER BY {position} LIMIT :limit"
        )
        return statement if wanted.topics is None else statement.bindparams(bindparam("topics", expanding=True))

    def _contains(self, parameter: str) -> str:
        if self._engine.dialect.name == "postgresql":
            return f"position(CAST(:{parameter} AS bytea) IN e.state) > 0"
        return f"instr(e.state, :{parameter}) > 0"


def streams_of_message(connection: Connection, source: str, message_id: str) -> list[str]:
    """The streams with events of the messages of this source and id, also of voids that waited for another message."""
    found = connection.execute(
        select(messages.c.stream, messages.c.subject).where(
            messages.c.source == source, messages.c.message_id == message_id
        )
    ).all()
    return sorted({name for stream, subject in found for name in (stream, waiting_room(subject))})


def _needle(value: str) -> bytes:
    """A text as it stands in a stored state."""
    return msgspec.json.encode(value)
