"""given a store, then `Events` finds exactly the events asked for, and `follow_events` tells each once, in order."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Event, Thread

import pytest

from consumers.contract.fields import read_condition
from consumers.sources.json_lines import JsonLines
from infra.app import follow
from infra.app.container import Waybill
from infra.app.follow import follow_events
from infra.app.void import void_message
from infra.queries import events as queries
from infra.queries.events import EventFilter, Events
from infra.settings import Settings
from tests.integration.messages import Document, booked, cancelled, dispatched, placed, registered, voided
from tests.stores.conftest import StoreUrl

EARLY, PROMISE = "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"
ODD = 'crm "7" – Ä\\n'
WRONG = placed("SO-2", "2025-03-04T09:00:00Z", PROMISE, id="O-2", source=ODD)
FLOOR = (
    registered("rep-1", EARLY, "Ann"),
    placed("SO-1", EARLY, PROMISE, id="O-1"),
    {**dispatched("SO-1", "2025-03-05T09:00:00Z", id="D-1"), "correlationid": "call-7"},
    booked("SO-1", "2025-03-04T09:00:00Z", PROMISE, id="B-1"),
    WRONG,
    cancelled("SO-3", EARLY, id="C-3"),
    voided(placed("SO-9", EARLY, PROMISE, id="O-9"), EARLY, id="V-9"),
    voided(WRONG, EARLY, id="V-2"),
)
MARCH = datetime(2025, 3, 4, tzinfo=UTC)


def take_in(waybill: Waybill, *documents: Document) -> None:
    lines = [json.dumps(document).encode() for document in documents]
    waybill.ingest().read(JsonLines.of_one_batch("floor", lines))


@pytest.fixture
def waybill(new_store: StoreUrl) -> Iterator[Waybill]:
    with Waybill(Settings(store=new_store())) as waybill:
        for document in FLOOR:
            take_in(waybill, document)
        void_message(waybill, "/order-entry", "B-1", "no such van", operator="ann")
        yield waybill


FILTERS = (
    EventFilter(),
    EventFilter(stream="order-SO-1"),
    EventFilter(topics=["verdict.changed", "message.voided"]),
    EventFilter(source=ODD),
    EventFilter(source="/order-entry", message_id="B-1"),
    EventFilter(source=ODD, message_id="O-2"),
    EventFilter(message_id="D-1"),
    EventFilter(source="/order-entry", message_id="V-9"),
    EventFilter(source="/nobody", message_id="O-1"),
    EventFilter(correlation_id="call-7"),
    EventFilter(since=MARCH),
    EventFilter(until=MARCH, topics=["order.placed", "order.cancelled"]),
    EventFilter(received_since=datetime(2026, 1, 1, tzinfo=UTC)),
    EventFilter(received_until=datetime(2026, 1, 1, tzinfo=UTC)),
    EventFilter(where=[read_condition("data.carrier=Swift", UTC)]),
)


def test_the_events_asked_for_and_no_others(waybill: Waybill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "EVENTS_AT_ONCE", 3)
    every = waybill.history.after(0, 1_000)
    half = len(every) // 2
    for wanted in FILTERS:
        found = list(Events(waybill.backend).after(0, wanted))

        assert found == [event for event in every if wanted(event.event)]
        assert bool(found) is (wanted.source != "/nobody" and wanted.received_until is None), wanted
        assert list(Events(waybill.backend).after(half, wanted)) == [one for one in found if one.position > half]


def test_a_follower_tells_each_event_once_and_in_order_while_two_writers_store(
    new_store: StoreUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "EVENTS_AT_ONCE", 7)
    url = new_store()
    with Waybill(Settings(store=url)) as waybill, Waybill(Settings(store=url)) as other:
        take_in(waybill, placed("SO-0", EARLY, PROMISE))

        def write(writer: Waybill, name: str) -> None:
            for number in range(30):
                take_in(writer, *(placed(f"SO-{name}{number}-{n}", EARLY, PROMISE) for n in range(3)))

        writers = [Thread(target=write, args=(waybill, "a")), Thread(target=write, args=(other, "b"))]
        stop, told = Event(), []
        for writer in writers:
            writer.start()
        for event in follow_events(waybill, 0, EventFilter(topics=["order.placed"]), stop):
            told.append(event)
            if len(told) == 181:
                stop.set()
        for writer in writers:
            writer.join()

        assert told == waybill.history.after(0, 1_000)
