"""What a relay told on its topics, held to what the store has."""

import json
from collections import defaultdict
from typing import Any

from sqlalchemy import select

from domain.verdict import Verdict
from infra.app.container import Waybill
from infra.settings import Settings
from infra.store.register.tables import messages
from tests.follower import Message, messages_in_effect, verdicts_after
from tests.integration.broker import Topics
from tests.integration.reading_topics import all_records


def events_in(topics: Topics) -> list[Any]:
    return all_records(topics.url, f"{topics.prefix}waybill.events")


def verdicts_in(topics: Topics) -> list[Any]:
    return all_records(topics.url, f"{topics.prefix}waybill.verdicts")


def verdicts_of(store: str) -> dict[Message, str]:
    """The verdict of each well-formed message in the store."""
    with Waybill(Settings(store=store)) as service, service.engine.connect() as connection:
        columns = (messages.c.source, messages.c.message_id, messages.c.subject, messages.c.verdict)
        return {(row[0], row[1], row[2]): row[3] for row in connection.execute(select(*columns))}


def in_effect_in(store: str) -> set[Message]:
    return {message for message, verdict in verdicts_of(store).items() if verdict == Verdict.APPLIED}


def check_that_nothing_is_lost(store: str, topics: Topics) -> None:
    """Whoever follows knows what is in effect and each verdict, and each stream was told in its order."""
    told = events_in(topics)
    assert messages_in_effect(record.value for record in told) == in_effect_in(store)
    latest = verdicts_after(record.value for record in verdicts_in(topics))
    verdicts = verdicts_of(store)
    assert {message: latest.get(message, "applied") for message in verdicts} == verdicts
    versions: dict[bytes, list[int]] = defaultdict(list)
    for record in told:
        event = json.loads(record.value)
        assert record.key == event["stream"].encode()
        versions[record.key].append(event["streamversion"])
    for stream, told_of in versions.items():
        first_told = list(dict.fromkeys(told_of))
        assert first_told == sorted(first_told), stream
