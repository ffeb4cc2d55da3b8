"""The outbox of waybill.events: facts that take effect and cease to, in the order of the store."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from consumers.ingest.register import MessageKey
from consumers.relay.effects import EventRef, Surroundings, key_of, makes_a_turn, place_of, record_of, turns
from consumers.sinks.sink import Record
from domain.derived import is_derived
from domain.events import VerdictChanged
from domain.fact import Fact, StreamEvent
from domain.streams import waiting_room
from infra.outbox.message_content import FactsOfMessages
from infra.outbox.outbox import Outgoing
from infra.store.backend import Backend, as_keys
from infra.store.engine import connected
from infra.store.events.codec import EVENT_COLUMNS, decode_event
from infra.store.events.history import History, PositionedEvent, head_seen

EVENTS_AT_ONCE = 2_000


class EffectsOutbox:
    """Implements infra.outbox.outbox.Outbox; a position is one of the history.

    It reads on the connection if one is given.
    """

    name = "relay.events"

    def __init__(
        self, backend: Backend, history: History, topic: str, source: str, connection: Connection | None = None
    ):
        self._backend = backend
        self._engine = backend.engine
        self._connection = connection
        self._history = history
        self._topic = topic
        self._source = source
        self._facts = FactsOfMessages(backend, connection)
        position = f"e.{backend.position}"
        self._not_at_once = text(
            f"SELECT n.stream, n.version FROM {backend.keys(2)} JOIN notices AS n "
            "ON n.stream = k.k0 AND n.version = CAST(k.k1 AS bigint)"
        )
        of_streams = (
            f"SELECT {EVENT_COLUMNS} FROM {backend.keys(1)} "
            f"JOIN {backend.events_table} AS e ON e.originator_id = k.k0 WHERE {position} <= :position"
        )
        self._changes = text(f"{of_streams} AND e.topic = '{VerdictChanged.TOPIC}' ORDER BY {position}")
        self._whole = text(f"{of_streams} ORDER BY {position}")

    def after(self, position: int) -> Outgoing:
        found = self._history.after(position, EVENTS_AT_ONCE)
        if not found:
            return Outgoing((), position)
        return Outgoing([record for _, record in self.records_of(found)], found[-1].position)

    def records_of(self, found: Sequence[PositionedEvent]) -> list[tuple[int, Record]]:
        """The records of some events (at least one, in the order of the store), each with its event's position."""
        events = [positioned.event for positioned in found]
        positions = {place_of(event): position for position, event in found}
        surroundings = self._surroundings(events, found[-1].position)
        return [
            (positions[turn.event], record_of(turn, self._topic, self._source)) for turn in turns(events, surroundings)
        ]

    def lag(self, position: int) -> int:
        return self._history.count_after(position)

    def newest(self, connection: Connection, now: datetime) -> int:
        return head_seen(connection, self._backend)

    def _surroundings(self, events: Sequence[StreamEvent], end: int) -> Surroundings:
        turning = {
            key_of(event)
            for event in events
            if isinstance(event, VerdictChanged) and makes_a_turn(event) and not is_derived(event)
        }
        streams = {event.originator_id for event in events if isinstance(event, VerdictChanged)}
        changes = {**self._changes_of(turning, streams, end), **self._derived(events, end)}
        facts = {place_of(one) for told in (events, *changes.values()) for one in told if isinstance(one, Fact)}
        return Surroundings(self._noted(facts), changes, self._facts(turning))

    def _noted(self, places: Collection[EventRef]) -> Collection[EventRef]:
        with connected(self._engine, self._connection) as connection:
            found = connection.execute(self._not_at_once, {"keys": as_keys(sorted(places))})
            return {(row[0], row[1]) for row in found}

    def _derived(self, events: Sequence[StreamEvent], end: int) -> Mapping[MessageKey, Sequence[StreamEvent]]:
        """The whole histories of the derived messages among these: one that was withdrawn may stand again."""
        derived = {key_of(event) for event in events if is_derived(event)}
        if not derived:
            return {}
        streams = sorted({event.originator_id for event in events if is_derived(event)})
        with connected(self._engine, self._connection) as connection:
            rows = connection.execute(self._whole, {"keys": as_keys(streams), "position": end}).all()
        histories: dict[MessageKey, list[StreamEvent]] = defaultdict(list)
        for row in rows:
            event = decode_event(*row)
            if is_derived(event) and (key := key_of(event)) in derived:
                histories[key].append(event)
        return histories

    def _changes_of(
        self, turning: Collection[MessageKey], streams: Collection[str], end: int
    ) -> Mapping[MessageKey, Sequence[StreamEvent]]:
        """All changes of these messages' verdicts, including those of voids in waiting rooms."""
        if not turning:
            return {}
        looked_in = {*streams, *(waiting_room(key.subject) for key in turning)}
        with connected(self._engine, self._connection) as connection:
            rows = connection.execute(self._changes, {"keys": as_keys(sorted(looked_in)), "position": end}).all()
        changes: dict[MessageKey, list[VerdictChanged]] = defaultdict(list)
        for row in rows:
            event = decode_event(*row)
            if isinstance(event, VerdictChanged) and (key := key_of(event)) in turning:
                changes[key].append(event)
        return changes
