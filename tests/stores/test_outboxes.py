"""What the relay tells, word by word: given messages taken, then these records, on each database."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import event, text

from consumers.sinks.sink import Record
from consumers.sources.kafka import Partition
from consumers.sources.source import READ_AGAIN, Batch, FeedPosition, RawMessage
from domain.checkpoint import CheckpointMovedError
from domain.rep.events import RepRegistered
from infra.app.container import Waybill, open_backend
from infra.app.migrate import migrate_store
from infra.app.status import read_status
from infra.queries.books import Books
from infra.settings import Settings
from infra.store.checkpoints import Checkpoints
from infra.store.engine import LOCKED
from infra.store.events.codec import encode_event
from infra.store.register.letter_ids import letter_id_of
from infra.store.schema_version import upgrade
from tests.integration.messages import booked, dispatched, placed, voided
from tests.unit.domain.facts import rep_registered

StoreUrl = Callable[[], str]

NOW = datetime(2025, 3, 20, 12, 0, tzinfo=UTC)
PLACED = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", id="P1")
PLACED["correlationid"] = "call-7"
BOOKED = booked("SO-1", "2025-03-04T09:00:00Z", "2025-03-10T12:00:00Z", id="B1")
DISPATCHED = dispatched("SO-1", "2025-03-05T09:00:00Z", id="D1")


def void_of(wrong: dict[str, Any], id_: str) -> dict[str, Any]:
    return voided(wrong, "2025-03-06T09:00:00Z", id=id_)


class Told:
    """A service with a clock that stands, fed by topics, and what its relay tells."""

    def __init__(self, settings: Settings):
        self.now = NOW
        self.service = Waybill(settings, lambda: self.now)
        self.positions = Checkpoints(self.service.backend)
        self.offsets: dict[str, int] = {}
        self.begin()

    def begin(self, *, at_the_newest: bool = False) -> None:
        self.positions.begin(self.service.outboxes(), self.now, at_the_newest=at_the_newest)

    def take(
        self, *messages: dict[str, Any] | bytes | RawMessage, topic: str = "orders", rereading: bool = False
    ) -> None:
        """Take these as one batch of a topic's partition 2."""
        feed = self.service.register.partition_feed(topic, 2, None, self.now).feed
        start = feed.position.next_offset
        raw = [_raw(start + number, one) for number, one in enumerate(messages)]
        batch = Batch(raw, feed.position, FeedPosition(start + len(raw)))
        self.service.ingest(rereading=rereading).take(Partition(topic.removeprefix(READ_AGAIN), 2), feed, batch)

    def next(self) -> dict[str, list[Record]]:
        """What is told from where the relay stood, by topic; the relay moves on."""
        records: dict[str, list[Record]] = {}
        for outlet in self.service.outboxes():
            start = self.positions.position(outlet.name)
            going = outlet.after(start)
            for record in going.records:
                records.setdefault(record.topic, []).append(record)
            if going.end != start:
                self.positions.move(outlet.name, start, going.end)
        return records

    def events(self) -> list[tuple[str, int, str]]:
        """(message id, revision, type) of what is told next on waybill.events."""
        told = [json.loads(record.value) for record in self.next().get("waybill.events", ())]
        return [(event["messageid"], event["revision"], event["type"]) for event in told]


def _raw(offset: int, one: dict[str, Any] | bytes | RawMessage) -> RawMessage:
    if isinstance(one, RawMessage):
        return msgspec.structs.replace(one, offset=offset)
    return RawMessage(offset, one if isinstance(one, bytes) else json.dumps(one).encode())


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def settings(request: pytest.FixtureRequest) -> Settings:
    made: StoreUrl = request.getfixturevalue("sqlite_store" if request.param == "sqlite" else "postgres_store")
    return Settings(store=made(), relay_source="waybill/test")


@pytest.fixture
def told(settings: Settings) -> Iterator[Told]:
    told = Told(settings)
    yield told
    told.service.close()


# -- waybill.events ------------------------------------------------------------------------------


