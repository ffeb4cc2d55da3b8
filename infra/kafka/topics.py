"""Creates Waybill's missing topics and leaves existing ones unchanged."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from consumers.contract.topics import Timestamps, read_topics, written_topics

REQUEST_MS = 15_000
FOREVER = "-1"
ROOM_FOR_KEY_AND_HEADERS = 64 * 1024
ROOM_FOR_A_DEAD_COPY = 256 * 1024


class TopicMade(NamedTuple):
    """The result for one topic; `state` is created, there or failed, and `about` says more."""

    topic: str
    partitions: int | None
    state: str
    about: str


_TIMESTAMP_TYPE = {Timestamps.BROKER: "LogAppendTime", Timestamps.PRODUCER: "CreateTime"}


def make_topics(
    connection: Mapping[str, Any],
    prefix: str,
    partitions: int,
    replication_factor: int,
    max_message_bytes: int,
    timestamps: Timestamps = Timestamps.BROKER,
) -> Sequence[TopicMade]:
    """Create the missing topics. `replication_factor` -1 means the broker's default. Raises KafkaError or OSError."""
    wanted = {topic: _kept_for_good(max_message_bytes, timestamps) for topic in read_topics(prefix)}
    wanted |= {topic: _copies(max_message_bytes) for topic in written_topics(prefix)}
    admin = KafkaAdminClient(**connection, request_timeout_ms=REQUEST_MS, bootstrap_timeout_ms=REQUEST_MS)
    try:
        there = _partitions(admin, wanted)
        missing = {
            topic: {"num_partitions": partitions, "replication_factor": replication_factor, "configs": configs}
            for topic, configs in wanted.items()
            if topic not in there
        }
        problems = _create(admin, missing) if missing else {}
    finally:
        admin.close()
    return [_made(topic, there.get(topic), partitions, problems.get(topic)) for topic in wanted]


def _made(topic: str, there: int | None, wanted: int, problem: tuple[type[KafkaError], str] | None) -> TopicMade:
    if there is not None:
        differs = "" if there == wanted else f"not {wanted} partitions: their number is never changed"
        return TopicMade(topic, there, "there", differs)
    if problem is None:
        return TopicMade(topic, wanted, "created", "")
    error, message = problem
    if error is TopicAlreadyExistsError:
        return TopicMade(topic, None, "there", "another client created it just now")
    return TopicMade(topic, None, "failed", message or error.__name__)


def _kept_for_good(max_message_bytes: int, timestamps: Timestamps) -> Mapping[str, str]:
    """For the topics that Waybill reads: a lost store is rebuilt from them, so they must keep everything."""
    return {
        "retention.ms": FOREVER,
        "retention.bytes": FOREVER,
        "max.message.bytes": str(max_message_bytes + ROOM_FOR_KEY_AND_HEADERS),
        "message.timestamp.type": _TIMESTAMP_TYPE[timestamps],
    }


def _copies(max_message_bytes: int) -> Mapping[str, str]:
    return {"max.message.bytes": str(max_message_bytes + ROOM_FOR_A_DEAD_COPY)}


def _partitions(admin: KafkaAdminClient, topics: Mapping[str, Any]) -> Mapping[str, int]:
    there = set(admin.list_topics()) & topics.keys()
    described = admin.describe_topics(sorted(there)) if there else []
    return {topic["name"]: len(topic["partitions"]) for topic in described}


def _create(admin: KafkaAdminClient, missing: Mapping[str, Any]) -> Mapping[str, tuple[type[KafkaError], str]]:
    answered = admin.create_topics(dict(missing), timeout_ms=REQUEST_MS, raise_errors=False)
    failed = {
        topic["name"]: (for_code(topic["error_code"]), topic.get("error_message") or "")
        for topic in answered["topics"]
        if topic["error_code"]
    }
    admin.wait_for_topics([topic for topic in missing if topic not in failed])
    return failed
