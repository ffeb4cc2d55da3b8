"""`waybill reingest`: a topic's past is read again, and live consumers are not disturbed."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from kafka import KafkaProducer

from tests.integration.broker import Topics
from tests.integration.command import Command
from tests.integration.messages import booked, dispatched, placed
from tests.integration.topics import STRUCTURED, Sent, consumed, made, positions, send

pytestmark = pytest.mark.kafka

PLACED = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")
BOOKED = booked("SO-1", "2025-03-04T09:00:00Z", "2025-03-10T12:00:00Z")
DISPATCHED = dispatched("SO-1", "2025-03-05T09:00:00Z")
LATER = dispatched("SO-2", "2025-03-05T09:00:00Z")


def sent(message: dict[str, Any] | bytes) -> Sent:
    value = message if isinstance(message, bytes) else json.dumps(message).encode()
    return Sent("orders", value, headers=STRUCTURED, partition=0)


@pytest.fixture
def consuming(waybill: Command, topics: Topics) -> Command:
    return made(waybill, topics)


def test_what_was_taken_is_found_taken(consuming: Command, topics: Topics) -> None:
    send(topics, [sent(PLACED), sent(b"broken"), sent(BOOKED), sent(LATER)])
    consumed(consuming, topics)
    before = positions(consuming)

    again = consuming.ask("reingest", "--topic", "orders", "--from", "0")

    assert again == {"received": 4, "applied": 0, "duplicate": 4, "held": 0, "refused": 0, "malformed": 0}
    assert consuming.ask("status")["books"] == {"received": 8, "applied": 2, "duplicate": 4, "held": 1, "dead": 1}
    assert positions(consuming) == before
    consuming("verify").done()


def test_a_store_that_missed_something_gets_it(consuming: Command, other: Command, topics: Topics) -> None:
    """given a store that began in the middle, then what came before is taken, and what waited for it is."""
    send(topics, [sent(PLACED), sent(BOOKED), sent(DISPATCHED)])
    late = other.with_(**topics.env)
    late("ingest", late.file("late.jsonl", DISPATCHED)).done()

    again = late.ask("reingest", "--topic", f"{topics.prefix}orders", "--from", "0", "--to", "2")

    assert (again["received"], again["applied"]) == (2, 2)
    assert late.ask("order", "SO-1")["order"]["stage"] == "in_transit"


def test_a_letter_that_was_found_in_the_past_names_the_topic_that_it_came_on(
    consuming: Command, topics: Topics
) -> None:
    send(topics, [sent(b"broken")])
    consuming.ask("reingest", "--topic", "orders", "--from", "0")

    (letter,) = consuming.ask("dead-letters", "list")
    assert (letter["topic"], letter["partition"], letter["offset"]) == (f"{topics.prefix}orders", 0, 0)


def test_a_dry_run_tells_each_messages_verdict_and_stores_nothing(consuming: Command, topics: Topics) -> None:
    send(topics, [sent(PLACED), sent(BOOKED)])
    consumed(consuming, topics)
    before = consuming.ask("status")
    send(
        topics,
        [
            sent(DISPATCHED),
            sent(b"broken"),
            sent(LATER),
            sent(placed("SO-2", "2025-03-01T09:00:00Z", "2025-03-10T16:00:00Z")),
        ],
    )

    rows = consuming.ask("reingest", "--topic", "orders", "--from", "1", "--dry-run")

    told = [(row["offset"], row["verdict"]) for row in rows]
    assert told == [(1, "duplicate"), (2, "applied"), (3, "malformed"), (4, "held"), (5, "applied")]
    assert consuming.ask("status")["books"] == before["books"]
    assert consuming.ask("dead-letters", "list") == []
    assert (rows[1]["source"], rows[1]["id"], rows[1]["subject"]) == (DISPATCHED["source"], DISPATCHED["id"], "SO-1")


def test_a_dry_run_tells_what_the_messages_end_in(consuming: Command, topics: Topics) -> None:
    """given a message that waits for one of a later batch, then it is told to be applied."""
    send(topics, [sent(BOOKED), sent(PLACED)])
    slowly = consuming.with_(WAYBILL_BATCH_MESSAGES="1")

    rows = slowly.ask("reingest", "--topic", "orders", "--from", "0", "--dry-run")

    assert [row["verdict"] for row in rows] == ["applied", "applied"]


def test_the_past_can_be_named_by_instants(consuming: Command, topics: Topics) -> None:
    send(topics, [sent(PLACED)])
    time.sleep(0.01)
    between = datetime.now(UTC).isoformat()
    time.sleep(0.01)
    send(topics, [sent(BOOKED)])

    before = consuming.ask("reingest", "--topic", "orders", "--from", "2020-01-01", "--to", between, "--dry-run")
    after = consuming.ask("reingest", "--topic", "orders", "--from", between, "--dry-run")

    assert [row["offset"] for row in before] == [0]
    assert [row["offset"] for row in after] == [1]


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        (("--topic", "invoices", "--from", "0"), "does not read"),
        (("--topic", "orders", "--from", "yesterday"), "is not an instant"),
        (("--topic", "orders"), "--from"),
    ],
)
def test_wrong_usage_is_named(consuming: Command, arguments: tuple[str, ...], saying: str) -> None:
    consuming("reingest", *arguments).exited(2, saying)


def test_kafka_that_does_not_answer_is_said_in_a_line(consuming: Command) -> None:
    lost = consuming.with_(WAYBILL_KAFKA="127.0.0.1:1")
    lost("reingest", "--topic", "orders", "--from", "0").exited(1, "Kafka at 127.0.0.1:1 failed")


def test_up_consumes_and_projects_in_one_process(consuming: Command, topics: Topics) -> None:
    running = consuming.start("up")
    send(topics, [sent(PLACED), sent(BOOKED)])
    deadline = time.monotonic() + 60
    # Between the first event and the first step of the projector no view answers yet.
    while (asked := consuming("workload", "--format", "json")).code or not asked.json:
        assert running.is_alive() and time.monotonic() < deadline, running.said
    running.terminate()

    ran = running.wait().done()
    assert "Traceback" not in ran.err
    assert {projection["lag"] for projection in consuming.ask("status")["projections"]} == {0}


def send_stamped(topics: Topics, *stamped: tuple[dict[str, Any], str]) -> None:
    """Send messages with timestamps of a producer's own clock, in this order."""
    producer = KafkaProducer(bootstrap_servers=topics.url, acks="all")
    try:
        for message, at in stamped:
            milliseconds = int(datetime.fromisoformat(at).timestamp() * 1000)
            value = json.dumps(message).encode()
            producer.send(
                topics.prefix + "orders", value, headers=list(STRUCTURED), timestamp_ms=milliseconds, partition=0
            )
            producer.flush()
    finally:
        producer.close()


