"""The names of all Kafka topics that Waybill reads and writes, behind the prefix that an installation may have."""

from collections.abc import Sequence
from enum import StrEnum

from consumers.contract.catalogue import TOPICS

EVENTS = "waybill.events"
"""What took effect, and what ceased to."""
VERDICTS = "waybill.verdicts"
"""Every verdict other than applied at once, and every change of one."""
DEAD_SUFFIX = ".dead"


class Timestamps(StrEnum):
    """Whose clock says when a record was published."""

    BROKER = "broker"
    PRODUCER = "producer"


def read_topics(prefix: str) -> Sequence[str]:
    """The five topics on which upstream systems publish."""
    return [prefix + topic for topic in TOPICS]


def dead_topic(topic: str) -> str:
    """Where copies of what is dead on this topic go; a topic's name stands there with its prefix."""
    return topic + DEAD_SUFFIX


def written_topics(prefix: str) -> Sequence[str]:
    """The topics on which Waybill publishes."""
    return [prefix + EVENTS, prefix + VERDICTS, *(dead_topic(topic) for topic in read_topics(prefix))]
