"""When the history begins: the time of the earliest of the first events of the store."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from infra.store.events.history import History

EVENTS_READ = 500
"""Messages come out of order, so the first event stored is not always the earliest; the first few hundred tell enough
for a slider."""


LONGEST_HISTORY = timedelta(days=50 * 365)


def beginning_of(times: Sequence[datetime]) -> datetime | None:
    """The earliest of these times, without those that lie absurdly far before most of the others.

    Some systems send 0001-01-01 for a time that they do not know.
    """
    if not times:
        return None
    middle = sorted(times)[len(times) // 2]
    return min(time for time in times if middle - time <= LONGEST_HISTORY)


class Beginning:
    """The instant (UTC) at which the history of a store begins; None while the store is empty. Read once."""

    def __init__(self, history: History):
        self._history = history
        self._found: datetime | None = None

    def __call__(self) -> datetime | None:
        if self._found is None:
            events = [one.event for one in self._history.after(0, EVENTS_READ)]
            times = [getattr(event, "occurred_at", event.recorded_at) for event in events]
            if len(events) < EVENTS_READ:
                return beginning_of(times)
            self._found = beginning_of(times)
        return self._found
