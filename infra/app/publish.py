"""Publish: sends the messages of a file to Kafka and reports which were acknowledged. It needs no store."""

from collections.abc import Callable
from typing import NamedTuple

from consumers.contract import TOPICS, ReadingRules
from consumers.publish.publishing import Account, Publishing
from consumers.sinks.sink import NotReachedError
from consumers.sources.json_lines import UnreadableSourceError
from consumers.sources.source import Source
from infra.app.container import kafka_sink, system_clock
from infra.settings import Settings


class PublishReport(NamedTuple):
    """The result by message; `gave_up` says why the rest was not published, None if everything was."""

    account: Account
    gave_up: str | None

    @property
    def is_complete(self) -> bool:
        return self.gave_up is None and not self.account.failed


def publish_source(
    settings: Settings, open_source: Callable[[], Source], *, patience: float, as_they_are: bool = False
) -> PublishReport:
    """Publish a source's messages; see Publishing for `as_they_are`, KafkaSink for `patience` (seconds).

    The source is opened after the topics are found. Raises MissingTopicsError.
    """
    sink = kafka_sink(settings, patience=patience)
    rules = ReadingRules(settings.max_message_bytes, time_zone=settings.time_zone)
    run = Publishing(sink, system_clock, rules, prefix=settings.topic_prefix, as_they_are=as_they_are)
    try:
        sink.find(settings.topic_prefix + topic for topic in TOPICS)
        run.publish(open_source())
    except (NotReachedError, UnreadableSourceError) as e:
        return PublishReport(run.account, str(e))
    finally:
        sink.close()
    return PublishReport(run.account, None)
