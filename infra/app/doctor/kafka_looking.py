"""Reads the broker for the doctor. It writes nothing, and joins no group."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, OffsetSpec
from kafka.errors import AuthorizationError, KafkaError

from consumers.contract.topics import EVENTS, VERDICTS, read_topics, written_topics
from consumers.kafka_workarounds import cause_of
from consumers.sources.kafka_records import from_milliseconds
from infra.app.doctor.seen import KafkaSeen, PartitionSeen, Place, TopicSeen, Unread
from infra.app.retention import PartitionInKafka, PartitionInStore, check_partitions
from infra.kafka.connection import kafka_connection
from infra.kafka.offsets import ASK_MS, first_unread, known_id
from infra.runtime.relay_beginning import reason_to_wait
from infra.settings import Settings, WrongSettingsError

SETTINGS = ["retention.ms", "retention.bytes", "cleanup.policy", "message.timestamp.type"]
BY_THE_BROKER = "LogAppendTime"


def look_at_kafka(settings: Settings, checkpoints: Mapping[Place, PartitionInStore]) -> KafkaSeen | Unread:
    """All that the checks need; or why the broker was not reached. It gives up after some seconds."""
    try:
        connection = kafka_connection(settings)
    except WrongSettingsError as e:
        return Unread(str(e), "waybill settings")
    admin = None
    try:
        admin = KafkaAdminClient(**connection, bootstrap_timeout_ms=ASK_MS, request_timeout_ms=ASK_MS)
        return _look(admin, connection, settings, checkpoints)
    except (KafkaError, OSError) as e:
        if admin is not None:
            # Such as a broker that has just begun, or topics that were just created.
            reason = f"Kafka at {settings.kafka} was reached, and does not answer everything: {cause_of(e)}"
            return Unread(reason, "waybill doctor, again in some seconds; if it stays, look at the broker's log")
        reason = f"Kafka at {settings.kafka} was not reached: {cause_of(e)}"
        return Unread(reason, "check that the broker runs, and WAYBILL_KAFKA: waybill settings")
    finally:
        if admin is not None:
            admin.close()


def why_relay_waits(settings: Settings) -> str:
    """Why a relay that never ran on this store waits, in the words of its log; empty if it may begin."""
    events_and_verdicts = [settings.topic_prefix + EVENTS, settings.topic_prefix + VERDICTS]
    return reason_to_wait(kafka_connection(settings), events_and_verdicts)


def _look(
    admin: KafkaAdminClient,
    connection: Mapping[str, Any],
    settings: Settings,
    checkpoints: Mapping[Place, PartitionInStore],
) -> KafkaSeen:
    read, written = read_topics(settings.topic_prefix), written_topics(settings.topic_prefix)
    there = set(admin.list_topics())
    wanted = [topic for topic in (*read, *written) if topic in there]
    described = admin.describe_topics(wanted) if wanted else []
    counts = {topic["name"]: len(topic["partitions"]) for topic in described}
    ids = {topic["name"]: known_id(topic.get("topic_id")) for topic in described}
    topics = _topics(admin, counts)
    places = [TopicPartition(topic, number) for topic in read for number in range(counts.get(topic, 0))]
    group = settings.topic_prefix + settings.kafka_group
    state, members = _group(admin, group)
    return KafkaSeen(
        address=settings.kafka,
        topics=topics,
        partitions=_partitions(admin, connection, settings, places, ids, checkpoints),
        read_topics=read,
        written_topics=written,
        group=group,
        group_state=state,
        members=members,
        newest=_newest(admin, [one for one in places if topics[one.topic].timestamps == BY_THE_BROKER]),
    )


def _topics(admin: KafkaAdminClient, counts: Mapping[str, int]) -> Mapping[str, TopicSeen]:
    try:
        asked = [ConfigResource(ConfigResourceType.TOPIC, topic, SETTINGS) for topic in counts]
        told = admin.describe_configs(asked, config_filter="all")["topic"] if asked else {}
    except AuthorizationError:
        told = {}  # the right to read a topic does not include its settings

    def setting(topic: str, name: str) -> str | None:
        found = told.get(topic, {}).get(name)
        return None if found is None else found["value"]

    def number(topic: str, name: str) -> int | None:
        value = setting(topic, name)
        return None if value is None else int(value)

    return {
        topic: TopicSeen(
            count,
            number(topic, "retention.ms"),
            number(topic, "retention.bytes"),
            setting(topic, "cleanup.policy"),
            setting(topic, "message.timestamp.type"),
        )
        for topic, count in counts.items()
    }


def _partitions(
    admin: KafkaAdminClient,
    connection: Mapping[str, Any],
    settings: Settings,
    places: Sequence[TopicPartition],
    ids: Mapping[str, str | None],
    checkpoints: Mapping[Place, PartitionInStore],
) -> Mapping[Place, PartitionSeen]:
    if not places:
        return {}
    first = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.EARLIEST), timeout_ms=ASK_MS)
    end = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST), timeout_ms=ASK_MS)
    offsets = {
        (place.topic, place.partition): PartitionInKafka(first[place].offset, end[place].offset, ids.get(place.topic))
        for place in places
    }
    checked = check_partitions(checkpoints, offsets)
    behind = {(one.topic, one.partition): one.starts_at for one in checked if one.to_read}
    unread = first_unread(connection, behind, settings.max_message_bytes) if behind else {}
    return {place: PartitionSeen(found, unread.get(place)) for place, found in offsets.items()}


def _group(admin: KafkaAdminClient, group: str) -> tuple[str, int]:
    try:
        told = admin.describe_groups([group])[group]
    except AuthorizationError:
        return "not allowed to be seen", 1
    return str(told.get("group_state", "")), len(told.get("members", ()))


def _newest(admin: KafkaAdminClient, places: Sequence[TopicPartition]) -> datetime | None:
    """The latest timestamp of a record that the broker stamped."""
    if not places:
        return None
    told = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.MAX_TIMESTAMP), timeout_ms=ASK_MS)
    stamps = [one.timestamp for one in told.values() if one is not None and one.timestamp > 0]
    return from_milliseconds(max(stamps)) if stamps else None
