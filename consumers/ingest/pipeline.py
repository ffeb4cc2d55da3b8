"""The ingest pipeline: from a source of raw messages to events, verdicts and books, batch by batch."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

import structlog

from consumers.contract import ReadingRules, read_message
from consumers.ingest.filing import Filing, Receipt
from consumers.ingest.register import Changes, Feed, Register
from consumers.ingest.stepping import Recent
from consumers.sources.source import Batch, RawMessage, Source
from domain.verdict import Verdict

Clock = Callable[[], datetime]


class Ingested(NamedTuple):
    """Where an ingest ended: its feed, and the position of the newest event that it wrote or found (0: none)."""

    feed_id: int
    position: int


class Ingest:
    """Reads sources to their end. Whatever is killed in between, the next run goes on where the last batch ended."""

    def __init__(self, register: Register, clock: Clock, rules: ReadingRules):
        self._register = register
        self._clock = clock
        self._rules = rules
        self._recent = Recent()
        self._log = structlog.get_logger(__name__)

    def read(self, source: Source, *, resume: bool = True, on_batch: Callable[[Batch], None] | None = None) -> Ingested:
        """Take all messages of the source; the feed stays unfinished until `finish`.

        With `resume`, a reading of the same feed that was broken off goes on where it stopped, provided that what it
        had read is unchanged. Raises FeedMovedError when another process reads on in the same feed.
        """
        feed = self._register.feed_to_resume(source.topic, source.partition) if resume else None
        if feed is None:
            feed = self._register.open_feed(source.topic, source.partition, self._clock())
        if feed.position.next_offset:
            self._log.info("feed_resumed", topic=source.topic, next_offset=feed.position.next_offset)
        position = 0
        for batch in source.batches(feed.position):
            if batch.start != feed.position:
                # The file is not the one that was being read: that reading is over, and this is another.
                self._register.finish_feed(feed.feed_id, self._clock())
                feed = self._register.open_feed(source.topic, source.partition, self._clock())
            position, _ = self.take(source, feed, batch)
            feed = Feed(feed.feed_id, batch.end)
            if on_batch is not None:
                on_batch(batch)
        return Ingested(feed.feed_id, position)

    def finish(self, feed_id: int) -> None:
        """The feed was read and all that follows from it is done: who reads the file again begins anew."""
        self._register.finish_feed(feed_id, self._clock())

    def take(self, source: Source, feed: Feed, batch: Batch) -> tuple[int, Sequence[Receipt]]:
        """Store one batch: all of it, in one transaction, or nothing. Returns the newest position and the receipts."""
        received_at = self._clock()
        read = [(raw, read_message(raw.body, received_at, self._rules)) for raw in batch.messages]
        changes = Changes(feed.feed_id, received_at, batch.start, batch.end)
        with self._register.transaction() as transaction:
            filing = Filing(transaction, changes, _letter_names(source), self._recent)
            receipts = filing.file(read)
            position = transaction.save(changes)
        filing.remember()
        self._tell(source, changes, position, receipts)
        return position, receipts

    def _tell(self, source: Source, changes: Changes, position: int, receipts: Sequence[Receipt]) -> None:
        log = self._log.bind(
            topic=source.topic, partition=source.partition, batch=changes.start.next_offset, position=position
        )
        log.info(
            "batch_stored", next_offset=changes.end.next_offset, received=len(receipts), events=len(changes.events)
        )
        for receipt in receipts:
            if receipt.verdict in (Verdict.REFUSED, Verdict.MALFORMED):
                source_name, message_id, subject = receipt.key or (None, None, None)
                log.warning(
                    f"message_{receipt.verdict}",
                    offset=receipt.offset,
                    source=source_name,
                    message_id=message_id,
                    subject=subject,
                    correlation_id=receipt.correlation_id,
                    reason=receipt.reason,
                )


def _letter_names(source: Source) -> Callable[[RawMessage], str]:
    """How a malformed message is known: by its place where that is for good, else by its bytes."""
    if source.identifies_by_offset:
        return lambda raw: f"{source.topic}/{source.partition}/{raw.offset}"
    return lambda raw: hashlib.sha256(raw.body).hexdigest()
