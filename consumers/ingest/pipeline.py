"""The ingest pipeline: from a source of raw messages to events, verdicts and books, batch by batch."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import NamedTuple, Protocol, TypeVar

import msgspec
import structlog

from consumers.contract import Malformed, ReadingRules, WellFormed, read_record, too_large
from consumers.ingest.batch_processing import BatchProcessor, Read
from consumers.ingest.malformed_messages import LetterIds, letter_id_in
from consumers.ingest.register import (
    Arrival,
    Changes,
    Feed,
    MalformedMessage,
    MessageKey,
    Move,
    Receipt,
    Register,
    RegisterTransaction,
)
from consumers.ingest.settling_cache import IngestSettlingCache
from consumers.sources.source import Batch, FeedName, RawMessage, Source
from domain.checkpoint import CheckpointMovedError
from domain.clock_holds import held_by_clock
from domain.verdict import DUPLICATE, MALFORMED, REFUSED

Clock = Callable[[], datetime]
T = TypeVar("T")

_FEED = attrgetter("feed_id")
_OFFSET = attrgetter("offset")


class Ingested(NamedTuple):
    """The end of an ingest: its feed, and the position of the newest event that it wrote or found (0: none)."""

    feed_id: int
    position: int


class Part(NamedTuple):
    """A batch of one feed, and the feed's name."""

    source: FeedName
    feed: Feed
    batch: Batch


class StoredBatch(NamedTuple):
    """What one transaction stored: the position of the newest event, a receipt for each message, and what was read."""

    position: int
    receipts: list[Receipt]
    read: Read


class Retry(Protocol):
    """Calls work that is one whole transaction, several times if necessary."""

    def __call__(self, work: Callable[[], T]) -> T:
        """Raises the last error of the work."""


def _once(work: Callable[[], T]) -> T:
    return work()


