"""`waybill restore` as an operator types it: what it says, its exit codes, and the service that goes on afterwards."""

import json
from pathlib import Path

import pytest
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from tests.fault.aftermath import assert_same_end
from tests.integration.broker import Topics
from tests.integration.command import Command
from tests.integration.messages import booked, confirmed, placed
from tests.integration.topics import consumed, made
from tests.runbook.scenes import assert_as_without, publish, simulated

MESSAGES = (
    placed("SO-1", "2026-04-01T08:00:00Z", "2026-04-03T16:00:00Z", rep_id="rep-1"),
    booked("SO-1", "2026-04-01T09:00:00Z", "2026-04-03T12:00:00Z"),
    confirmed("SO-1", "2026-04-05T11:00:00Z"),
)


@pytest.fixture
def archived(waybill: Command) -> Path:
    """An archive of a store that is lost; its messages are in messages.jsonl."""
    waybill.ingest(*MESSAGES, b"no message")
    waybill("archive", "--to", "archive").done()
    waybill.store.rename(waybill.folder / "lost.db")
    return waybill.folder / "archive"


def test_a_restored_store_has_its_books_and_views(waybill: Command, archived: Path) -> None:
    # when one looks first, then nothing is made
    looked = waybill("restore", "--from", archived, "--check").done()
    assert "the store is ready for it" in looked.text
    assert "Topics nobody looked: the archived store never read Kafka" in " ".join(looked.text.split())
    assert not waybill.store.exists()
    # when it is restored, then it says what there is, and what an archive has not
    ran = waybill("restore", "--from", archived).done()
    assert "waybill keys create" in ran.text
    assert_same_end(waybill.store, waybill.folder / "lost.db")
    # and the file that was read before is known, line by line
    assert waybill.ingest(*MESSAGES) == waybill.ingest(*MESSAGES)
    waybill("verify").done()


def test_programs_get_what_was_restored(waybill: Command, archived: Path) -> None:
    (restored,) = waybill.ask("restore", "--from", archived, "--no-project")
    assert restored["messages"] == len(MESSAGES) + 1
    assert restored["position"] == waybill.ask("status")["head"] == len(MESSAGES)
    assert restored["views_at"] is None
    waybill("project", "--once").done()
    waybill("verify").done()


def test_a_view_that_was_paused_is_named_with_where_it_stands(waybill: Command) -> None:
    waybill.ingest(MESSAGES[0])
    waybill("pause", "order-states", "--reason", "a look").done()
    waybill.ingest(*MESSAGES[1:])
    waybill("archive", "--to", "archive").done()
    stood = waybill.ask("overdue", "--as-of", "2026-04-06T00:00:00Z")
    waybill.store.rename(waybill.folder / "lost.db")
    # when it is restored, then it stands where it stood
    told = "order_states was paused and stays so: it reflects position 1 of 4; waybill resume order_states"
    waybill("restore", "--from", "archive").exited(0, told)
    assert waybill.ask("overdue", "--as-of", "2026-04-06T00:00:00Z") == stood
    assert [row["order_id"] for row in stood] == ["SO-1"]
    # and without its rows, it says what fills them
    waybill.store.unlink()
    waybill("restore", "--from", "archive", "--no-project").exited(0, "has no rows", "waybill rebuild order_states")
    waybill("project", "--once").done()
    waybill("rebuild", "order-states").done()
    assert waybill.ask("overdue", "--as-of", "2026-04-06T00:00:00Z") == []
    assert [one["name"] for one in waybill.ask("status")["paused"]] == ["order_states"]


def test_what_cannot_be_restored_is_said_with_the_remedy(waybill: Command, archived: Path) -> None:
    waybill("restore", "--from", waybill.folder / "nowhere").exited(2, "--from", "has no archive", "check the path")
    waybill("restore", "--from", "odd://nowhere").exited(2, "--from")
    zone = waybill.with_(WAYBILL_TIME_ZONE="Europe/Berlin")
    zone("restore", "--from", archived).exited(1, "set WAYBILL_TIME_ZONE=UTC")
    waybill.ingest(*MESSAGES)
    waybill("restore", "--from", archived).exited(1, "is not empty: it has events up to position 3", "WAYBILL_STORE")


