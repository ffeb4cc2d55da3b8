"""Where messages come from: what every source, such as a file or a topic, hands to the ingest pipeline."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

READ_AGAIN = "again:"
"""What stands before the topic in the name of a feed that read its past, whose position is no consumer's."""


class RawMessage(NamedTuple):
    """The bytes of one message as they came, and their offset in the feed (of a file: the line's number, from 0)."""

    offset: int
    body: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class FeedPosition(NamedTuple):
    """How far a feed was read: the next offset, and for a file the bytes before it and their CRC-32."""

    next_offset: int = 0
    bytes_read: int = 0
    crc: int = 0


class Batch(NamedTuple):
    """Messages of one feed, read from `start` up to `end`. A batch may be empty (blank lines alone)."""

    messages: Sequence[RawMessage]
    start: FeedPosition
    end: FeedPosition


class FeedName(Protocol):
    """What a feed is known by."""

    @property
    def topic(self) -> str:
        """A topic's name, or "file:" and the file's absolute path."""

    @property
    def partition(self) -> int:
        """The topic's partition; 0 for a file."""

    @property
    def identifies_by_offset(self) -> bool:
        """True where topic, partition and offset name a message for good, as in Kafka; not so a file's lines."""


class Source(FeedName, Protocol):
    """One feed, read in batches from a position on."""

    def batches(self, resume: FeedPosition | None) -> Iterator[Batch]:
        """Read on from `resume` if what lies before it is unchanged, else from the beginning.

        The first batch's `start` tells which it was.
        """
