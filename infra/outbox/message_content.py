"""What the outboxes read about messages: facts, origin and content."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Row, text

from consumers.contract.kafka_records import Headers
from consumers.ingest.register import MessageKey
from consumers.relay.dead_letter_copies import restated
from consumers.sources.source import READ_AGAIN
from domain.fact import Fact
from infra.store.backend import Backend, as_keys
from infra.store.engine import connected
from infra.store.events.codec import EVENT_COLUMNS, decode_event
from infra.store.register.headers import read_headers


class FactsOfMessages:
    """Finds the facts of messages by their keys, on one connection if it is given."""

    def __init__(self, backend: Backend, connection: Connection | None = None):
        self._engine = backend.engine
        self._connection = connection
        self._facts = text(
            f"SELECT m.source, m.message_id, m.subject, {EVENT_COLUMNS} "
            f"FROM {backend.keys(3)} JOIN messages AS m "
            "ON m.source = k.k0 AND m.message_id = k.k1 AND m.subject = k.k2 "
            f"JOIN {backend.events_table} AS e ON e.originator_id = m.stream AND e.originator_version = m.version"
        )

    def __call__(self, keys: Collection[MessageKey]) -> Mapping[MessageKey, Fact]:
        if not keys:
            return {}
        with connected(self._engine, self._connection) as connection:
            rows = connection.execute(self._facts, {"keys": as_keys(sorted(keys))}).all()
        found = {MessageKey(*row[:3]): decode_event(*row[3:]) for row in rows}
        return {key: fact for key, fact in found.items() if isinstance(fact, Fact)}


def topic_of(feed: str) -> str:
    """The topic of a feed, also of one that reads the past again."""
    return feed.removeprefix(READ_AGAIN)


def key_of(row: Row[Any]) -> MessageKey:
    """The key of a row's message."""
    return MessageKey(row.source, row.message_id, row.subject)


def content_of(row: Row[Any], facts: Mapping[MessageKey, Fact]) -> tuple[bytes, Headers, bool]:
    """The stored body and headers of a message, or those restated from its fact; and whether they are restated."""
    if row.body is not None:
        return row.body, read_headers(row.headers), False
    key = key_of(row)
    return *restated(facts[key], key.subject), True
