"""Each check of the doctor: given what was seen, then the findings. A well service has none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.app.doctor.doctor import Examination, judge
from infra.app.doctor.finding import Level, duration
from infra.app.doctor.seen import (
    Behind,
    Dead,
    Disk,
    Held,
    KafkaSeen,
    PartitionSeen,
    Pause,
    Rules,
    Seen,
    StoreSeen,
    TopicSeen,
    Unread,
    WaitingForPruned,
)
from infra.app.retention import PartitionInKafka, PartitionInStore
from infra.app.status import ProjectionState, ProjectionStatus
from infra.queries.books import UnreadableBatch
from infra.queries.standing import BegunRebuild, Failing

NOW = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
READ, WRITTEN = ("orders", "people"), ("waybill.events",)
KEPT = TopicSeen(1, -1, -1, "delete", "LogAppendTime")


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def at(first: int, end: int, topic_id: str, unread_since: datetime | None = None) -> PartitionSeen:
    return PartitionSeen(PartitionInKafka(first, end, topic_id), unread_since)


WELL_STORE = StoreSeen(
    rules=Rules(2, 2, False),
    disk=Disk("/srv", 50_000_000_000, 100_000_000_000, 1_000_000_000),
    clock=timedelta(milliseconds=3),
    head=100,
    projections=[ProjectionStatus("orders", 1, 100, 0, ProjectionState.LIVE)],
    projections_behind=[],
    reactors_behind=[],
    stopped=[],
    paused=[],
    rebuilds=[],
    unreadable=[],
    left_out=0,
    left_out_since=None,
    dead=Dead(0, None, 0, 0, None, None),
    held=Held(0, None, timedelta(hours=72)),
    waiting_for_pruned=WaitingForPruned(0, None),
    checkpoints={("orders", 0): PartitionInStore(10, "id-1"), ("people", 0): PartitionInStore(5, "id-2")},
    moved_at={("orders", 0): ago(seconds=3), ("people", 0): ago(days=2)},
)
WELL_KAFKA = KafkaSeen(
    address="127.0.0.1:9092",
    topics={**dict.fromkeys(READ, KEPT), **dict.fromkeys(WRITTEN, KEPT._replace(retention_ms=604_800_000))},
    partitions={("orders", 0): at(0, 10, "id-1"), ("people", 0): at(0, 5, "id-2")},
    read_topics=READ,
    written_topics=WRITTEN,
    group="waybill",
    group_state="Stable",
    members=2,
    newest=ago(seconds=3),
)
WELL = Seen(NOW, WELL_STORE, WELL_KAFKA, uses_kafka=True)


def store(**changes: Any) -> Examination:
    return judge(replace(WELL, store=replace(WELL_STORE, **changes)))


def kafka(**changes: Any) -> Examination:
    return judge(replace(WELL, kafka=replace(WELL_KAFKA, **changes)))


def replace_kafka_and_store(of_kafka: dict[str, Any], of_store: dict[str, Any]) -> Examination:
    return judge(replace(WELL, kafka=replace(WELL_KAFKA, **of_kafka), store=replace(WELL_STORE, **of_store)))


def partition(first: int, end: int, unread_since: datetime | None = None, topic_id: str = "id-1") -> dict[str, Any]:
    return {"partitions": {**WELL_KAFKA.partitions, ("orders", 0): at(first, end, topic_id, unread_since)}}


def topic(**changes: Any) -> dict[str, Any]:
    return {"topics": {**WELL_KAFKA.topics, "orders": KEPT._replace(**changes)}}


def test_a_reactor_that_nobody_ever_ran_is_a_warning() -> None:
    (found,) = store(reactors_behind=[Behind("reactor.parcels", 7, ago(days=1), has_run=False)]).findings
    assert (found.level, found.check) == (Level.WARNING, "reactors")
    assert found.problem == "reactor.parcels has never run, and there is something that it may react to"
    assert found.to_type.startswith("waybill react --dry-run")


def test_a_well_service_has_no_findings() -> None:
    examined = judge(WELL)
    assert (list(examined.findings), examined.is_well) == ([], True)


WRONG = {
    "newer rules": (store(rules=Rules(3, 2, False)), "rules", "it must not write", "install the newer waybill"),
    "older rules": (store(rules=Rules(1, 2, False)), "rules", "of version 1", "waybill migrate"),
    "a migration that stopped": (store(rules=Rules(2, 2, True)), "rules", "was not finished", "waybill migrate"),
    "a full disk": (store(disk=Disk("/srv", 2, 100, 1)), "disk", "2 B left, 2% of it", "make room"),
    "a disk smaller than a tenth of the store": (
        store(disk=Disk("/srv", 9, 100, 100)),
        "disk",
        "the store has 100 B",
        "du -xh /srv",
    ),
    "a database of another time": (
        store(clock=timedelta(hours=-1)),
        "database clock",
        "1 h behind this machine's",
        "timedatectl",
    ),
    "a projection that stands": (
        store(projections_behind=[Behind("orders", 7, ago(minutes=6)), Behind("reps", 9, ago(minutes=7))]),
        "projections",
        "orders, reps: up to 9 events behind",
        "waybill project --once",
    ),
    "a projection that stopped": (
        store(stopped=[Failing("orders", None, "KeyError: 'x'", ago(hours=1))]),
        "stopped",
        "projection orders is stopped: KeyError: 'x'",
        "waybill parked retry",
    ),
    "a reactor that stopped": (
        store(stopped=[Failing("reactor.parcels", None, "KeyError: 'x'", ago(hours=1))]),
        "stopped",
        "reactor parcels is stopped: KeyError: 'x'",
        "waybill parked retry",
    ),
    "parked subjects": (
        store(stopped=[Failing("orders", f"SO-{n}", "bad", ago(hours=n)) for n in (1, 2)]),
        "parked",
        "2 subjects of orders parked, such as SO-1: bad",
        "waybill parked",
    ),
    "a version that does not serve, while the one before it stands still": (
        store(
            projections=[
                ProjectionStatus("orders", 1, 90, 10, ProjectionState.BEHIND),
                ProjectionStatus("orders", 2, 0, 100, ProjectionState.FILLING, serves=False),
            ]
        ),
        "rebuild",
        "version 2 of orders does not serve yet (filling), and the version that serves is 10 events behind",
        "waybill rebuild orders",
    ),
    "a reactor that does not run": (
        store(reactors_behind=[Behind("reactor.parcels", 1, ago(minutes=6))]),
        "reactors",
        "reactor.parcels has 1 event to react to",
        "waybill react --once",
    ),
    "a relay that does not run": (
        store(reactors_behind=[Behind("relay.verdicts", 4, ago(minutes=6))]),
        "relay",
        "relay.verdicts has 4 records to send",
        "waybill relay --once",
    ),
    "a relay that waits beside the records of an earlier store": (
        replace_kafka_and_store(
            {"relay_waits": "waybill.events has records already"},
            {"reactors_behind": [Behind("relay.events", 4, ago(days=600), has_run=False)]},
        ),
        "relay",
        "the relay waits to begin: waybill.events has records already",
        "WAYBILL_RELAY_FROM=now waybill relay",
    ),
    "an unreadable batch": (
        store(unreadable=[UnreadableBatch("orders", 0, 10, 14, "its checksum is wrong", ago(hours=1))]),
        "unreadable",
        "orders/0 is stuck at offset 10: its checksum is wrong",
        "waybill topics skip --topic orders --partition 0 --to-offset 14",
    ),
    "more dead letters than the day before": (
        store(dead=Dead(50, ago(days=2), 40, 5, ago(hours=9), ("unknown rep", 30))),
        "dead letters",
        "40 dead letters in the last day, 5 in the day before; most often: unknown rep (30)",
        "waybill dead-letters list --by source,type,reason",
    ),
    "a missing topic": (
        kafka(topics={name: seen for name, seen in WELL_KAFKA.topics.items() if name != "waybill.events"}),
        "topics",
        "there is no topic waybill.events",
        "waybill topics create",
    ),
    "a compacted topic": (kafka(**topic(cleanup_policy="compact")), "retention", "is compacted", "cleanup.policy"),
    "a partition that is gone": (
        kafka(partitions={("people", 0): at(0, 5, "id-2")}),
        "positions",
        "the store has read orders/0, and Kafka has no such partition",
        "waybill topics check",
    ),
    "messages that are gone": (
        kafka(**partition(12, 12)),
        "positions",
        "2 messages of orders/0 are gone from Kafka and were never read (offsets 10 to 11)",
        "waybill ingest",
    ),
    "a topic that ends before the checkpoint": (
        kafka(**partition(0, 3)),
        "positions",
        "the store has read another orders/0 up to offset 10; this one ends at 3",
        "waybill topics check",
    ),
    "a topic that was created again and has grown beyond the checkpoint": (
        kafka(**partition(0, 30, topic_id="id-9")),
        "positions",
        "the store has read another orders/0 up to offset 10; this one ends at 30: the topic was created again",
        "waybill topics check",
    ),
    "no consumer": (
        kafka(members=0, group_state="Empty", **partition(0, 13)),
        "group",
        "no consumer runs (group waybill is empty), unread: 3 messages",
        "waybill consume",
    ),
    "a broker of another time": (
        kafka(newest=NOW + timedelta(minutes=2, seconds=5)),
        "broker clock",
        "2 min 5 s or more ahead",
        "timedatectl",
    ),
}


@pytest.mark.parametrize(("examined", "check", "problem", "to_type"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_said_with_what_to_type(examined: Examination, check: str, problem: str, to_type: str) -> None:
    (found,) = examined.findings
    assert (found.level, found.check) == (Level.WRONG, check)
    assert problem in found.problem
    assert to_type in found.to_type
    assert not examined.is_well


WARNINGS = {
    "a disk that fills": (store(disk=Disk("/srv", 8, 100, 1)), "disk"),
    "a clock that drifts": (store(clock=timedelta(seconds=3)), "database clock"),
    "a version that does not serve": (
        store(
            projections=[
                ProjectionStatus("orders", 1, 100, 0, ProjectionState.LIVE),
                ProjectionStatus("orders", 2, 0, 100, ProjectionState.NEEDS_REBUILD, serves=False),
            ]
        ),
        "rebuild",
    ),
    "a rebuild that was not finished": (store(rebuilds=[BegunRebuild("orders", 1, ago(hours=2), 90, None)]), "rebuild"),
    "what is paused": (store(paused=[Pause("relay", ago(hours=3), "ann", "audit")]), "paused"),
    "records left out": (store(left_out=2, left_out_since=ago(hours=1)), "left out"),
    "dead letters as usual": (store(dead=Dead(9, ago(days=9), 4, 5, ago(hours=9), None)), "dead letters"),
    "the first day's dead letters": (
        store(dead=Dead(50, ago(hours=9), 50, 0, ago(hours=9), None, False)),
        "dead letters",
    ),
    "held messages that become dead": (store(held=Held(3, ago(hours=60), timedelta(hours=72))), "held"),
    "messages about pruned orders": (store(waiting_for_pruned=WaitingForPruned(2, ago(days=1))), "pruned"),
    "retention": (kafka(**topic(retention_ms=3_600_000)), "retention"),
    "partition counts": (kafka(**topic(partitions=6)), "partitions"),
    "a broker whose clock drifts": (kafka(newest=NOW + timedelta(seconds=5)), "broker clock"),
    "a backlog that is being read": (kafka(**partition(0, 99, ago(hours=1))), "lag"),
    "a broker that nobody needs": (judge(replace(WELL, kafka=Unread("away", "…"), uses_kafka=False)), "broker"),
}


@pytest.mark.parametrize(("examined", "check"), WARNINGS.values(), ids=WARNINGS.keys())
def test_a_warning_leaves_the_service_well(examined: Examination, check: str) -> None:
    (found,) = examined.findings
    assert (found.level, found.check) == (Level.WARNING, check)
    assert found.to_type
    assert examined.is_well


def test_each_finding_names_a_check_that_was_made() -> None:
    """`checks` tells what was looked at, so that no finding means something."""
    examined = [*(one[0] for one in WRONG.values()), *(one[0] for one in WARNINGS.values())]
    assert all(finding.check in one.checks for one in examined for finding in one.findings)
    planted = {finding.check for one in examined for finding in one.findings}
    assert set(judge(WELL).checks) - planted == {"store"}, "the other checks are planted above"


def test_since_when_is_that_of_the_oldest() -> None:
    late = store(projections_behind=[Behind("orders", 7, ago(minutes=6)), Behind("reps", 9, ago(minutes=7))])
    assert late.findings[0].since == ago(minutes=7)
    parked = store(stopped=[Failing("orders", f"SO-{n}", "bad", ago(hours=n)) for n in (1, 2)])
    assert parked.findings[0].since == ago(hours=2)


def test_a_rise_of_dead_letters_began_with_the_first_of_the_last_day() -> None:
    risen = store(dead=Dead(50, ago(days=2), 40, 5, ago(hours=9), None))
    assert risen.findings[0].since == ago(hours=9)


def test_a_warning_about_dead_letters_tells_of_the_open_ones_alone() -> None:
    voided, open_one = ("voided by …", 6), ("account … is not known yet", 2)
    examined = store(dead=Dead(2, ago(days=9), 42, 40, ago(hours=9), voided, most_open=open_one))
    assert examined.findings[0].problem == "2 dead letters open; most often: account … is not known yet (2)"


def test_all_messages_of_a_topic_that_was_created_again_are_unread() -> None:
    (group, _) = sorted(kafka(members=0, **partition(0, 30, topic_id="id-9")).findings)
    assert group.problem.endswith("unread: 30 messages")


def test_a_partition_is_stuck_since_its_checkpoint_stopped_or_since_there_is_something_to_read() -> None:
    behind = replace(WELL_KAFKA, **partition(0, 12, ago(minutes=20)))
    moved = {("orders", 0): ago(minutes=10)}
    examined = judge(replace(WELL, store=replace(WELL_STORE, moved_at=moved), kafka=behind))
    (found,) = examined.findings
    assert (found.level, found.check, found.since) == (Level.WRONG, "lag", ago(minutes=10))
    assert found.problem == "orders/0: 2 messages to read, and its checkpoint stays at 10"


def test_what_waits_for_less_than_five_minutes_is_no_finding() -> None:
    young = [Behind("orders", 7, ago(minutes=4))]
    assert store(projections_behind=young, reactors_behind=young).findings == []
    assert kafka(**partition(0, 12, ago(minutes=4))).findings == []


@pytest.mark.parametrize("part", ["consume", "react", "relay"])
def test_a_part_that_is_paused_waits_for_its_operator_and_is_not_said_to_be_stuck(part: str) -> None:
    long_ago = ago(hours=3)
    waits = {
        "consume": replace(WELL, kafka=replace(WELL_KAFKA, members=0, **partition(0, 13, long_ago))),
        "react": replace(WELL, store=replace(WELL_STORE, reactors_behind=[Behind("reactor.parcels", 1, long_ago)])),
        "relay": replace(WELL, store=replace(WELL_STORE, reactors_behind=[Behind("relay.events", 1, long_ago)])),
    }[part]
    assert isinstance(waits.store, StoreSeen)
    assert not judge(waits).is_well
    paused = replace(waits, store=replace(waits.store, paused=[Pause(part, long_ago, "ann", "audit")]))
    (found,) = judge(paused).findings
    assert found.problem == f"{part} is paused by ann: audit (for 3 h)"
    assert (found.level, found.since, found.to_type) == (Level.WARNING, long_ago, f"waybill resume {part}")


def test_a_store_that_cannot_be_read_is_a_finding_and_kafka_is_checked_all_the_same() -> None:
    examined = judge(replace(WELL, store=Unread("refused", "start it"), kafka=replace(WELL_KAFKA, topics={})))
    assert [found.check for found in examined.findings] == ["store", "topics"]
    assert "projections" not in examined.checks
    assert "positions" not in examined.checks


def test_a_broker_that_is_away_is_a_finding_and_the_store_is_checked_all_the_same() -> None:
    examined = judge(replace(WELL, store=replace(WELL_STORE, left_out=1), kafka=Unread("refused", "start it")))
    assert [(f.level, f.check) for f in examined.findings] == [(Level.WRONG, "broker"), (Level.WARNING, "left out")]


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (-7_200, "2 h"), (90_061, "1 d 1 h")]
)
def test_durations_for_people(seconds: int, said: str) -> None:
    assert duration(timedelta(seconds=seconds)) == said
