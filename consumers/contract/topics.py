"""The names of all Kafka topics that Waybill reads and writes, with the prefix of the installation."""

from collections.abc import Sequence
from enum import StrEnum

from consumers.contract.catalogue import TOPICS

EVENTS = "waybill.events"
"""What took effect, and what ceased to."""
VERDICTS = "waybill.verdicts"
"""Every first verdict other than applied, and every changed verdict."""
DEAD_SUFFIX = ".dead"


class Timestamps(StrEnum):
    """The clock that stamps records."""

    BROKER = "broker"
    PRODUCER = "producer"


def read_topics(prefix: str) -> Sequence[str]:
    """The five topics on which upstream systems publish."""
    return [prefix + topic for topic in TOPICS]


def dead_topic(topic: str) -> str:
    """The topic for dead letter copies of this topic; topic names have the prefix."""
    return topic + DEAD_SUFFIX


def written_topics(prefix: str) -> Sequence[str]:
    """The topics on which Waybill publishes."""
    return [prefix + EVENTS, prefix + VERDICTS, *(dead_topic(topic) for topic in read_topics(prefix))]