def test_every_record_of_the_time_is_read_in_any_order_of_timestamps(waybill: Command, topics: Topics) -> None:
    # given producers whose clocks differ, so that timestamps go back and forth along the offsets
    consuming = waybill.with_(**topics.env)
    consuming("topics", "create", "--partitions", "1", "--timestamps", "producer").done()
    orders = [placed(f"SO-{n}", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z") for n in range(5)]
    times = ("09:50", "10:30", "11:20", "10:10", "12:00")
    send_stamped(topics, *((order, f"2025-03-04T{at}:00Z") for order, at in zip(orders, times, strict=True)))
    # when one hour is read again, then those of that hour come, and no others
    found = consuming.ask(
        "reingest", "--topic", "orders", "--from", "2025-03-04T10:00:00Z", "--to", "2025-03-04T11:00:00Z", "--dry-run"
    )
    assert [(row["offset"], row["subject"]) for row in found] == [(1, "SO-1"), (3, "SO-3")]


def test_what_the_broker_stamped_became_known_then(consuming: Command, other: Command, topics: Topics) -> None:
    # given a topic whose broker says when a record was published, whatever its producer says
    send_stamped(topics, (PLACED, "2020-01-01T00:00:00Z"))
    consumed(consuming, topics)
    # when another store is made from the topic later
    time.sleep(0.1)
    remade = other.with_(**topics.env)
    consumed(remade, topics)
    # then both know the order since the same instant, which is the broker's
    (known,), (known_later,) = (
        [row["recorded_at"] for row in one.ask("order", "SO-1")["timeline"]] for one in (consuming, remade)
    )
    assert known == known_later
    assert datetime.fromisoformat(known).year > 2020