def test_a_fact_is_published_when_it_takes_effect(told: Told) -> None:
    told.take(PLACED)

    (record,) = told.next()["waybill.events"]

    assert record.key == b"order-SO-1"
    assert record.headers == (("content-type", b"application/cloudevents+json"),)
    event = json.loads(record.value)
    assert list(event)[:4] == ["specversion", "id", "source", "type"]
    assert event == {
        "specversion": "1.0",
        "id": f"{event['factid']}.1",
        "source": "waybill/test",
        "type": "order.placed.v1",
        "time": "2025-03-03T09:00:00Z",
        "subject": "SO-1",
        "correlationid": "call-7",
        "recordedtime": "2025-03-20T12:00:00Z",
        "factid": event["factid"],
        "revision": 1,
        "stream": "order-SO-1",
        "streamversion": 1,
        "messagesource": "/order-entry",
        "messageid": "P1",
        "data": {**PLACED["data"], "lines": [{"line": 1, "sku": "SKU-1", "quantity": "1", "unit_price": "10.00"}]},
    }
    assert told.next() == {}


def test_ids_are_the_same_in_another_store_with_another_history(told: Told, sqlite_store: StoreUrl) -> None:
    told.take(PLACED, BOOKED, DISPATCHED)
    other = Told(Settings(store=sqlite_store()))
    for message in (DISPATCHED, BOOKED, PLACED):
        other.take(message)

    ids = [sorted(json.loads(r.value)["id"] for r in one.next()["waybill.events"]) for one in (told, other)]
    other.service.close()

    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 3


def test_a_waiting_fact_is_published_when_it_is_applied(told: Told) -> None:
    told.take(DISPATCHED)
    assert told.events() == []

    told.take(PLACED)
    told.take(BOOKED)

    assert told.events() == [
        ("P1", 1, "order.placed.v1"),
        ("B1", 1, "shipment.booked.v1"),
        ("D1", 1, "shipment.dispatched.v1"),
    ]


def test_a_fact_that_ceases_to_be_in_effect_is_reverted_and_may_take_effect_again(told: Told) -> None:
    told.take(PLACED, BOOKED)
    told.events()
    void = void_of(BOOKED, "V1")
    told.take(void)
    told.now += timedelta(hours=1)

    records = told.next()["waybill.events"]

    (voiding, reverting) = [json.loads(record.value) for record in records]
    assert {record.key for record in records} == {b"order-SO-1"}
    assert (voiding["type"], voiding["messageid"], voiding["revision"]) == ("message.voided.v1", "V1", 1)
    assert {name: reverting[name] for name in reverting if name != "factid"} == {
        "specversion": "1.0",
        "id": f"{reverting['factid']}.2",
        "source": "waybill/test",
        "type": "waybill.fact.reverted.v1",
        "time": "2025-03-20T12:00:00Z",
        "subject": "SO-1",
        "revision": 2,
        "stream": "order-SO-1",
        "streamversion": 4,
        "messagesource": "/order-entry",
        "messageid": "B1",
        "data": {
            "reverts": f"{reverting['factid']}.1",
            "type": "shipment.booked.v1",
            "occurred_at": "2025-03-04T09:00:00Z",
            "verdict": "refused",
            "reason": "voided by message V1 of /order-entry: typed by mistake",
            "because_of_source": "/order-entry",
            "because_of_id": "V1",
        },
    }
    # when the void is voided, then the booking counts again
    told.take(void_of(void, "V2"))
    assert sorted(told.events()) == [
        ("B1", 3, "shipment.booked.v1"),
        ("V1", 2, "waybill.fact.reverted.v1"),
        ("V2", 1, "message.voided.v1"),
    ]


def test_a_void_that_took_effect_in_a_waiting_room_is_not_published_again_when_it_leaves_it(told: Told) -> None:
    v1 = void_of(BOOKED, "V1")
    v2 = void_of(v1, "V2")
    told.take(v1)
    told.take(v2)
    assert told.events() == [("V2", 1, "message.voided.v1")]

    told.take(PLACED, BOOKED)

    assert sorted(told.events()) == [("B1", 1, "shipment.booked.v1"), ("P1", 1, "order.placed.v1")]
    # when it ceases to be in effect after that, then it is the turn after the one in the waiting room
    told.take(void_of(v2, "V3"))
    assert sorted(told.events()) == [
        ("B1", 2, "waybill.fact.reverted.v1"),
        ("V1", 1, "message.voided.v1"),
        ("V2", 2, "waybill.fact.reverted.v1"),
        ("V3", 1, "message.voided.v1"),
    ]


