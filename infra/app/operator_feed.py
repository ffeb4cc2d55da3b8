"""What operators publish: messages of one act, stored batch by batch through the ordinary intake.

The act commits with its first batch. Its messages are one feed, named after the act, which stays unfinished until the
last batch is stored: so a run that was killed is continued by the next one.
"""

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from consumers.contract import to_cloud_event
from consumers.ingest.pipeline import Ingest, Part
from consumers.ingest.register import Feed, Receipt, RegisterTransaction
from consumers.sources.source import Batch, FeedPosition, RawMessage
from domain.fact import Fact
from domain.operator.acts import OPERATOR_SOURCE, OperatorAct
from infra.app.container import Waybill
from infra.store.register.register import StoredRegister
from infra.store.register.transaction import StoredRegisterTransaction


class ActingRegister(StoredRegister):
    """A register in which each transaction also appends an act: it commits with what is stored."""

    def __init__(self, waybill: Waybill, act: OperatorAct):
        super().__init__(waybill.backend, waybill.retry)
        self._act = act

    @contextmanager
    def transaction(self) -> Iterator[RegisterTransaction]:
        with super().transaction() as transaction:
            assert isinstance(transaction, StoredRegisterTransaction)
            yield transaction
            transaction.append_acts([self._act])


class OperatorFeed:
    """The feed of one act. Implements consumers.sources.source.FeedName.

    An act with the same id that was begun and not finished is continued; then `continued` is true.
    """

    partition = 0
    identifies_by_offset = False

    def __init__(self, waybill: Waybill, act: OperatorAct):
        self.topic = feed_topic(act.message_id)
        self._waybill = waybill
        self._act = act
        begun = waybill.register.feed_to_resume(self.topic, self.partition)
        self.continued = begun is not None
        self._feed = begun or waybill.register.open_feed(self.topic, self.partition, waybill.clock())

    @property
    def act_id(self) -> str:
        return self._act.message_id

    def store(self, messages: Sequence[tuple[Fact, str]]) -> Sequence[Receipt]:
        """Store messages (facts with their subjects) in one transaction; returns their receipts, in order.

        Raises CheckpointMovedError if another process continues the same act.
        """
        start = self._feed.position
        offset, size, crc = start
        raw: list[RawMessage] = []
        for fact, subject in messages:
            body = message_bytes(fact, subject)
            raw.append(RawMessage(offset, body))
            offset, size, crc = offset + 1, size + len(body), zlib.crc32(body, crc)
        end = FeedPosition(offset, size, crc)
        stored = self._pipeline().take_together([Part(self, self._feed, Batch(raw, start, end))])
        self._feed = Feed(self._feed.feed_id, end)
        return stored.receipts

    def finish(self) -> None:
        """The act is done; then end clock holds that are due, and project."""
        self._waybill.register.finish_feed(self._feed.feed_id, self._waybill.clock())
        self._waybill.ingest().wake()
        self._waybill.project()

    def _pipeline(self) -> Ingest:
        waybill = self._waybill
        if self._feed.position.next_offset:
            return waybill.ingest()
        register = ActingRegister(waybill, self._act)
        rules, skew = waybill.reading_rules(), waybill.settings.clock_skew
        return Ingest(register, waybill.clock, rules, waybill.retry, clock_skew=skew)


def feed_topic(act_id: str) -> str:
    """The name of the feed of an act."""
    return f"{OPERATOR_SOURCE}/{act_id}"


def message_bytes(fact: Fact, subject: str) -> bytes:
    """The message that states a fact, as one line of JSON without a line end."""
    return msgspec.json.encode(to_cloud_event(fact, subject))
