"""The voids that wait for the message they name, as they were known at an instant: found by settling their room."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, select, true

from domain.derived import facts_among
from domain.fact import Fact, FactKey
from domain.settling import up_to
from domain.streams import settle_stream, waiting_room
from domain.verdict import Outcome
from infra.store.events.history import History
from infra.store.register.tables import messages


def waiting_voids(
    connection: Connection, history: History, known_at: datetime, subject: str | None = None
) -> Iterator[tuple[str, Fact, Outcome]]:
    """Each void that still waits and was recorded by `known_at`: its subject (or only this one), fact and outcome then.

    A void of which the message came meanwhile is in that message's stream, and is settled there.
    """
    rows = select(messages.c.subject, messages.c.source, messages.c.message_id).where(
        messages.c.waits_in_room == true(), messages.c.recorded_at <= known_at
    )
    if subject is not None:
        rows = rows.where(messages.c.subject == subject)
    waiting: dict[str, set[FactKey]] = defaultdict(set)
    for row in connection.execute(rows):
        waiting[row.subject].add((row.source, row.message_id))
    for one, keys in waiting.items():
        room = waiting_room(one)
        known = up_to(facts_among(event.event for event in history.stream(room)), recorded=known_at)
        facts = [fact for fact in known if fact.key in keys]
        outcomes = settle_stream(room, facts, watched=False).outcomes
        yield from ((one, fact, outcomes[fact.key]) for fact in facts)