def test_turns_in_a_waiting_room_count_after_it(told: Told) -> None:
    v1 = void_of(BOOKED, "V1")
    v2 = void_of(v1, "V2")
    v3 = void_of(v2, "V3")
    for message in (v1, v2, v3):
        told.take(message)
    assert told.events() == [
        ("V2", 1, "message.voided.v1"),
        ("V3", 1, "message.voided.v1"),
        ("V2", 2, "waybill.fact.reverted.v1"),
    ]

    told.take(PLACED, BOOKED)
    told.take(void_of(v3, "V4"))

    assert [event for event in told.events() if event[0] == "V2"] == [("V2", 3, "message.voided.v1")]


def test_nothing_that_is_derived_or_read_again_tells_an_event_twice(told: Told) -> None:
    told.take(PLACED, BOOKED, b"{}")
    told.next()

    told.take(PLACED, BOOKED, b"{}", topic=f"{READ_AGAIN}orders", rereading=True)
    with told.service.engine.execution_options(**{LOCKED: True}).begin() as connection:
        connection.execute(text("UPDATE projection_positions SET position = 0"))
    told.service.project()

    assert told.next() == {}
    # and what comes again from its source is told as the duplicate that it is, and not as an event
    told.take(PLACED)
    assert [*told.next()] == ["waybill.verdicts"]


def test_when_the_first_of_two_voids_is_voided_the_second_one_takes_effect_in_its_place(told: Told) -> None:
    first, second = void_of(PLACED, "V1"), void_of(PLACED, "V2")
    told.take(PLACED)
    told.take(first)
    told.take(second)
    assert sorted(told.events()) == [
        ("P1", 1, "order.placed.v1"),
        ("P1", 2, "waybill.fact.reverted.v1"),
        ("V1", 1, "message.voided.v1"),
    ]

    told.take(void_of(first, "V3"))

    assert sorted(told.events()) == [
        ("V1", 2, "waybill.fact.reverted.v1"),
        ("V2", 1, "message.voided.v1"),
        ("V3", 1, "message.voided.v1"),
    ]


# -- waybill.verdicts ----------------------------------------------------------------------------


def test_each_verdict_other_than_applied_is_published_to_its_source(told: Told) -> None:
    twin = placed("SO-1", "2025-03-04T09:00:00Z", "2025-03-10T16:00:00Z", id="P2", rep_id="rep-2")
    broken = b'{"specversion":"1.0","id":"X-1","source":"/carrier","type":"order.placed.v9","subject":"SO-3"}'
    told.take(PLACED, PLACED, twin, dispatched("SO-2", "2025-03-05T09:00:00Z", id="D2"), broken, b"\xff\x00")

    records = told.next()["waybill.verdicts"]

    assert [record.key for record in records] == [b"/carrier", None, b"/order-entry", b"/order-entry", b"/order-entry"]
    data = [json.loads(record.value)["data"] for record in records]
    assert [(d["id"], d["verdict"], d["offset"]) for d in data] == [
        ("X-1", "malformed", 4),
        (None, "malformed", 5),
        ("P1", "duplicate", 1),
        ("P2", "refused", 2),
        ("D2", "held", 3),
    ]
    refused = json.loads(records[3].value)
    assert refused == {
        "specversion": "1.0",
        "id": refused["id"],
        "source": "waybill/test",
        "type": "waybill.verdict.given.v1",
        "time": "2025-03-20T12:00:00Z",
        "subject": "SO-1",
        "factid": refused["factid"],
        "data": {
            "source": "/order-entry",
            "id": "P2",
            "subject": "SO-1",
            "type": "order.placed.v1",
            "verdict": "refused",
            "verdict_before": None,
            "reason": "the order was placed before, with other content; use order.amended.v1 to change it",
            "took_effect_at": None,
            "letter_id": letter_id_of("/order-entry", "P2", "SO-1"),
            "topic": "orders",
            "partition": 2,
            "offset": 2,
            "stream": "order-SO-1",
            "stream_version": 2,
        },
    }
    assert data[0]["letter_id"] == "orders/2/4"
    assert len({json.loads(record.value)["id"] for record in records}) == 5


