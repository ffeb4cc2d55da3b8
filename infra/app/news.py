"""News: what was stored after a place, and which verdicts were given or changed, for whoever follows the store live."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import func, select

from consumers.contract.topics import VERDICTS
from domain.fact import Fact
from domain.streams import split_stream_name
from infra.app.container import Waybill
from infra.outbox.verdicts import VerdictsOutbox
from infra.queries.events import EventFilter, Events
from infra.store.events.history import PositionedEvent
from infra.store.register.tables import notices

EVENTS_AT_ONCE = 500
_EVERY_EVENT = EventFilter()


class Place(NamedTuple):
    """How far somebody has read: the position of an event, and the number of a notice of a verdict."""

    position: int
    notice: int


class News(NamedTuple):
    """One piece: `stored` is an event of the store, `verdict` the record that the relay would publish of a verdict."""

    kind: str
    data: Any
    place: Place
    """From which to go on after it."""


class NewsReader:
    """Reads news in the order of the store. It changes nothing, and keeps no connection between readings."""

    def __init__(self, waybill: Waybill):
        self._history = waybill.history
        self._engine = waybill.engine
        self._events = Events(waybill.backend)
        settings = waybill.settings
        # Without topics that have copies of dead letters, it has verdicts alone.
        self._verdicts = VerdictsOutbox(
            waybill.backend, settings.topic_prefix + VERDICTS, settings.relay_source, (), _never
        )

    def newest(self) -> Place:
        """The place after everything that is stored now."""
        return Place(self._history.head(), self._newest_notice())

    def after_position(self, position: int) -> Place:
        """The place after an event. Verdicts are told from about then on: some may be told again, none is left out."""
        if position <= 0:
            return Place(0, 0)
        event = next(self._events.after(position - 1, _EVERY_EVENT), None)
        return self.newest() if event is None else Place(position, self._notice_before(event.event.recorded_at))

    def after(self, place: Place) -> tuple[Sequence[News], Place]:
        """Some news after the place, and the place after these; no news if there is none yet."""
        position, notice = place
        found: list[News] = []
        # Read before the events, so that a verdict comes with its event or after it.
        outgoing, head = self._verdicts.after(notice), self._history.head()
        for stored in islice(self._events.after(position, _EVERY_EVENT, head), EVENTS_AT_ONCE):
            position = stored.position
            found.append(News("stored", _told(stored), Place(position, notice)))
        for record in outgoing.records:
            found.append(News("verdict", msgspec.json.decode(record.value), Place(position, notice)))
        after = Place(position, outgoing.end)
        if outgoing.records:
            # Whoever stops between these verdicts hears them again.
            found[-1] = found[-1]._replace(place=after)
        return found, after

    def _newest_notice(self) -> int:
        with self._engine.connect() as connection:
            return int(connection.execute(select(func.coalesce(func.max(notices.c.notice_id), 0))).scalar_one())

    def _notice_before(self, instant: datetime) -> int:
        """The last notice told before the instant, found by halves: notices are numbered as they are told."""
        low, high = 0, self._newest_notice()
        with self._engine.connect() as connection:
            while low < high:
                middle = (low + high + 1) // 2
                told_at = connection.execute(
                    select(notices.c.told_at)
                    .where(notices.c.notice_id <= middle)
                    .order_by(notices.c.notice_id.desc())
                    .limit(1)
                ).scalar()
                low, high = (middle, high) if told_at is None or told_at < instant else (low, middle - 1)
        return low


def _told(stored: PositionedEvent) -> dict[str, Any]:
    event = stored.event
    return {
        "position": stored.position,
        "stream": event.originator_id,
        "subject": split_stream_name(event.originator_id)[1],
        "event": type(event).__name__,
        "type": event.TYPE if isinstance(event, Fact) else None,
        "source": event.source,
        "id": event.message_id,
        "occurred_at": getattr(event, "occurred_at", None),
        "recorded_at": event.recorded_at,
    }


def _never() -> datetime:
    return datetime.min.replace(tzinfo=UTC)
