"""The interface of all sources, such as files and topics, to the ingest pipeline."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

READ_AGAIN = "again:"
"""The prefix of the topic in the name of a feed that reads the past; consumers do not use its checkpoint."""


USUAL_MAX_BYTES = 1_048_576
"""The default size limit of a message."""
BATCH_BYTES = 8 * 1024 * 1024
"""The most bytes of a batch, unless one message alone has more: so memory is bounded, however large messages are."""
KEPT_BYTES = 64 * 1024
"""How many bytes are kept of a message that is too large."""


class Whole(NamedTuple):
    """The size in bytes and the SHA-256 in hex of a message of which only the beginning is kept."""

    size: int
    sha256: str


class RawMessage(msgspec.Struct, frozen=True, gc=False):
    """The raw bytes of one message, and its offset in the feed (for a file: the line number from 0).

    `whole` is set if the message is too large: then `body` is its beginning. `broker_time` is when the broker recorded
    it (aware, UTC), if the topic has LogAppendTime. `unreadable` is the reason why there is nothing to read.
    """

    offset: int
    body: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    whole: Whole | None = None
    broker_time: datetime | None = None
    unreadable: str | None = None

    @property
    def size(self) -> int:
        """The size of the message in bytes, without headers."""
        return len(self.body) if self.whole is None else self.whole.size

    @property
    def sha256(self) -> str:
        """The SHA-256 of all of the message's bytes, in hex."""
        return hashlib.sha256(self.body).hexdigest() if self.whole is None else self.whole.sha256

    def within(self, max_bytes: int) -> "RawMessage":
        """The same message, truncated if it has more than `max_bytes` bytes."""
        if self.whole is not None or len(self.body) <= max_bytes:
            return self
        return msgspec.structs.replace(self, body=self.body[:KEPT_BYTES], whole=Whole(self.size, self.sha256))


class FeedPosition(NamedTuple):
    """The checkpoint of a feed: the next offset, and for a file the number of bytes before it and their CRC-32."""

    next_offset: int = 0
    bytes_read: int = 0
    crc: int = 0


class Batch(NamedTuple):
    """Messages of one feed, read from `start` up to `end`. A batch may be empty (only blank lines)."""

    messages: Sequence[RawMessage]
    start: FeedPosition
    end: FeedPosition


class FeedName(Protocol):
    """The name of a feed."""

    @property
    def topic(self) -> str:
        """A topic's name, or "file:" and the file's absolute path."""

    @property
    def partition(self) -> int:
        """The topic's partition; 0 for a file."""

    @property
    def identifies_by_offset(self) -> bool:
        """Whether topic, partition and offset identify a message permanently, as in Kafka but not in a file."""


class Source(FeedName, Protocol):
    """One feed, read in batches from a checkpoint."""

    @property
    def resumable(self) -> bool:
        """Whether an interrupted reading can continue; false for a source that can be read only once."""

    def batches(self, resume: FeedPosition | None) -> Iterator[Batch]:
        """Read from `resume` if the part before it is unchanged, else from the beginning.

        The first batch's `start` says which one it was.
        """
