"""What the outlets read of messages: their facts, and where each came from."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from sqlalchemy import text

from consumers.contract.records import Headers
from consumers.ingest.register import MessageKey
from consumers.sources.source import READ_AGAIN
from domain.fact import Fact
from infra.store.backend import Backend
from infra.store.mapper import decode_event


class FactsOfMessages:
    """Finds the facts of messages by their keys."""

    def __init__(self, backend: Backend):
        self._engine = backend.engine
        self._facts = text(
            "SELECT m.source, m.message_id, m.subject, e.originator_id, e.originator_version, e.topic, e.state "
            f"FROM {backend.keys(3)} JOIN messages AS m "
            "ON m.source = k.k0 AND m.message_id = k.k1 AND m.subject = k.k2 "
            f"JOIN {backend.events_table} AS e ON e.originator_id = m.stream AND e.originator_version = m.version"
        )

    def __call__(self, keys: Collection[MessageKey]) -> Mapping[MessageKey, Fact]:
        if not keys:
            return {}
        with self._engine.connect() as connection:
            rows = connection.execute(self._facts, {"keys": as_json(sorted(keys))}).all()
        found = {MessageKey(*row[:3]): decode_event(*row[3:]) for row in rows}
        return {key: fact for key, fact in found.items() if isinstance(fact, Fact)}


def as_json(keys: Any) -> str:
    """Keys as the parameter of Backend.keys."""
    return msgspec.json.encode(keys).decode()


def topic_of(feed: str) -> str:
    """The topic of a feed, which may have read it again."""
    return feed.removeprefix(READ_AGAIN)


def read_headers(kept: str) -> Headers:
    """Headers as the register keeps them."""
    return tuple((name, bytes.fromhex(value)) for name, value in msgspec.json.decode(kept))
