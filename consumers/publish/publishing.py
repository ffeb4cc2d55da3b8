"""Publishing: sends the lines of a file as Kafka records, and counts every line."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from consumers.contract import Malformed, ReadingRules, Unreadable, decode_json, read_message, too_large
from consumers.publish.topic_choice import TopicChoice, claimed
from consumers.sinks.sink import STRUCTURED, NotReachedError, Record, Sink
from consumers.sources.source import Batch, FeedPosition, RawMessage, Source

FAILURES_LISTED = 1_000

HEADERS = (("content-type", STRUCTURED.encode()),)


class Failure(NamedTuple):
    """A line that was not published. `line` counts from 1."""

    line: int
    problem: str
    reason: str


MALFORMED, NOT_ACKNOWLEDGED = "malformed", "not acknowledged"


@dataclass
class Account:
    """The result by line. Blank lines are not messages. At most 1,000 failures are listed; all are counted."""

    read: int = 0
    acknowledged: Counter[str] = field(default_factory=Counter)
    malformed: int = 0
    not_acknowledged: int = 0
    failures: list[Failure] = field(default_factory=list)

    @property
    def failed(self) -> int:
        return self.malformed + self.not_acknowledged

    def fail(self, raw: RawMessage, problem: str, reason: str) -> None:
        if problem == MALFORMED:
            self.malformed += 1
        else:
            self.not_acknowledged += 1
        if len(self.failures) < FAILURES_LISTED:
            self.failures.append(Failure(raw.offset + 1, problem, reason))


class Publishing:
    """Publishes one source's messages.

    A malformed line is skipped and counted; with `as_they_are`, every line is published unchanged. `prefix` is the
    prefix of every topic's name.
    """

    def __init__(
        self,
        sink: Sink,
        clock: Callable[[], datetime],
        rules: ReadingRules,
        *,
        prefix: str = "",
        as_they_are: bool = False,
    ):
        self._sink = sink
        self._clock = clock
        self._rules = rules
        self._prefix = prefix
        self._as_they_are = as_they_are
        self._topics = TopicChoice()
        self.account = Account()

    def publish(self, source: Source) -> None:
        """Publish everything, batch by batch; each batch is acknowledged before the next.

        Raises NotReachedError if the broker stays unavailable; `account` says how far it came.
        """
        for batch in source.batches(FeedPosition()):
            self._publish_batch(batch)

    def _publish_batch(self, batch: Batch) -> None:
        self.account.read += len(batch.messages)
        lines: list[RawMessage] = []
        records: list[Record] = []
        for raw in batch.messages:
            record = self._record(raw)
            if record is not None:
                lines.append(raw)
                records.append(record)
        try:
            refused = self._sink.send(records)
        except NotReachedError as e:
            for index, (raw, record) in enumerate(zip(lines, records, strict=True)):
                if index in e.acknowledged:
                    self.account.acknowledged[record.topic] += 1
                else:
                    self.account.fail(raw, NOT_ACKNOWLEDGED, str(e))
            raise
        for index, (raw, record) in enumerate(zip(lines, records, strict=True)):
            if index in refused:
                self.account.fail(raw, NOT_ACKNOWLEDGED, refused[index])
            else:
                self.account.acknowledged[record.topic] += 1

    def _record(self, raw: RawMessage) -> Record | None:
        if raw.whole is not None:
            # Only its beginning was read.
            self.account.fail(raw, MALFORMED, too_large(raw.size, self._rules, raw.sha256).reason)
            return None
        if self._as_they_are:
            return self._as_it_is(raw)
        message = read_message(raw.body, self._clock(), self._rules)
        if isinstance(message, Malformed):
            self.account.fail(raw, MALFORMED, message.reason)
            return None
        return self._on(self._topics.topic_for(message.type, message.subject), message.subject, raw.body)

    def _as_it_is(self, raw: RawMessage) -> Record:
        try:
            document = decode_json(raw.body)
        except Unreadable:
            document = None
        subject = claimed(document, "subject")
        return self._on(self._topics.topic_for(claimed(document, "type"), subject), subject, raw.body)

    def _on(self, topic: str, subject: str | None, body: bytes) -> Record:
        return Record(self._prefix + topic, None if subject is None else subject.encode(), body, HEADERS)


def listed(failures: Sequence[Failure]) -> list[dict[str, object]]:
    """Failures as rows."""
    return [failure._asdict() for failure in failures]
