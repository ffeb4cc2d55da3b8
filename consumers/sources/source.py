"""Where messages come from: what every source, such as a file or a topic, hands to the ingest pipeline."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

READ_AGAIN = "again:"
"""What stands before the topic in the name of a feed that read its past, whose position is no consumer's."""


USUAL_MAX_BYTES = 1_048_576
"""How large a message may be unless the settings say otherwise."""
KEPT_BYTES = 64 * 1024
"""So much is kept of the beginning of a message that is larger than it may be."""


class Whole(NamedTuple):
    """What is known of a message of which only the beginning is kept: its size in bytes, and its SHA-256 in hex."""

    size: int
    sha256: str


class RawMessage(NamedTuple):
    """The bytes of one message as they came, and their offset in the feed (of a file: the line's number, from 0).

    `whole` is set when the message is larger than it may be: then `body` is its beginning. `broker_time` is when the
    broker recorded it (aware, UTC), where the topic has LogAppendTime. `unreadable` says why there is nothing to read.
    """

    offset: int
    body: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    whole: Whole | None = None
    broker_time: datetime | None = None
    unreadable: str | None = None

    @property
    def size(self) -> int:
        """The size of the message in bytes, headers aside."""
        return len(self.body) if self.whole is None else self.whole.size

    @property
    def sha256(self) -> str:
        """The SHA-256 of all of the message's bytes, in hex."""
        return hashlib.sha256(self.body).hexdigest() if self.whole is None else self.whole.sha256

    def within(self, max_bytes: int) -> "RawMessage":
        """The same, cut to its beginning where it has more than `max_bytes` bytes."""
        if self.whole is not None or len(self.body) <= max_bytes:
            return self
        return self._replace(body=self.body[:KEPT_BYTES], whole=Whole(self.size, self.sha256))


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

    @property
    def resumable(self) -> bool:
        """Whether a reading that was broken off can go on where it stopped; not so of what can be read but once."""

    def batches(self, resume: FeedPosition | None) -> Iterator[Batch]:
        """Read on from `resume` if what lies before it is unchanged, else from the beginning.

        The first batch's `start` tells which it was.
        """