def test_a_manifest_without_a_hash_is_read_and_a_changed_one_is_not(waybill: Command, archived: Path) -> None:
    manifest = archived / "manifest.json"
    told = json.loads(manifest.read_bytes())
    manifest.write_text(json.dumps(told | {"time_zone": "Asia/Tokyo"}))
    for command in (["archive", "verify", archived], ["restore", "--from", archived]):
        waybill(*map(str, command)).exited(
            1, "manifest.json of the archive", "was changed", "from a copy of the archive"
        )
    # As an earlier waybill wrote it.
    for later in ("sha256", "paused"):
        told.pop(later)
    manifest.write_text(json.dumps(told))
    waybill("archive", "verify", archived).exited(0, "has no hash of itself", "the next waybill archive --to")
    waybill("restore", "--from", archived).done()
    waybill("archive", "--to", archived).done()
    assert "no hash" not in waybill("archive", "verify", archived).done().text


def test_a_store_that_is_not_whole_says_so_to_every_command(waybill: Command, archived: Path) -> None:
    damaged = next((archived / "notices").rglob("*.parquet"))
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    waybill("restore", "--from", archived).exited(1, damaged.name, "SHA-256", "take the file from a copy")
    said = "the store is being restored from an archive and is not whole yet"
    for command in (["status"], ["overdue"], ["ingest", "messages.jsonl"], ["project", "--once"], ["migrate"]):
        waybill(*command).exited(1, said, "waybill restore")
    doctor = waybill("doctor")
    assert doctor.code == 1
    assert said in doctor.text
    waybill("backup", "copy.db").exited(1, said)


# -- with topics -------------------------------------------------------------------------------------


@pytest.mark.kafka
def test_the_service_goes_on_from_the_topics(waybill: Command, other: Command, topics: Topics) -> None:
    service = made(waybill, topics, 1)
    lines = simulated(20)
    # given an archive, messages after it, and a store that is gone
    publish(service, lines[:60])
    consumed(service, topics)
    service("archive", "--to", "archive").done()
    publish(service, lines[60:])
    consumed(service, topics)
    service.store.unlink()
    # when it is restored, then it looks at the topics first
    ran = service("restore", "--from", "archive").done()
    assert "everything that came after the archive is there" in ran.text
    # and consuming goes on where the archive ended
    consumed(service, topics)
    assert service.ask("status")["books"]["duplicate"] == 0
    service("topics", "check").done()
    assert_as_without(service, other, lines)


@pytest.mark.kafka
def test_what_the_topics_no_longer_have_is_said_before_it_starts(waybill: Command, topics: Topics) -> None:
    service = made(waybill, topics, 1)
    lines = simulated(20)
    publish(service, lines[:60])
    consumed(service, topics)
    service("archive", "--to", "archive").done()
    (orders,) = [one for one in service.ask("status")["partitions"] if one["topic"].endswith("orders")]
    publish(service, lines[60:])
    service.store.unlink()
    admin = KafkaAdminClient(bootstrap_servers=topics.url)
    admin.delete_records({TopicPartition(orders["topic"], 0): orders["next_offset"] + 3})
    admin.close()
    # when it is restored, then it says how many messages nobody has, and does nothing
    for more in ([], ["--check"], ["--format", "json"]):
        refused = service("restore", "--from", "archive", *more).exited(1, "--accept-missing")
    assert [one["missing"] for one in refused.json if one["topic"] == orders["topic"]] == [3]
    assert not service.store.exists()
    # unless one accepts that
    service("restore", "--from", "archive", "--accept-missing").done()
    assert service("topics", "check").code == 1


@pytest.mark.kafka
def test_without_a_broker_it_says_that_nobody_looked(waybill: Command, topics: Topics) -> None:
    service = made(waybill, topics, 1)
    publish(service, simulated(3))
    consumed(service, topics)
    service("archive", "--to", "archive").done()
    service.store.unlink()
    away = service.with_(WAYBILL_KAFKA="127.0.0.1:1")
    ran = away("restore", "--from", "archive").exited(0, "was not reached", "so nobody looked")
    assert "waybill topics check" in ran.text
