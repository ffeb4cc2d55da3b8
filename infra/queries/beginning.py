"""When the history begins: the time of the earliest of the first events of the store."""

from datetime import datetime

from infra.store.events.history import History

EVENTS_READ = 500
"""Messages come out of order, so the first event stored is not always the earliest; the first few hundred tell enough
for a slider."""


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
                return min(times, default=None)
            self._found = min(times)
        return self._found
