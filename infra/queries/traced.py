"""What a trace reads of the register: one message or malformed message as it came in, and what was left out."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, select

from consumers.ingest.register import MessageKey
from infra.store.register.tables import (
    feeds,
    ignored_fields,
    left_out_records,
    malformed_messages,
    messages,
    raw_messages,
)


def received_messages(connection: Connection, source: str, message_id: str) -> Sequence[Row[Any]]:
    """The rows of `messages` of this source and id by subject, each with its feed's topic and its bytes, if kept."""
    kept = and_(*(messages.c[name] == raw_messages.c[name] for name in MessageKey._fields))
    return connection.execute(
        select(messages, feeds.c.topic, feeds.c.partition, raw_messages.c.body, raw_messages.c.headers)
        .join_from(messages, feeds, messages.c.feed_id == feeds.c.feed_id)
        .outerjoin(raw_messages, kept)
        .where(messages.c.source == source, messages.c.message_id == message_id)
        .order_by(messages.c.subject)
    ).all()


def received_letters(connection: Connection, source: str, message_id: str) -> Sequence[Row[Any]]:
    """The rows of `malformed_messages` that claim this source and id, each with its feed's topic, by receipt."""
    return connection.execute(
        select(malformed_messages, feeds.c.topic, feeds.c.partition)
        .join_from(malformed_messages, feeds, malformed_messages.c.feed_id == feeds.c.feed_id)
        .where(malformed_messages.c.claimed_source == source, malformed_messages.c.claimed_id == message_id)
        .order_by(malformed_messages.c.received_at, malformed_messages.c.letter_id)
    ).all()


def ignored_names(connection: Connection, key: MessageKey) -> Sequence[str]:
    """The fields of a message that the contract does not know."""
    question = select(ignored_fields.c.names).where(
        *(ignored_fields.c[name] == value for name, value in key._asdict().items())
    )
    names = connection.execute(question).scalar_one_or_none()
    return () if names is None else tuple(json.loads(names))


def left_out_size(connection: Connection, topic: str, record_id: str | None) -> int | None:
    """The size in bytes of a record that the relay left out; None if it did not."""
    kept = left_out_records.c
    question = select(kept.size).where(kept.topic == topic, kept.event_id == record_id)
    return connection.execute(question).scalar_one_or_none()
