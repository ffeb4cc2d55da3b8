"""given a restored backup, then it is said before it starts what the topics no longer have, and it catches up."""

import sqlite3
from contextlib import closing

import pytest
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from infra.kafka.offsets import partition_bounds
from tests.integration.broker import Topics
from tests.integration.command import Command
from tests.integration.messages import booked, dispatched, placed
from tests.integration.test_consume import structured
from tests.integration.topics import consumed, made, send

PLACED = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")
BOOKED = booked("SO-1", "2025-03-05T10:00:00Z", "2025-03-10T12:00:00Z")
DISPATCHED = dispatched("SO-1", "2025-03-06T09:00:00Z")


def test_a_backup_is_made_once_and_says_what_is_in_it(waybill: Command) -> None:
    waybill.ingest(PLACED, BOOKED)

    (made_,) = waybill.ask("backup", "backup.db")
    assert (made_["file"], made_["position"]) == (str(waybill.folder / "backup.db"), 2)
    waybill("backup", "backup.db").exited(1, "a backup overwrites nothing")
    restored = waybill.with_(WAYBILL_STORE="sqlite:///backup.db")
    restored("verify").done()
    assert restored.ask("orders") == waybill.ask("orders")
    waybill.with_(WAYBILL_STORE="sqlite:///nothing.db")("backup", "new.db").exited(1, "there is no store")
    waybill.with_(WAYBILL_STORE="postgresql://nobody@127.0.0.1:1/none")("backup", "new.db").exited(
        2, "pg_dump", "docs/backup.md"
    )


def topic_ids(service: Command) -> set[str]:
    """What the store knows as the ids of the topic orders."""
    with closing(sqlite3.connect(service.store)) as connection:
        return {row[0] for row in connection.execute("SELECT topic_id FROM feeds WHERE topic LIKE '%orders'")}


@pytest.mark.kafka
def test_a_restore_catches_up_from_its_own_positions_and_says_first_what_is_missing(
    waybill: Command, topics: Topics
) -> None:
    service = made(waybill, topics)
    send(topics, [structured("orders", PLACED)])
    consumed(service, topics)
    service("backup", "backup.db").done()
    send(topics, [structured("orders", BOOKED), structured("orders", DISPATCHED)])
    consumed(service, topics)
    restored = service.with_(WAYBILL_STORE="sqlite:///backup.db")

    # everything that the backup has not read is there, in the topics that it has read
    bounds = partition_bounds({"bootstrap_servers": topics.url}, [f"{topics.prefix}orders"])
    assert not isinstance(bounds, str) and {one.topic_id for one in bounds.values()} == topic_ids(service)
    found = restored.ask("topics", "check")
    assert {one["state"] for one in found} == {"readable"} and sum(one["to_read"] for one in found) == 2

    # when retention has deleted the next message, then that is said before anything is read
    (partition,) = [one for one in found if one["to_read"]]
    place = TopicPartition(partition["topic"], partition["partition"])
    admin = KafkaAdminClient(bootstrap_servers=topics.url)
    admin.delete_records({place: partition["next_offset"] + 1})
    admin.close()
    (gone,) = [
        one for one in restored("topics", "check", "--format", "json").exited(1).json if one["state"] != "readable"
    ]
    assert (gone["state"], gone["missing"], gone["to_read"]) == ("gone", 1, 1)
    assert "1 message is missing" in restored("topics", "check").exited(1).text

    # and it catches up with the rest, and with the archive
    ran = consumed(restored, topics)
    assert "messages_gone" in ran.err
    restored.ingest(BOOKED, name="archive.jsonl")
    assert restored.ask("order", "SO-1")["order"] == service.ask("order", "SO-1")["order"]
    restored("verify").done()
    assert {one["state"] for one in restored.ask("topics", "check")} == {"readable"}


def test_topics_check_of_a_store_that_never_read_kafka_says_so(waybill: Command) -> None:
    waybill.ingest(PLACED)
    assert "the store never read Kafka" in waybill("topics", "check").done().text
    assert waybill.ask("topics", "check") == []
    waybill.with_(WAYBILL_KAFKA="127.0.0.1:1")("topics", "check").exited(1, "127.0.0.1:1 was not reached")