class Ingest:
    """Reads sources to their end. After a kill, the next run continues where the last batch ended.

    `retry` decides how often work is tried while the store is unavailable. `clock_skew` is how far a message's time may
    be ahead of the clock before it is held. With `rereading`, the past is read again, and repeats get no notice.
    `on_stored` is called with the receipts of each stored batch.
    """

    def __init__(
        self,
        register: Register,
        clock: Clock,
        rules: ReadingRules,
        retry: Retry = _once,
        *,
        clock_skew: timedelta = timedelta(hours=1),
        rereading: bool = False,
        on_stored: Callable[[Sequence[Receipt]], None] | None = None,
    ):
        self._register = register
        self._clock = clock
        self._rules = rules
        self._clock_skew = clock_skew
        self._retry = retry
        self._rereading = rereading
        self._on_stored = on_stored
        self._cache = IngestSettlingCache()
        self._log = structlog.get_logger(__name__)

    def read(self, source: Source, *, resume: bool = True, on_batch: Callable[[Batch], None] | None = None) -> Ingested:
        """Ingest all messages of the source; the feed stays unfinished until `finish`.

        With `resume`, an interrupted reading of a resumable source continues where it stopped, if the part already read
        is unchanged. Raises CheckpointMovedError if another process continues the same feed.
        """
        feed = None
        if resume and source.resumable:
            feed = self._retry(lambda: self._register.feed_to_resume(source.topic, source.partition))
        if feed is None:
            feed = self._opened(source)
        if feed.position.next_offset:
            self._log.info("feed_resumed", topic=source.topic, next_offset=feed.position.next_offset)
        position = 0
        for batch in source.batches(feed.position):
            if batch.start != feed.position:
                # The file has changed, so the earlier reading is over and this one is new.
                self.finish(feed.feed_id)
                feed = self._opened(source)
            position = self.take(source, feed, batch).position
            feed = Feed(feed.feed_id, batch.end)
            if on_batch is not None:
                on_batch(batch)
        return Ingested(feed.feed_id, position)

    def finish(self, feed_id: int) -> None:
        """Mark the feed as finished; reading the file again begins a new feed."""
        self._retry(lambda: self._register.finish_feed(feed_id, self._clock()))

    def _opened(self, source: Source) -> Feed:
        return self._retry(lambda: self._register.open_feed(source.topic, source.partition, self._clock()))

    def take(self, source: FeedName, feed: Feed, batch: Batch) -> StoredBatch:
        """Store one whole batch in one transaction, or nothing. The receipts are in the order of the messages."""
        return self.take_together([Part(source, feed, batch)])

    def take_together(self, parts: Sequence[Part]) -> StoredBatch:
        """Store batches of several feeds (each feed once) in one transaction: all of them, or nothing.

        Raises CheckpointMovedError if another process has continued one of the feeds.
        """
        received_at = self._clock()
        read = self._read(parts, received_at)
        moves = [Move(part.feed.feed_id, part.batch.start, part.batch.end) for part in parts]
        stored = self._retry(self._storing(read, _letter_ids(parts), moves, received_at))
        places = {part.feed.feed_id: place for place, part in enumerate(parts)}
        stored.receipts.sort(key=_OFFSET)
        if len(parts) > 1:
            stored.receipts.sort(key=lambda receipt: places[receipt.feed_id])
        if self._on_stored is not None:
            self._on_stored(stored.receipts)
        self._tell({part.feed.feed_id: part.source for part in parts}, moves, stored)
        return stored

    def wake(self) -> int:
        """Apply messages whose clock hold ends now; returns how many."""
        woken = 0
        if not self._retry(lambda: self._register.has_due(self._clock())):
            return woken
        while due := self._retry(self._waking):
            woken += due
        if woken:
            self._log.info("clock_holds_ended", messages=woken)
        return woken

    def _waking(self) -> int:
        with self._register.transaction() as transaction:
            changes = Changes(self._clock(), ())
            if not transaction.due(changes.received_at, 1):
                return 0
            batch = BatchProcessor(transaction, changes, lambda *_: "", self._cache)
            batch.process(Read((), ()))
            position = transaction.save(changes)
        batch.cache_settlings(position)
        return len(changes.clock_holds_ended)

    def _storing(
        self,
        read: Read,
        letter_ids: LetterIds,
        moves: Sequence[Move],
        received_at: datetime,
    ) -> Callable[[], StoredBatch]:
        """One transaction that stores the parsed messages; it may be called again after a failure."""
        about_to_commit: list[StoredBatch] = []

        def store() -> StoredBatch:
            changes = Changes(received_at, moves)
            try:
                with self._register.transaction() as transaction:
                    batch = BatchProcessor(transaction, changes, letter_ids, self._cache, rereading=self._rereading)
                    receipts = batch.process(read)
                    stored = StoredBatch(transaction.save(changes), receipts, read)
                    about_to_commit.append(stored)
            except CheckpointMovedError:
                # The commit may have succeeded although its answer was lost: then the feeds are where we moved them.
                if about_to_commit and self._register.have_moved(moves):
                    return about_to_commit[-1]
                raise
            batch.cache_settlings(stored.position)
            return stored

        return store

    def would_take(self, rounds: Iterable[Sequence[Part]]) -> Sequence[Receipt]:
        """The receipts that these batches, one round after the other, would get. Nothing is stored, no feed moves.

        It runs in one transaction that is rolled back; other writers wait for it.
        """
        receipts: list[Receipt] = []
        cache = IngestSettlingCache()
        try:
            with self._register.transaction() as transaction:
                for parts in rounds:
                    changes = Changes(self._clock(), ())
                    batch = BatchProcessor(transaction, changes, _letter_ids(parts), cache)
                    receipts += batch.process(self._read(parts, changes.received_at))
                    batch.cache_settlings(transaction.save(changes))
                receipts = _in_the_end(receipts, transaction)
                raise _Rollback
        except _Rollback:
            return sorted(receipts, key=lambda receipt: (receipt.feed_id, receipt.offset))

    def _read(self, parts: Sequence[Part], received_at: datetime) -> Read:
        """Read the bytes of each message, outside the store's write lock."""
        well_formed: list[Arrival] = []
        malformed: list[MalformedMessage] = []
        for source, (feed_id, _), batch in parts:
            for came in batch.messages:
                raw, message = self._read_one(came, received_at)
                if isinstance(message, Malformed):
                    malformed.append(MalformedMessage(letter_id_in(source, raw), message.reason, feed_id, raw))
                else:
                    fact = held_by_clock(message.fact, received_at, self._clock_skew)
                    key = MessageKey(fact.source, fact.message_id, message.subject)
                    well_formed.append(Arrival(key, fact, feed_id, raw, message.ignored))
        return Read(well_formed, malformed)

    def _read_one(self, raw: RawMessage, received_at: datetime) -> tuple[RawMessage, WellFormed | Malformed]:
        """The parsed message, and the bytes to keep: only the beginning of a message that is too large."""
        if raw.unreadable is not None:
            return raw, Malformed(raw.unreadable)
        if raw.whole is not None or len(raw.body) > self._rules.max_bytes:
            return raw.within(self._rules.max_bytes), too_large(raw.size, self._rules, raw.sha256)
        message = read_record(raw.body, raw.headers, received_at, self._rules)
        if raw.broker_time is not None and isinstance(message, WellFormed):
            # It became known when the broker stored it, so a store rebuilt from its topics still knows what was known
            # when.
            fact = msgspec.structs.replace(message.fact, recorded_at=raw.broker_time)
            return raw, msgspec.structs.replace(message, fact=fact)
        return raw, message

    def _tell(self, sources: Mapping[int, FeedName], moves: Sequence[Move], stored: StoredBatch) -> None:
        position, receipts, _ = stored
        received = Counter(map(_FEED, receipts))
        batches = {feed_id: start.next_offset for feed_id, start, _ in moves}
        for feed_id, start, end in moves:
            self._log.info(
                "batch_stored",
                topic=sources[feed_id].topic,
                partition=sources[feed_id].partition,
                batch=start.next_offset,
                next_offset=end.next_offset,
                received=received[feed_id],
                position=position,
            )
        for receipt in receipts:
            if receipt.verdict is REFUSED or receipt.verdict is MALFORMED:
                source_name, message_id, subject = receipt.key or (None, None, None)
                self._log.warning(
                    f"message_{receipt.verdict}",
                    topic=sources[receipt.feed_id].topic,
                    partition=sources[receipt.feed_id].partition,
                    batch=batches[receipt.feed_id],
                    position=position,
                    offset=receipt.offset,
                    source=source_name,
                    message_id=message_id,
                    subject=subject,
                    correlation_id=receipt.correlation_id,
                    reason=receipt.reason,
                )


class _Rollback(Exception):
    """Ends a dry run, so that nothing of it is kept."""


def _in_the_end(receipts: Sequence[Receipt], transaction: RegisterTransaction) -> list[Receipt]:
    """The receipts with the verdicts after all messages."""
    new = {receipt.key for receipt in receipts if receipt.key is not None and receipt.verdict is not DUPLICATE}
    registered = transaction.registered(new) if new else {}

    def ended(receipt: Receipt) -> Receipt:
        if receipt.key not in new or receipt.verdict is DUPLICATE:
            return receipt
        outcome = registered[receipt.key].outcome
        return msgspec.structs.replace(receipt, verdict=outcome.verdict, reason=outcome.reason)

    return [ended(receipt) for receipt in receipts]


def _letter_ids(parts: Sequence[Part]) -> LetterIds:
    sources = {part.feed.feed_id: part.source for part in parts}
    return lambda feed_id, raw: letter_id_in(sources[feed_id], raw)
