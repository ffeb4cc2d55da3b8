"""Reading for reactors: which keys must be reacted to after a checkpoint. It takes no lock."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, select, text

from consumers.reactors.reactor import Reactor, checkpoint_of
from domain.events import VerdictChanged
from domain.streams import split_stream_name, stream_name
from infra.store.backend import Backend, as_keys
from infra.store.events.codec import EVENT_COLUMNS, UnreadableEventError, decode_event
from infra.store.reactions.tables import derived_messages, reaction_references, reaction_wakes
from infra.store.register.tables import reactor_positions
from projections.views.columns import Instant

NEEDS_NO_REACTION = frozenset((VerdictChanged.TOPIC,))
"""Events that follow from others of the same stream and batch, and reactors react to these. The withdrawal of another
reactor's message is a reason of its own: what the order's stream says is settled without it."""


class Touched(NamedTuple):
    """What a number of events after `start` mean for a reactor.

    `references` has (stream, key) for each reference that these events name. `keys` must be reacted to, in the order of
    the events.
    """

    start: int
    end: int
    events: int
    references: Collection[tuple[str, str]]
    keys: Sequence[str]


class ReactionReading:
    """Reads what a reactor has to do, in the caller's connection."""

    def __init__(self, backend: Backend):
        position = f"e.{backend.position}"
        self._after = text(
            f"SELECT {position}, {EVENT_COLUMNS} FROM {backend.events_table} AS e "
            f"WHERE {position} > :position ORDER BY {position} LIMIT :limit"
        )
        # A cross join: SQLite then begins with the keys, and not with all rows of the reactor.
        self._referring = text(
            f"SELECT DISTINCT r.key FROM {backend.keys(1)} CROSS JOIN {reaction_references.name} AS r "
            "WHERE r.reactor = :reactor AND r.reference = k.k0"
        )
        # Which keys can have anything to react to: they refer to a stream that exists, or their messages stand.
        self._with_reasons = text(
            f"SELECT k.k0 FROM {backend.keys(1)} WHERE EXISTS (SELECT 1 FROM {reaction_references.name} AS r "
            f"CROSS JOIN {backend.events_table} AS e WHERE r.reactor = :reactor AND r.key = k.k0 "
            "AND e.originator_id = r.reference AND e.originator_version = 1) "
            f"OR EXISTS (SELECT 1 FROM {derived_messages.name} AS d WHERE d.reactor = :reactor AND d.key = k.k0)"
        )
        self._existing = text(
            f"SELECT e.originator_id FROM {backend.keys(1)} JOIN {backend.events_table} AS e "
            "ON e.originator_id = k.k0 AND e.originator_version = 1"
        )
        wakes = reaction_wakes.c
        due = (wakes.reactor == bindparam("reactor"), wakes.wake_at <= bindparam("now", type_=Instant))
        self._due = select(wakes.key).where(*due).order_by(wakes.wake_at, wakes.key).limit(bindparam("most"))
        self._count_due = select(func.count()).where(*due)

    def position(self, connection: Connection, reactor: Reactor) -> int:
        """The reactor's checkpoint; 0 if it has never run."""
        c = reactor_positions.c
        found = connection.execute(select(c.position).where(c.name == checkpoint_of(reactor))).scalar_one_or_none()
        return int(found or 0)

    def due(self, connection: Connection, reactor: Reactor, now: datetime, most: int) -> list[str]:
        """The keys that asked to be reacted to by now, the earliest first."""
        return list(connection.execute(self._due, {"reactor": reactor.name, "now": now, "most": most}).scalars())

    def count_due(self, connection: Connection, reactor: Reactor, now: datetime) -> int:
        return int(connection.execute(self._count_due, {"reactor": reactor.name, "now": now}).scalar_one())

    def has_work(self, connection: Connection, reactor: Reactor, now: datetime, most: int) -> bool:
        """Whether there may be anything to react to by now, judged by the next `most` events after the checkpoint.

        True also if there are more events than these, or if one of them is unreadable, which stops the reactor.
        """
        if self.due(connection, reactor, now, 1):
            return True
        try:
            found = self.after(connection, reactor, most)
        except UnreadableEventError:
            return True
        return bool(found.keys) or found.events == most

    def with_reasons(self, connection: Connection, reactor: Reactor, keys: Collection[str]) -> set[str]:
        """Those of these keys to which there can be anything to react."""
        return self._keys(connection, self._with_reasons, reactor, keys) if reactor.needs_referred else set(keys)

    def after(self, connection: Connection, reactor: Reactor, limit: int) -> Touched:
        """The next events after the checkpoint, at most `limit`."""
        start = self.position(connection, reactor)
        rows = connection.execute(self._after, {"position": start, "limit": limit}).all()
        if not rows:
            return Touched(start, start, 0, (), ())
        own: dict[str, list[Any]] = {}
        referred: dict[str, None] = {}
        places: dict[str, int] = {}
        for place, (_, stream, *_, topic, _) in enumerate(rows):
            if topic in NEEDS_NO_REACTION:
                continue
            kind, subject = split_stream_name(stream)
            if kind is reactor.kind:
                own.setdefault(subject, []).append(rows[place][1:])
                places.setdefault(subject, place)
            elif kind is reactor.referred_kind and (reactor.heeds is None or topic in reactor.heeds):
                referred.setdefault(stream)
                places.setdefault(stream, place)
        named = _references(reactor, own)
        keys = self._own(connection, reactor, own, named)
        keys |= self._keys(connection, self._referring, reactor, referred)
        references = [(stream, key) for key, streams in named.items() for stream in streams]
        in_order = sorted(keys, key=lambda key: (places.get(key, len(rows)), key))
        return Touched(start, rows[-1][0], len(rows), references, in_order)

    def _own(
        self,
        connection: Connection,
        reactor: Reactor,
        own: Mapping[str, Sequence[Any]],
        named: Mapping[str, Collection[str]],
    ) -> set[str]:
        """The keys with new events in their own streams, other than the reactor's own messages and withdrawals."""
        keys = set(own)
        if reactor.needs_referred and own:
            streams = {stream for found in named.values() for stream in found}
            rows = connection.execute(self._existing, {"keys": as_keys(sorted(streams))}) if streams else ()
            existing = {row[0] for row in rows}
            keys = {key for key, found in named.items() if not existing.isdisjoint(found)}
            keys |= self._keys(connection, self._with_reasons, reactor, own.keys() - keys)
        return {key for key in keys if any(_is_news(reactor, row) for row in own[key])}

    def _keys(self, connection: Connection, statement: Any, reactor: Reactor, names: Collection[str]) -> set[str]:
        if not names:
            return set()
        parameters = {"keys": as_keys(sorted(names)), "reactor": reactor.name}
        return set(connection.execute(statement, parameters).scalars())


def _references(reactor: Reactor, own: Mapping[str, Sequence[Any]]) -> Mapping[str, set[str]]:
    """The streams to which these events refer, by key; only events that can name one are decoded."""
    named: dict[str, set[str]] = defaultdict(set)
    topics = {fact.TOPIC for fact in reactor.naming}
    for key, rows in own.items():
        for row in rows:
            if row[2] in topics:
                fact: Any = decode_event(*row)
                named[key] |= {stream_name(reactor.referred_kind, name) for name in reactor.references(fact)}
    return named


def _is_news(reactor: Reactor, row: Sequence[Any]) -> bool:
    """Whether the event is about anything but a message of the reactor's own."""
    return decode_event(*row).source != reactor.source
