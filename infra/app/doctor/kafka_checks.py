"""Checks of Kafka: reachable, topics, retention, partitions against the store's checkpoints, group, lag, clock."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from domain.counted import counted
from infra.app.doctor.finding import Finding, Level, duration, warning, wrong
from infra.app.doctor.limits import CLOCK_WARNING, CLOCK_WRONG, WAITS_TOO_LONG
from infra.app.doctor.seen import KafkaSeen, Place, Seen, StoreSeen, Unread
from infra.app.retention import GONE, NO_PARTITION, PartitionCheck, check_partitions

CREATE = "waybill topics create"


def check_broker(seen: Seen) -> list[Finding]:
    """Without it, no other check of Kafka can be made. A store that never read from Kafka may not need it."""
    if not isinstance(seen.kafka, Unread):
        return []
    level = Level.WRONG if seen.uses_kafka else Level.WARNING
    return [Finding(level, "broker", seen.kafka.reason, None, seen.kafka.to_type)]


def check_topics(seen: Seen, kafka: KafkaSeen) -> list[Finding]:
    wanted = [*kafka.read_topics, *kafka.written_topics]
    missing = [topic for topic in wanted if topic not in kafka.topics]
    if not missing:
        return []
    make = wrong if seen.uses_kafka else warning
    return [make("topics", f"there is no topic {', '.join(missing)}", CREATE)]


def check_partition_counts(kafka: KafkaSeen) -> list[Finding]:
    counts = {topic: kafka.topics[topic].partitions for topic in kafka.read_topics if topic in kafka.topics}
    if len(set(counts.values())) <= 1:
        return []
    told = ", ".join(f"{topic} has {number}" for topic, number in counts.items())
    problem = f"the topics have different numbers of partitions ({told}), so orders spread over more consumers"
    return [warning("partitions", problem, "kafka-topics.sh --alter --partitions N --topic …")]


def check_retention(kafka: KafkaSeen) -> list[Finding]:
    """A lost store is read again from its topics, so they must keep everything."""
    return [finding for topic in kafka.read_topics if topic in kafka.topics for finding in _retention(kafka, topic)]


def _retention(kafka: KafkaSeen, topic: str) -> Iterator[Finding]:
    found = kafka.topics[topic]
    alter = f"kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config"
    if found.cleanup_policy is not None and "compact" in found.cleanup_policy:
        problem = f"{topic} is compacted: Kafka deletes older messages of the same key"
        yield wrong("retention", problem, f"{alter} cleanup.policy=delete")
    kept = []
    if found.retention_ms is not None and found.retention_ms >= 0:
        kept.append(f"for {duration(timedelta(milliseconds=found.retention_ms))}")
    if found.retention_bytes is not None and found.retention_bytes >= 0:
        kept.append(f"up to {found.retention_bytes:,} bytes")
    if kept:
        problem = f"{topic} keeps its messages only {', '.join(kept)}; a lost store is read again from them"
        yield warning("retention", problem, f"{alter} retention.ms=-1,retention.bytes=-1")


def check_positions(store: StoreSeen, kafka: KafkaSeen) -> list[Finding]:
    """The store's checkpoints against what the topics have. A topic that is not there has its own finding."""
    return [
        _position(one, store.moved_at.get((one.topic, one.partition)))
        for one in _checked(store, kafka).values()
        if one.topic in kafka.topics and not one.is_readable
    ]


def _position(found: PartitionCheck, since: datetime | None) -> Finding:
    where, next_offset = f"{found.topic}/{found.partition}", found.next_offset
    if found.state == GONE:
        gone = f"{counted(found.missing, 'message')} of {where}"
        offsets = f"offsets {next_offset} to {next_offset + found.missing - 1}"
        problem = f"{gone} are gone from Kafka and were never read ({offsets})"
        return wrong("positions", problem, "waybill ingest ARCHIVE, or ask the senders for them", since)
    if found.state == NO_PARTITION:
        problem = f"the store has read {where}, and Kafka has no such partition: was the topic created again?"
        return wrong("positions", problem, "waybill topics check", since)
    problem = f"the store has read another {where} up to offset {next_offset}; this one ends at {found.end_offset}"
    guess = "the topic was created again, or WAYBILL_KAFKA names another broker"
    return wrong("positions", f"{problem}: {guess}", "waybill settings, then: waybill topics check", since)


def _checked(store: StoreSeen, kafka: KafkaSeen) -> Mapping[Place, PartitionCheck]:
    offsets = {place: seen.offsets for place, seen in kafka.partitions.items()}
    return {(one.topic, one.partition): one for one in check_partitions(store.checkpoints, offsets)}


def check_group(store: StoreSeen, kafka: KafkaSeen) -> list[Finding]:
    """A group without members reads nothing."""
    unread = _unread(store, kafka)
    if kafka.members or not unread or store.is_paused("consume"):
        return []
    state = kafka.group_state.lower() or "unknown"
    problem = f"no consumer runs (group {kafka.group} is {state}), unread: {counted(unread, 'message')}"
    return [wrong("group", problem, "waybill consume (or: waybill up)")]


def check_partition_lag(seen: Seen, store: StoreSeen, kafka: KafkaSeen) -> list[Finding]:
    """Partitions whose oldest unread record has waited too long; one at an unreadable batch has its own finding."""
    if store.is_paused("consume"):
        return []
    unreadable = {(one.topic, one.partition) for one in store.unreadable}
    found = (_lag(seen, store, kafka, one) for place, one in _checked(store, kafka).items() if place not in unreadable)
    return [finding for finding in found if finding is not None]


def _lag(seen: Seen, store: StoreSeen, kafka: KafkaSeen, found: PartitionCheck) -> Finding | None:
    place = found.topic, found.partition
    since = kafka.partitions[place].unread_since if place in kafka.partitions else None
    if found.to_read <= 0 or since is None or seen.now - since <= WAITS_TOO_LONG:
        return None
    told, moved_at = f"{place[0]}/{place[1]}: {counted(found.to_read, 'message')} to read", store.moved_at.get(place)
    if moved_at is not None and seen.now - moved_at <= WAITS_TOO_LONG:
        return warning("lag", f"{told}; it is being read", "waybill status", since)
    problem = f"{told}, and its checkpoint stays at {found.next_offset}"
    return wrong("lag", problem, "waybill consume; if one runs, look at its log", max(since, moved_at or since))


def check_unreadable(store: StoreSeen) -> list[Finding]:
    return [
        wrong(
            "unreadable",
            f"{one.topic}/{one.partition} is stuck at offset {one.offset}: {one.reason}",
            f"waybill topics skip --topic {one.topic} --partition {one.partition} --to-offset {one.end_offset} "
            "--reason …",
            one.since,
        )
        for one in store.unreadable
    ]


def check_broker_clock(seen: Seen, kafka: KafkaSeen) -> list[Finding]:
    """The broker stamps records with its own clock, so one that is ahead of ours shows in the newest record."""
    if kafka.newest is None or kafka.newest - seen.now < CLOCK_WARNING:
        return []
    ahead = kafka.newest - seen.now
    make = wrong if ahead >= CLOCK_WRONG else warning
    problem = f"the broker's clock is {duration(ahead)} or more ahead of this machine's"
    return [make("broker clock", problem, "timedatectl (on both)")]


def _unread(store: StoreSeen, kafka: KafkaSeen) -> int:
    return sum(one.to_read for one in _checked(store, kafka).values() if one.topic in kafka.read_topics)
