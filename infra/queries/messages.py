"""What became of a message, and how a subject stands: the answers for whoever sent something or is on call."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Engine, select

from domain.fact import Fact
from domain.order.kind import ORDER
from domain.record import VerdictChanged
from domain.settling import Settling, up_to
from domain.streams import settle_stream, stream_name
from infra.store.events.history import History, PositionedEvent
from infra.store.register.tables import messages
from projections.order_timeline import TimelineEntry, order_timeline, what_each_changed


class Told(NamedTuple):
    """A subject's stream, settled for both clocks: how it stands and what happened to it."""

    summary: Any
    timeline: list[TimelineEntry]


class Messages:
    """Reads streams and the register."""

    def __init__(self, engine: Engine, history: History):
        self._engine = engine
        self._history = history

    def order(self, order_id: str, as_of: datetime | None = None, known_at: datetime | None = None) -> Told | None:
        """The order's timeline and state; None when nobody ever said anything of it (by these clocks)."""
        events = self._history.stream(stream_name(ORDER, order_id))
        facts = up_to([e.event for e in events if isinstance(e.event, Fact)], as_of, known_at)
        if not facts:
            return None
        settling = settle_stream(stream_name(ORDER, order_id), facts)
        # A change of a verdict is about the record: when it was recorded decides, and which messages are looked at.
        keys = {fact.key for fact in facts}
        told = [e for e in events if e.event.key in keys and (known_at is None or e.event.recorded_at <= known_at)]
        summary = settling.moments[-1].summary if settling.moments else None
        return Told(summary, order_timeline(told, settling))

    def find(self, source: str, message_id: str) -> list[dict[str, Any]]:
        """Every message of this source and id: there is one, unless a source used an id for several subjects."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(messages)
                .where(messages.c.source == source, messages.c.message_id == message_id)
                .order_by(messages.c.subject)
            ).mappings()
            found = [dict(row) for row in rows]
        return [self._told(row) for row in found]

    def _told(self, row: dict[str, Any]) -> dict[str, Any]:
        events = self._history.stream(row["stream"])
        own = next(e for e in events if isinstance(e.event, Fact) and e.event.key == (row["source"], row["message_id"]))
        fact = own.event
        assert isinstance(fact, Fact)
        changes = [e.event for e in events if isinstance(e.event, VerdictChanged) and e.event.key == fact.key]
        return {
            "source": row["source"],
            "id": row["message_id"],
            "subject": row["subject"],
            "type": row["type"],
            "verdict": row["verdict"],
            "reason": row["reason"],
            "occurred_at": fact.occurred_at,
            "recorded_at": fact.recorded_at,
            "took_effect_at": row["took_effect_at"],
            "what_changed": what_each_changed(self._settled(row["stream"], events)).get(fact.key, (0, ""))[1],
            "stream": row["stream"],
            "position": own.position,
            "repeats": row["repeats"],
            "repeats_with_other_content": row["differing"],
            "earlier_verdicts": [
                {"verdict": change.verdict_before.value, "until": change.recorded_at} for change in changes
            ],
        }

    @staticmethod
    def _settled(stream: str, events: list[PositionedEvent]) -> Settling[Any]:
        return settle_stream(stream, [e.event for e in events if isinstance(e.event, Fact)])

    def subjects_of(self, source: str, message_id: str) -> list[str]:
        """The subjects of the messages of this source and id."""
        with self._engine.connect() as connection:
            return list(
                connection.execute(
                    select(messages.c.subject).where(messages.c.source == source, messages.c.message_id == message_id)
                ).scalars()
            )
