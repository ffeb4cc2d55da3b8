"""The register, which is the inbox: what the ingest pipeline needs of the store, and what the two exchange.

The register knows every message that ever came in, by source, id and subject, with its latest verdict. Events,
verdicts, malformed messages, books and the feeds' positions are written in one transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from consumers.sources.source import FeedPosition, RawMessage
from domain.fact import Fact, StreamEvent
from domain.verdict import Outcome, Verdict


class MessageKey(NamedTuple):
    """What a well-formed message is known by."""

    source: str
    message_id: str
    subject: str


class Registered(NamedTuple):
    """What is known of a registered message: the feed that brought it, its event, and its latest verdict."""

    feed_id: int
    stream: str
    version: int
    outcome: Outcome


class Arrival(NamedTuple):
    """A well-formed message that a feed brought."""

    key: MessageKey
    fact: Fact
    feed_id: int
    raw: RawMessage


class RegisteredFact(NamedTuple):
    """The fact of a message that is registered already."""

    key: MessageKey
    fact: Fact
    registered: Registered


class StoredStream(NamedTuple):
    """The version of a stream's newest event, and the snapshot of its settling there; None where there is none."""

    version: int
    snapshot: bytes | None


class NewEvent(NamedTuple):
    """An event and its place in a stream, which the event itself does not know yet."""

    stream: str
    version: int
    event: StreamEvent


class NewMessage(NamedTuple):
    """A message to register, the stream and version of its event, and what became of it."""

    arrival: Arrival
    stream: str
    version: int
    outcome: Outcome


class ChangedMessage(NamedTuple):
    """A registered message with another outcome or another place, with its stream and version from now on."""

    key: MessageKey
    stream: str
    version: int
    outcome: Outcome


class IgnoredFields(NamedTuple):
    """What was ignored of a message: the paths of the fields, such as "discount_code" or "lines[0].color"."""

    source: str
    message_id: str
    subject: str
    type: str
    feed_id: int
    names: Sequence[str]


class MalformedMessage(NamedTuple):
    """A malformed message that a feed brought.

    `letter_id` is its topic, partition and offset, or the SHA-256 of its bytes.
    """

    letter_id: str
    reason: str
    feed_id: int
    raw: RawMessage


class KnownMalformed(NamedTuple):
    """A malformed message that was kept before: the feed that brought it, and how often it came again."""

    feed_id: int
    repeats: int


class Receipt(NamedTuple):
    """What became of one received message, as far as its batch can tell."""

    feed_id: int
    offset: int
    verdict: Verdict
    reason: str
    key: MessageKey | None = None
    correlation_id: str | None = None


class Notice(NamedTuple):
    """What the relay sends about a message: its verdict on receipt unless applied, or (`before`) a change of verdict.

    `key` and `type` are None for a malformed message, which has a `letter_id`. `offset` is None where it is that of the
    registered message. `stream` and `version` are those of the event behind it: the fact, or of a change the
    VerdictChanged; None for what came again. A void that leaves its waiting room has a notice for its new place that
    tells of no change.
    """

    key: MessageKey | None
    type: str | None
    letter_id: str | None
    feed_id: int
    offset: int | None
    stream: str | None
    version: int | None
    before: Verdict | None
    outcome: Outcome


class Repeats(NamedTuple):
    """How often a message came again, how often of these with other content, and the feed that brought it last."""

    times: int
    differing: int
    last_feed_id: int


class Move(NamedTuple):
    """A feed's position before a batch, and after it."""

    feed_id: int
    start: FeedPosition
    end: FeedPosition


