"""Messages of the register by who sent them, what they are about and when, with their facts, in flat memory."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, column, or_, select, table, tuple_

from consumers.contract.fields import Condition
from consumers.contract.writing import instant_text
from consumers.ingest.register import MessageKey
from domain.events import MessageVoided
from domain.fact import Fact
from domain.operator.acts import OPERATOR_SOURCE, feed_of_act
from infra.queries.events import meets
from infra.store.backend import Backend
from infra.store.engine import connected, snapshot
from infra.store.events.codec import decode_event
from infra.store.pruned import PrunedMessageError, pruned_streams
from infra.store.register.tables import feeds, messages

ROWS_AT_ONCE = 2_000


class MessageFilter(NamedTuple):
    """Which messages are asked for; None asks for all.

    `since` and `until` limit the message's own time, `received_since` and `received_until` when it was recorded: from
    the one instant on, and before the other. `where` are conditions on its fields. `act` is the id of an operator's act
    that published them.
    """

    source: str | None = None
    type: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    received_since: datetime | None = None
    received_until: datetime | None = None
    correlation_id: str | None = None
    where: Sequence[Condition] = ()
    act: str | None = None

    def __str__(self) -> str:
        """The filter as options of a command; two equal filters read the same."""
        told = [
            f"{name.replace('_', '-').replace('correlation-id', 'correlation')} {_option(value)}"
            for name, value in self._asdict().items()
            if value is not None and name != "where"
        ]
        told += [f"where {condition.text.strip()}" for condition in self.where]
        return " ".join(f"--{one}" for one in told)

    def takes(self, fact: Fact, subject: str) -> bool:
        """What only the fact tells."""
        return (self.correlation_id is None or fact.correlation_id == self.correlation_id) and (
            not self.where or meets(fact, subject, self.where)
        )


class SelectedMessage(NamedTuple):
    """A registered message with its present verdict, and its fact as it was stored.

    `feed` is the name of the feed that it came on.
    """

    key: MessageKey
    type: str
    verdict: str
    voided: bool
    received_at: datetime
    fact: Fact
    feed: str

    @property
    def stream(self) -> str:
        return self.fact.originator_id


class SelectedMessages:
    """Reads the register with the events that it names.

    Raises PrunedMessageError if the event of a message was pruned.
    """

    def __init__(self, backend: Backend, connection: Connection | None = None):
        self._engine = backend.engine
        self._connection = connection
        event = table(
            backend.events_table,
            *(column(name) for name in ("originator_id", "originator_version", "topic", "state")),
        )
        stored = and_(event.c.originator_id == messages.c.stream, event.c.originator_version == messages.c.version)
        self._all: Select[Any] = (
            select(
                *_KEY,
                messages.c.type,
                messages.c.verdict,
                messages.c.voided,
                messages.c.received_at,
                feeds.c.topic.label("feed"),
                pruned_streams.c.archive,
                *event.c,
            )
            # An outer join: a message whose event was pruned must not go unseen.
            .join_from(messages, event, stored, isouter=True)
            .join(pruned_streams, pruned_streams.c.stream == messages.c.stream, isouter=True)
            .join(feeds, messages.c.feed_id == feeds.c.feed_id)
        )
        self._with_event = event.c.state.is_not(None)

    def by_stream(self, wanted: MessageFilter) -> Iterator[tuple[str, list[SelectedMessage]]]:
        """The messages of each stream, voided ones too, stream by stream, as of one moment."""
        with snapshot(self._engine) as connection:
            question = self._question(wanted).order_by(messages.c.stream, messages.c.version)
            for stream, found in groupby(_read(connection, question, wanted), key=attrgetter("stream")):
                yield stream, list(found)

    def standing(self, wanted: MessageFilter, received_by: datetime, at_once: int) -> Iterator[list[SelectedMessage]]:
        """The messages received by an instant that are not voided, some at a time, each in a transaction of its own."""
        last: tuple[str, ...] | None = None
        standing = self._question(wanted).where(~messages.c.voided, messages.c.received_at <= received_by)
        standing = standing.order_by(*_KEY).limit(at_once)
        while True:
            question = standing if last is None else standing.where(tuple_(*_KEY) > tuple_(*last))
            with self._engine.connect() as connection:
                rows = connection.execute(question).all()
            found = [one for one in map(_selected, rows) if wanted.takes(one.fact, one.key.subject)]
            if found:
                yield found
            if len(rows) < at_once:
                return
            last = tuple(rows[-1][: len(_KEY)])

    def of_keys(self, keys: Sequence[MessageKey]) -> dict[MessageKey, SelectedMessage]:
        """Those of these messages that are registered; read on the connection if one was given."""
        found: dict[MessageKey, SelectedMessage] = {}
        with connected(self._engine, self._connection) as connection:
            for start in range(0, len(keys), _KEYS_AT_ONCE):
                some = keys[start : start + _KEYS_AT_ONCE]
                rows = connection.execute(self._all.where(tuple_(*_KEY).in_(some)))
                found.update((one.key, one) for one in map(_selected, rows))
        return found

    def of_operators(self) -> Iterator[SelectedMessage]:
        """The messages that operators published, without the voids, and without those of pruned orders."""
        published = or_(
            *(name.startswith(f"{OPERATOR_SOURCE}/", autoescape=True) for name in (feeds.c.topic, messages.c.source))
        )
        with snapshot(self._engine) as connection:
            question = self._all.where(self._with_event, published, messages.c.type != MessageVoided.TYPE)
            yield from _read(connection, question, MessageFilter())

    def _question(self, wanted: MessageFilter) -> Select[Any]:
        conditions: list[ColumnElement[bool]] = [
            messages.c[name] == value
            for name in ("source", "type", "subject")
            if (value := getattr(wanted, name)) is not None
        ]
        for instant, since, until in (
            (messages.c.occurred_at, wanted.since, wanted.until),
            (messages.c.recorded_at, wanted.received_since, wanted.received_until),
        ):
            conditions += [] if since is None else [instant >= since]
            conditions += [] if until is None else [instant < until]
        if wanted.act is not None:
            conditions.append(feeds.c.topic == feed_of_act(wanted.act))
        return self._all.where(*conditions)


_KEY = tuple(messages.c[name] for name in MessageKey._fields)
_KEYS_AT_ONCE = 250


def _read(connection: Connection, question: Select[Any], wanted: MessageFilter) -> Iterator[SelectedMessage]:
    streaming = connection.execution_options(stream_results=True, yield_per=ROWS_AT_ONCE)
    for row in streaming.execute(question):
        one = _selected(row)
        if wanted.takes(one.fact, one.key.subject):
            yield one


def _selected(row: Any) -> SelectedMessage:
    if row.state is None:
        raise PrunedMessageError(row.message_id, row.source, row.subject, row.archive)
    fact = decode_event(row.originator_id, row.originator_version, row.topic, row.state)
    assert isinstance(fact, Fact), "the register names facts"
    key = MessageKey(row.source, row.message_id, row.subject)
    return SelectedMessage(key, row.type, row.verdict, bool(row.voided), row.received_at, fact, row.feed)


def _option(value: Any) -> str:
    return instant_text(value) if isinstance(value, datetime) else str(value)
