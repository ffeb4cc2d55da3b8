"""What operators publish: messages of one act, stored batch by batch through the ordinary intake.

The act commits with its first batch and says what is planned. Its messages are one feed, named after the act, which
stays unfinished until the last batch is stored: so a run that was killed is continued by the next one.
"""

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from consumers.contract import Malformed, read_message, to_cloud_event
from consumers.ingest.pipeline import Ingest, Part
from consumers.ingest.register import Feed, Receipt, RegisterTransaction
from consumers.sources.source import Batch, FeedPosition, RawMessage
from domain.fact import Fact
from domain.operator.acts import OperatorAct, feed_of_act
from domain.streams import operator_stream
from infra.app.container import Waybill
from infra.store.register.register import StoredRegister
from infra.store.register.transaction import StoredRegisterTransaction

_OUTCOMES = frozenset({"planned", "void_id"})
"""The fields of an act that follow from what it is about and from what was there."""


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
        self.topic = feed_of_act(act.message_id)
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
        register = self._waybill.register
        register.finish_feed(self._feed.feed_id, self._waybill.clock())
        # A feed whose opening was committed although its answer was lost: nobody is to continue it.
        while (other := register.feed_to_resume(self.topic, self.partition)) is not None:
            register.finish_feed(other.feed_id, self._waybill.clock())
        self._waybill.ingest().wake()
        self._waybill.project()

    def _pipeline(self) -> Ingest:
        waybill = self._waybill
        if self._feed.position.next_offset:
            return waybill.ingest()
        register = ActingRegister(waybill, self._act)
        rules, skew = waybill.reading_rules(), waybill.settings.clock_skew
        return Ingest(register, waybill.clock, rules, waybill.retry, clock_skew=skew)


def message_bytes(fact: Fact, subject: str) -> bytes:
    """The message that states a fact, as one line of JSON without a line end."""
    return msgspec.json.encode(to_cloud_event(fact, subject))


def misfit(waybill: Waybill, body: bytes) -> str | None:
    """Why a message of an operator does not fit the contract, by the names of options; None if it fits."""
    read = read_message(body, waybill.clock(), waybill.reading_rules())
    return read.reason.replace("data.", "") if isinstance(read, Malformed) else None


def begun_or_new(waybill: Waybill, act: OperatorAct, *, anything_to_do: bool) -> OperatorFeed | None:
    """The feed of the act, or of the same act that the same operator began before and did not finish.

    Acts are the same if they have the same reason and are about the same messages. An act's id follows from these, and
    from how often it was done before. None if nothing was begun and there is nothing to do.
    """
    before = [
        stored.event
        for stored in waybill.history.stream(operator_stream(act.operator))
        if type(stored.event) is type(act) and _is_same(stored.event, act)
    ]
    for times in (len(before), len(before) + 1):
        act_id = _act_id(act, times)
        if times and waybill.register.feed_to_resume(feed_of_act(act_id), OperatorFeed.partition) is not None:
            return OperatorFeed(waybill, msgspec.structs.replace(act, message_id=act_id))
    if not anything_to_do:
        return None
    return OperatorFeed(waybill, msgspec.structs.replace(act, message_id=_act_id(act, len(before) + 1)))


def _is_same(one: OperatorAct, other: OperatorAct) -> bool:
    return one.reason == other.reason and _about(one) == _about(other)


def _act_id(act: OperatorAct, times: int) -> str:
    said = [act.TOPIC, act.operator, act.reason, _about(act), times]
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()[:32]


def _about(act: OperatorAct) -> dict[str, Any]:
    return {name: value for name, value in act.detail.items() if name not in _OUTCOMES}