def test_each_change_of_a_verdict_is_told(told: Told) -> None:
    told.take(DISPATCHED)
    told.take(PLACED, BOOKED)
    told.take(void_of(PLACED, "V1"))

    changes = [
        (event["type"], event["data"]["id"], event["data"]["verdict_before"], event["data"]["verdict"])
        for event in (json.loads(record.value) for record in told.next()["waybill.verdicts"])
    ]

    given, changed = "waybill.verdict.given.v1", "waybill.verdict.changed.v1"
    assert changes[:2] == [(given, "D1", None, "held"), (changed, "D1", "held", "applied")]
    assert sorted(changes[2:]) == [
        (changed, "B1", "applied", "held"),
        (changed, "D1", "applied", "held"),
        (changed, "P1", "applied", "refused"),
    ]


def test_a_message_that_was_too_large_and_comes_again_is_told_to_be_malformed_no_more(told: Told) -> None:
    # given a message beyond the limit of then, which is raised later
    told.service.settings.max_message_bytes = 100
    told.take(PLACED)
    assert [json.loads(r.value)["data"]["verdict"] for r in told.next()["waybill.verdicts"]] == ["malformed"]

    told.service.settings.max_message_bytes = 10_000
    feed = told.service.register.open_feed(f"{READ_AGAIN}orders", 2, told.now)
    batch = Batch([_raw(0, PLACED)], FeedPosition(), FeedPosition(1))
    told.service.ingest(rereading=True).take(Partition("orders", 2), feed, batch)

    records = told.next()
    (change,) = [json.loads(record.value)["data"] for record in records["waybill.verdicts"]]
    assert (change["verdict_before"], change["verdict"], change["id"]) == ("malformed", "duplicate", "P1")
    assert (change["topic"], change["offset"]) == ("orders", 0)
    assert len(records["waybill.events"]) == 1


def test_a_message_ahead_of_the_clock_is_told_when_the_clock_comes_near(told: Told) -> None:
    told.take(placed("SO-1", "2025-03-21T09:00:00Z", "2025-03-30T16:00:00Z", id="P1"))
    records = told.next()
    assert [json.loads(record.value)["data"]["verdict"] for record in records["waybill.verdicts"]] == ["held"]
    assert "waybill.events" not in records

    told.now += timedelta(days=2)
    assert told.service.ingest().wake() == 1

    records = told.next()
    (change,) = [json.loads(record.value)["data"] for record in records["waybill.verdicts"]]
    assert (change["verdict_before"], change["verdict"], change["id"]) == ("held", "applied", "P1")
    assert len(records["waybill.events"]) == 1


# -- <topic>.dead --------------------------------------------------------------------------------


def headers_of(record: Record) -> dict[str, str]:
    """Our own headers of a copy."""
    return {name: value.decode() for name, value in record.headers if name.startswith("waybill_")}


def test_a_dead_message_is_copied_whole(told: Told) -> None:
    broken = RawMessage(0, b"\xff\x00 no JSON", (("trace", b"\xfe\x00"), ("trace", b""), ("ce_source", b"/carrier")))
    twin = placed("SO-1", "2025-03-04T09:00:00Z", "2025-03-10T16:00:00Z", id="P2", rep_id="rep-2")
    refused = RawMessage(0, json.dumps(twin, indent=3).encode(), (("x", b"1"),))
    told.take(PLACED, broken, refused, DISPATCHED)

    malformed, refusal = told.next()["orders.dead"]

    assert (malformed.key, malformed.value) == (None, broken.body)
    assert malformed.headers[:3] == broken.headers
    assert (refusal.key, refusal.value) == (b"SO-1", refused.body)
    assert refusal.headers[:1] == refused.headers
    assert headers_of(refusal) == {
        "waybill_topic": "orders",
        "waybill_partition": "2",
        "waybill_offset": "2",
        "waybill_verdict": "refused",
        "waybill_reason": "the order was placed before, with other content; use order.amended.v1 to change it",
        "waybill_letter_id": letter_id_of("/order-entry", "P2", "SO-1"),
        "waybill_bytes": "as received",
    }


