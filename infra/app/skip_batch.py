"""Skip: skips unreadable offsets of a partition and records them as a dead letter."""

from typing import NamedTuple

from consumers.sources.kafka import Partition
from consumers.sources.source import Batch, FeedPosition, RawMessage
from infra.app.container import Waybill


class CannotSkipError(ValueError):
    """The partition does not exist, or was already read further; the text says what to do."""


class Skipped(NamedTuple):
    """The skipped offsets, and the letter that records them."""

    topic: str
    partition: int
    from_offset: int
    to_offset: int
    letter_id: str


def skip(waybill: Waybill, topic: str, partition: int, to_offset: int, reason: str) -> Skipped:
    """Move the store's checkpoint of this partition to an offset; `topic` has its prefix.

    A consumer that is stuck there continues from the new checkpoint after some seconds. Raises CannotSkipError.
    """
    known = waybill.register.feed_to_resume(topic, partition)
    if known is None:
        raise CannotSkipError(f"nothing has been read from {topic}/{partition} yet; run waybill consume first")
    # Nothing is opened: the feed exists.
    feed, is_first, _ = waybill.register.partition_feed(topic, partition, None, waybill.clock())
    start = feed.position.next_offset
    if to_offset <= start:
        raise CannotSkipError(f"{topic}/{partition} continues at offset {start}; give a greater offset")
    named = Partition(topic, partition, is_first)
    why = f"offsets {start} to {to_offset - 1} were skipped unread: {reason}"
    batch = Batch([RawMessage(start, b"", unreadable=why)], feed.position, FeedPosition(to_offset))
    waybill.ingest().take(named, feed, batch)
    waybill.register.go_on(feed.feed_id)
    return Skipped(topic, partition, start, to_offset, f"{topic}/{partition}/{start}")
