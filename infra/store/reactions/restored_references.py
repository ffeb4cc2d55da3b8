"""The references of reactors, made again from restored events: no reactor has to read its past again."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from consumers.reactors.reactor import Reactor, checkpoint_of
from domain.streams import split_stream_name, stream_name
from infra.store.backend import Backend
from infra.store.events.codec import decode_event
from infra.store.reactions.transaction import ReactionStatements


class RestoredReferences:
    """Adds what events up to the reactors' checkpoints refer to. `checkpoints` are by name; without one it has none."""

    def __init__(self, backend: Backend, reactors: Sequence[Reactor], checkpoints: Mapping[str, int]):
        self._add = ReactionStatements(backend).add_references
        self._naming: dict[str, list[Reactor]] = defaultdict(list)
        self._checkpoints = {reactor.name: checkpoints.get(checkpoint_of(reactor), 0) for reactor in reactors}
        for reactor in reactors:
            for fact in reactor.naming:
                self._naming[fact.TOPIC].append(reactor)

    def add(self, connection: Connection, rows: Sequence[tuple[int, str, int, str, bytes]]) -> None:
        """Add those of these events: rows of (position, stream, version, topic, state)."""
        found: set[tuple[str, str, str]] = set()
        for position, stream, version, topic, state in rows:
            for reactor in self._naming.get(topic, ()):
                kind, key = split_stream_name(stream)
                if position <= self._checkpoints[reactor.name] and kind is reactor.kind:
                    fact: Any = decode_event(stream, version, topic, state)
                    named = reactor.references(fact)
                    found |= {(reactor.name, stream_name(reactor.referred_kind, name), key) for name in named}
        if found:
            names = ("reactor", "reference", "key")
            connection.execute(self._add, [dict(zip(names, row, strict=True)) for row in sorted(found)])