@dataclass
class Changes:
    """All that one batch writes, of one feed or of several.

    `malformed_released` are letter ids of messages that were malformed and fit the contract now, and
    `malformed_reasons` says by letter id why others are malformed as the contract is now. `received_before` and
    `discarded_before` say when new messages were received and discarded that came earlier than at `received_at`.
    `snapshots` are those of long streams. `clock_holds` says until when the clock holds messages, and
    `clock_holds_ended` names those that it holds no more. `tallies` says for each feed by how much each verdict's count
    grows or shrinks. `notices` are in the order in which the relay sends them.
    """

    received_at: datetime
    moves: Sequence[Move]
    events: list[NewEvent] = field(default_factory=list)
    messages: list[NewMessage] = field(default_factory=list)
    changed: list[ChangedMessage] = field(default_factory=list)
    repeats: dict[MessageKey, Repeats] = field(default_factory=dict)
    malformed: list[MalformedMessage] = field(default_factory=list)
    malformed_repeats: dict[str, Repeats] = field(default_factory=dict)
    malformed_released: list[str] = field(default_factory=list)
    malformed_reasons: dict[str, str] = field(default_factory=dict)
    received_before: dict[MessageKey, datetime] = field(default_factory=dict)
    discarded_before: dict[MessageKey, datetime] = field(default_factory=dict)
    snapshots: dict[str, StoredStream] = field(default_factory=dict)
    clock_holds: dict[MessageKey, datetime] = field(default_factory=dict)
    clock_holds_ended: list[MessageKey] = field(default_factory=list)
    ignored: list[IgnoredFields] = field(default_factory=list)
    tallies: dict[int, dict[Verdict, int]] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    def count(self, feed_id: int, verdict: Verdict, by: int = 1) -> None:
        tally = self.tallies.setdefault(feed_id, {})
        tally[verdict] = tally.get(verdict, 0) + by

    def repeat(self, key: MessageKey, feed_id: int, times: int = 1, differing: int = 0) -> None:
        before = self.repeats.get(key, Repeats(0, 0, feed_id))
        self.repeats[key] = Repeats(before.times + times, before.differing + differing, feed_id)


class Feed(NamedTuple):
    """A feed as the store knows it: one partition of a topic, or one reading of a file."""

    feed_id: int
    position: FeedPosition


class PartitionFeed(NamedTuple):
    """The feed of a topic's partition, and whether it is the first one: a topic can be deleted and made anew."""

    feed: Feed
    is_first: bool
    made_anew: bool = False
    """Whether it was opened just now because the topic's id is another."""


class RegisterTransaction(Protocol):
    """Reads and the one write of a batch, in one transaction that has the store's write lock from the start."""

    def registered(self, keys: Iterable[MessageKey]) -> Mapping[MessageKey, Registered]:
        """Those of the messages that are registered."""

    def has_malformed(self) -> bool:
        """Whether any malformed message is kept at all."""

    def malformed(self, letter_ids: Iterable[str]) -> Mapping[str, KnownMalformed]:
        """Those of the malformed messages that were kept before."""

    def waiting_voids(self, subjects: Iterable[str]) -> Mapping[MessageKey, Registered]:
        """The voids about these subjects that are in a waiting room, since what they name is not known yet."""

    def head(self) -> int:
        """The position of the newest event, 0 in an empty store."""

    def stored(self, streams: Iterable[str]) -> Mapping[str, StoredStream]:
        """Those of the streams that exist."""

    def facts_of(self, streams: Iterable[str]) -> Mapping[str, list[Fact]]:
        """All facts of these streams, in the order of their versions."""

    def facts_at(self, places: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], Fact]:
        """The facts at these (stream, version)."""

    def due(self, now: datetime, most: int) -> Sequence[MessageKey]:
        """Messages that the clock was to hold until now, the earliest first, at most so many."""

    def save(self, changes: Changes) -> int:
        """Write it all; returns the position of the newest event.

        Raises domain.checkpoint.CheckpointMovedError when another process has read on in the feed; nothing is written.
        """


class Register(Protocol):
    """The store, as ingest sees it."""

    def feed_to_resume(self, topic: str, partition: int) -> Feed | None:
        """The feed of this name that was not read to its end."""

    def open_feed(self, topic: str, partition: int, opened_at: datetime) -> Feed:
        """A new feed, at its beginning."""

    def have_moved(self, moves: Sequence[Move]) -> bool:
        """Whether all these feeds stand where the moves would take them."""

    def partition_feed(self, topic: str, partition: int, topic_id: str | None, now: datetime) -> PartitionFeed:
        """The unfinished feed of a topic's partition; of several that ask at a time, one opens it.

        Where the topic has another id than the feed's, it was made anew: that feed is over, and another one begins.
        """

    def is_first_topic(self, topic: str, partition: int, topic_id: str | None) -> bool:
        """Whether, as far as is known, no other topic had this name before."""

    def finish_feed(self, feed_id: int, finished_at: datetime) -> None:
        """The feed was read to its end; who reads it again begins anew."""

    def tally(self, feed_id: int) -> Mapping[Verdict, int]:
        """How many messages of the feed have each verdict now."""

    def has_due(self, now: datetime) -> bool:
        """Whether there are messages that the clock was to hold until now; asked without the write lock."""

    def transaction(self) -> AbstractContextManager[RegisterTransaction]:
        """Begin with the write lock held; commit on leaving, roll back on an error."""
