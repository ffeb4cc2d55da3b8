"""Follow: the stored events, and then each new one as it is stored."""

from collections.abc import Iterator, Sequence
from itertools import islice
from threading import Event

from infra.app.container import Waybill
from infra.queries.events import EventFilter, Events
from infra.store.events.history import PositionedEvent
from infra.store.opening import StoreChangedError
from infra.store.retries import RetryPolicy, passes

EVENTS_AT_ONCE = 500
SECONDS_BETWEEN_LOOKS = 1.0
"""PostgreSQL announces new events; this is the longest wait if an announcement was missed."""
ROLE = "follower"


def follow_events(
    waybill: Waybill, position: int | None, wanted: EventFilter, stop: Event
) -> Iterator[PositionedEvent]:
    """The events after a position that meet the filter, in the order of the store, until `stop` is set.

    Without a position, only those that are stored from now on.

    Positions are given out under the store's write lock, so nothing appears behind what was read: each event comes
    once. During an outage of the store it waits, and goes on where it was.
    """
    retry = RetryPolicy(waybill.settings.retry_seconds, stop, _may_pass)
    events, news = Events(waybill.backend), waybill.backend.leadership(ROLE)
    try:
        if position is None:
            position = retry(waybill.history.head)
        while not stop.is_set():
            head = retry(waybill.history.head)
            while position < head:
                some = _page(events, position, wanted, head, retry)
                yield from some
                position = head if len(some) < EVENTS_AT_ONCE else some[-1].position
                if stop.is_set():
                    return
            retry(lambda: news.wait(stop, SECONDS_BETWEEN_LOOKS))
    finally:
        news.close()


def _page(
    events: Events, position: int, wanted: EventFilter, head: int, retry: RetryPolicy
) -> Sequence[PositionedEvent]:
    """Read whole before any of it is told, so that a retry tells nothing twice."""
    return retry(lambda: list(islice(events.after(position, wanted, head), EVENTS_AT_ONCE)))


def _may_pass(error: BaseException) -> bool:
    """A file that nobody wrote is read without locks, and read again when somebody begins to write."""
    return passes(error) or isinstance(error, StoreChangedError)