def test_one_that_is_refused_later_is_copied_then_restated_if_it_was_applied_at_first(told: Told) -> None:
    told.take(PLACED, BOOKED)
    told.take(void_of(BOOKED, "V1"))

    (copy,) = told.next()["orders.dead"]

    assert json.loads(copy.value)["id"] == "B1"
    assert (headers_of(copy)["waybill_bytes"], headers_of(copy)["waybill_verdict"]) == ("restated", "refused")
    assert headers_of(copy)["waybill_offset"] == "1"


def test_one_that_was_held_for_too_long_is_copied_once(told: Told) -> None:
    told.take(DISPATCHED)
    assert "orders.dead" not in told.next()
    told.now += timedelta(hours=72)
    assert told.next() == {}

    told.now += timedelta(seconds=1)

    (copy,) = told.next()["orders.dead"]
    assert json.loads(copy.value) == DISPATCHED
    assert headers_of(copy)["waybill_verdict"] == "held"
    assert headers_of(copy)["waybill_reason"] == "order SO-1 is not known yet; held for more than 72 hours"
    assert told.next() == {}


def test_one_that_came_long_ago_and_is_held_since_now_is_dead_at_once(told: Told) -> None:
    told.take(PLACED, BOOKED)
    told.take(dispatched("SO-9", "2025-03-05T09:00:00Z", id="D9"))
    told.now += timedelta(hours=100)
    told.next()

    told.take(void_of(PLACED, "V1"))

    copies = told.next()["orders.dead"]
    assert [(json.loads(copy.value)["id"], headers_of(copy)["waybill_verdict"]) for copy in copies] == [
        ("P1", "refused"),
        ("B1", "held"),
    ]


def test_one_received_exactly_at_the_limit_when_the_relay_begins_is_copied_once_it_expires(settings: Settings) -> None:
    told = Told(settings)
    told.take(DISPATCHED)
    with told.service.engine.begin() as connection:
        connection.execute(text("DELETE FROM reactor_positions"))
    # given a relay that begins at the last instant at which the message still waits
    told.now += timedelta(hours=72)
    told.begin(at_the_newest=True)
    assert told.next() == {}
    # when that instant has passed
    told.now += timedelta(microseconds=1)
    # then the message is dead, as status says too
    (copy,) = told.next()["orders.dead"]
    assert json.loads(copy.value) == DISPATCHED
    assert read_status(told.service).books.dead == 1
    told.service.close()


def test_one_held_again_exactly_at_the_limit_is_not_dead_yet(settings: Settings) -> None:
    told = Told(settings)
    told.take(PLACED, BOOKED)
    with told.service.engine.begin() as connection:
        connection.execute(text("DELETE FROM reactor_positions"))
    told.now += timedelta(hours=72)
    told.begin(at_the_newest=True)
    # when a void makes the booking wait again
    told.take(void_of(PLACED, "V1"))
    # then the voided order is dead, and the booking, at its last instant of waiting, is not
    assert [json.loads(copy.value)["id"] for copy in told.next()["orders.dead"]] == ["P1"]
    assert read_status(told.service).books == Books(received=3, applied=1, duplicate=0, held=1, dead=1)
    # until that instant has passed: then it is copied, once
    told.now += timedelta(microseconds=1)
    assert [json.loads(copy.value)["id"] for copy in told.next()["orders.dead"]] == ["B1"]
    assert told.next() == {}
    told.service.close()


def test_what_came_from_a_file_has_no_topic_to_be_copied_to(told: Told) -> None:
    told.take(b"{}", DISPATCHED, topic="file:/home/messages.jsonl")
    told.now += timedelta(hours=100)
    assert [*told.next()] == ["waybill.verdicts"]


def test_what_was_dead_in_a_topic_that_is_read_again_is_copied_to_that_topic(told: Told) -> None:
    told.take(b"[]", topic=f"{READ_AGAIN}orders", rereading=True)
    (copy,) = told.next()["orders.dead"]
    assert headers_of(copy)["waybill_topic"] == "orders"


# -- where it begins -----------------------------------------------------------------------------


def test_a_relay_can_begin_with_what_comes_from_now_on(settings: Settings) -> None:
    told = Told(settings.model_copy())
    with told.service.engine.begin() as connection:
        connection.execute(text("DELETE FROM reactor_positions"))
    told.take(PLACED, b"{}", DISPATCHED)
    told.now += timedelta(hours=100)

    told.begin(at_the_newest=True)
    assert told.next() == {}

    told.take(BOOKED)
    assert sorted(told.events()) == [("B1", 1, "shipment.booked.v1"), ("D1", 1, "shipment.dispatched.v1")]
    # and it begins once
    told.begin(at_the_newest=False)
    assert told.next() == {}
    told.service.close()


@pytest.mark.parametrize("place", ["no_file", pytest.param("empty_database", marks=pytest.mark.postgres)])
def test_in_a_store_that_was_migrated_it_begins_after_what_was_there(
    place: str, request: pytest.FixtureRequest
) -> None:
    """given a store that did not note what was applied at once, then only what came since is told."""
    settings = Settings(store=request.getfixturevalue(place)(), relay_source="waybill/test")
    backend = open_backend(settings)
    upgrade(backend.engine, to="0001")
    with backend.engine.begin() as connection:
        backend.insert_events(connection, [("rep-0", 1, RepRegistered.TOPIC, encode_event(rep_registered()))])
    backend.close()
    assert migrate_store(settings).version_before == "0001"

    told = Told(settings)
    assert read_status(told.service).reactors[0] == ("relay.events", 1, 0)
    told.take(PLACED)

    assert told.events() == [("P1", 1, "order.placed.v1")]
    told.service.close()


def test_of_two_that_tell_the_same_one_moves_on(told: Told) -> None:
    told.take(PLACED)
    told.positions.move("relay.events", 0, 1)

    with pytest.raises(CheckpointMovedError, match=r"another process has moved relay\.events on from 0"):
        told.positions.move("relay.events", 0, 1)


def test_a_position_never_goes_back(told: Told) -> None:
    told.positions.move("relay.events", 0, 2)

    for no_further in (1, 2):
        with pytest.raises(CheckpointMovedError, match=f"or {no_further} is not beyond"):
            told.positions.move("relay.events", 2, no_further)

    assert told.positions.position("relay.events") == 2


def test_status_tells_how_far_the_relay_is(told: Told) -> None:
    told.take(PLACED, BOOKED, b"{}")
    assert read_status(told.service).reactors == [
        ("relay.events", 0, 2),
        ("relay.verdicts", 0, 1),
        ("relay.expired", 0, 0),
    ]
    told.next()
    assert [reactor.lag for reactor in read_status(told.service).reactors] == [0, 0, 0]


def test_a_look_for_news_reads_no_table_whole(sqlite_store: StoreUrl) -> None:
    """Every second the relay looks whether there is more to tell: that must cost nothing, however large the store."""
    told = Told(Settings(store=sqlite_store()))
    told.take(PLACED, BOOKED, void_of(PLACED, "V1"), b"{}")
    asked: list[tuple[str, Any]] = []
    engine = told.service.engine
    event.listen(engine, "before_cursor_execute", lambda _, __, statement, *more: asked.append((statement, more[0])))
    told.next()

    with engine.connect() as connection:
        questions = [one for one in asked if one[0].startswith("SELECT")]
        plans = [
            str(step[-1])
            for statement, parameters in questions
            for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    told.service.close()

    assert len(questions) > 5
    # One has a row for each outbox and reactor, the other the keys that were given.
    small = ("reactor_positions", "json_each")
    assert [step for step in plans if step.startswith("SCAN") and not any(name in step for name in small)] == []
