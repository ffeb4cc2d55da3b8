"""The register (inbox): the interface between the ingest pipeline and the store.

The register has every received message, by source, id and subject, with its latest verdict. Events, verdicts, malformed
messages, books and the feeds' checkpoints are written in one transaction.

Objects that are made for every message (Arrival, NewEvent, NewMessage, Receipt) are structs: a named tuple takes five
times as long to make.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

from consumers.sources.source import FeedPosition, RawMessage
from domain.derived import MessageWithdrawn
from domain.events import VerdictChanged
from domain.fact import Fact, FactKey, StreamEvent
from domain.pruning import StreamPruned
from domain.verdict import Outcome, Verdict


class MessageKey(NamedTuple):
    """The key of a well-formed message."""

    source: str
    message_id: str
    subject: str


class Registered(NamedTuple):
    """A registered message: its feed, its event, and its latest verdict."""

    feed_id: int
    stream: str
    version: int
    outcome: Outcome


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """A well-formed message from a feed. `ignored` has the paths of its ignored fields."""

    key: MessageKey
    fact: Fact
    feed_id: int
    raw: RawMessage
    ignored: Sequence[str] = ()


class RegisteredFact(NamedTuple):
    """The fact of a registered message."""

    key: MessageKey
    fact: Fact
    registered: Registered


class StoredStream(NamedTuple):
    """The version of a stream's newest event, and the snapshot of its settling; None if there is none."""

    version: int
    snapshot: bytes | None


class PrunedStream(NamedTuple):
    """A stream whose events are in an archive: the event that says so, and the facts that came after it."""

    event: StreamPruned
    later: list[Fact]


class FiledFacts(NamedTuple):
    """The facts of streams in the order of their versions, by stream; those that are pruned cannot be settled."""

    whole: Mapping[str, list[Fact]]
    pruned: Mapping[str, PrunedStream]


class NewEvent(msgspec.Struct, frozen=True, gc=False):
    """An event with its stream and version, which the event itself does not have yet."""

    stream: str
    version: int
    event: StreamEvent


class NewMessage(msgspec.Struct, frozen=True, gc=False):
    """A message to register, the stream and version of its event, and its outcome."""

    arrival: Arrival
    stream: str
    version: int
    outcome: Outcome


class ChangedMessage(NamedTuple):
    """A registered message with a new outcome, or with a new stream and version."""

    key: MessageKey
    stream: str
    version: int
    outcome: Outcome


class IgnoredFields(NamedTuple):
    """The ignored fields of a message by path, such as "discount_code" or "lines[0].color"."""

    source: str
    message_id: str
    subject: str
    type: str
    feed_id: int
    names: Sequence[str]


class MalformedMessage(NamedTuple):
    """A malformed message from a feed.

    `letter_id` is its topic, partition and offset, or the SHA-256 of its bytes.
    """

    letter_id: str
    reason: str
    feed_id: int
    raw: RawMessage


class KnownMalformed(NamedTuple):
    """A stored malformed message: its feed, and how often it came again."""

    feed_id: int
    repeats: int


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """The outcome of one received message at the end of its batch."""

    feed_id: int
    offset: int
    verdict: Verdict
    reason: str
    key: MessageKey | None = None
    correlation_id: str | None = None


class Notice(NamedTuple):
    """An outbox entry about a message: its first verdict unless applied, or (with `before`) a changed verdict.

    `key` and `type` are None for a malformed message, which has a `letter_id`. `offset` is None if it is the registered
    message's. `stream` and `version` are those of the event behind it: the fact, or the VerdictChanged of a change;
    None for a repeat. A void that leaves its waiting room gets a notice with its new stream, without a change. One that
    is voided while it is refused gets a notice without a stream, because it stays refused. Where a message supersedes a
    malformed one, `before` is malformed, and `letter_id` is that of the malformed one.
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
    """How often a message came again, how often with other content, and the feed of the last repeat."""

    times: int
    differing: int
    last_feed_id: int


class Move(NamedTuple):
    """A feed's checkpoint before and after a batch."""

    feed_id: int
    start: FeedPosition
    end: FeedPosition


@dataclass
class Changes:
    """Everything that one batch writes, for one feed or several.

    `malformed_released` has letter ids of formerly malformed messages that fit the contract now. `malformed_reasons`
    has new reasons by letter id. `received_before` and `discarded_before` have the instants of new messages that were
    received or discarded before `received_at`. `snapshots` has snapshots of long streams. `clock_holds` says until when
    the clock holds messages, and `clock_holds_ended` names those whose hold ends. `withdrawn` names derived messages
    whose reason is gone: they are registered no more. `tallies` has for each feed the change of each verdict's count.
    `notices` are in the order in which the relay sends them.
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
    withdrawn: list[MessageKey] = field(default_factory=list)
    ignored: list[IgnoredFields] = field(default_factory=list)
    tallies: dict[int, dict[Verdict, int]] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    def count(self, feed_id: int, verdict: Verdict, by: int = 1) -> None:
        tally = self.tallies.setdefault(feed_id, {})
        tally[verdict] = tally.get(verdict, 0) + by

    def withdraw(self, key: MessageKey, stream: str, version: int, registered: Registered) -> None:
        """A derived message counts no more: an event at this version of its stream, and no entry in the books."""
        event = MessageWithdrawn(recorded_at=self.received_at, source=key.source, message_id=key.message_id)
        self.events.append(NewEvent(stream, version, event))
        self.withdrawn.append(key)
        self.count(registered.feed_id, registered.outcome.verdict, -1)

    def change_outcome(
        self, key: MessageKey, stream: str, version: int, registered: Registered, outcome: Outcome
    ) -> None:
        """An earlier message has another outcome, and stands at this place from now on."""
        before = registered.outcome.verdict
        self.changed.append(ChangedMessage(key, stream, version, outcome))
        if outcome.verdict is not before:
            self.count(registered.feed_id, before, -1)
            self.count(registered.feed_id, outcome.verdict)

    def change_verdict(
        self, stream: str, version: int, message: RegisteredFact, outcome: Outcome, because: FactKey | None = None
    ) -> None:
        """Tell of an earlier message's other verdict: an event at this version of the stream, and a notice."""
        _, fact, registered = message
        event = VerdictChanged(
            recorded_at=self.received_at,
            source=fact.source,
            message_id=fact.message_id,
            verdict_before=registered.outcome.verdict,
            verdict=outcome.verdict,
            reason=outcome.reason,
            took_effect_at=outcome.took_effect_at,
            because_of_source=because[0] if because else None,
            because_of_id=because[1] if because else None,
        )
        self.events.append(NewEvent(stream, version, event))
        self.notice_change(message, stream, version, outcome)

    def notice_change(self, message: RegisteredFact, stream: str | None, version: int | None, outcome: Outcome) -> None:
        key, fact, registered = message
        before = registered.outcome.verdict
        self.notices.append(Notice(key, fact.TYPE, None, registered.feed_id, None, stream, version, before, outcome))

    def repeat(self, key: MessageKey, feed_id: int, times: int = 1, differing: int = 0) -> None:
        before = self.repeats.get(key, Repeats(0, 0, feed_id))
        self.repeats[key] = Repeats(before.times + times, before.differing + differing, feed_id)


class Feed(NamedTuple):
    """A feed in the store: one partition of a topic, or one reading of a file."""

    feed_id: int
    position: FeedPosition


class PartitionFeed(NamedTuple):
    """The feed of a topic's partition, and whether it is the first one: a topic can be deleted and created again."""

    feed: Feed
    is_first: bool
    made_anew: bool = False
    """Whether it was just opened because the topic has a new id."""


class RegisterTransaction(Protocol):
    """The reads and the single write of a batch, in one transaction that holds the write lock from its start."""

    def registered(self, keys: Iterable[MessageKey]) -> Mapping[MessageKey, Registered]:
        """Those of these messages that are registered."""

    def has_malformed(self) -> bool:
        """Whether the store has any malformed message."""

    def malformed(self, letter_ids: Iterable[str]) -> Mapping[str, KnownMalformed]:
        """Those of these malformed messages that are stored."""

    def malformed_claiming(self, keys: Iterable[MessageKey]) -> Sequence[tuple[str, MessageKey]]:
        """The letter ids of the stored malformed messages that claim to be one of these, with the message."""

    def waiting_voids(self, subjects: Iterable[str]) -> Mapping[MessageKey, Registered]:
        """The voids about these subjects that wait for the message that they name."""

    def head(self) -> int:
        """The position of the newest event, 0 in an empty store."""

    def stored(self, streams: Iterable[str]) -> Mapping[str, StoredStream]:
        """Those of these streams that exist."""

    def facts_of(self, streams: Iterable[str]) -> FiledFacts:
        """All facts of these streams that have events."""

    def facts_at(self, places: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], Fact]:
        """The facts at these (stream, version); those of pruned streams are missing."""

    def due(self, now: datetime, most: int) -> Sequence[MessageKey]:
        """Messages whose clock hold ends by now, the earliest first, at most `limit`."""

    def save(self, changes: Changes) -> int:
        """Write everything; returns the position of the newest event.

        Raises domain.checkpoint.CheckpointMovedError if another process has continued the feed; then nothing is
        written.
        """


class Register(Protocol):
    """The store, as ingest uses it."""

    def feed_to_resume(self, topic: str, partition: int) -> Feed | None:
        """The unfinished feed of this name."""

    def open_feed(self, topic: str, partition: int, opened_at: datetime) -> Feed:
        """A new feed at its beginning."""

    def have_moved(self, moves: Sequence[Move]) -> bool:
        """Whether all these feeds are already where the moves lead."""

    def partition_feed(self, topic: str, partition: int, topic_id: str | None, now: datetime) -> PartitionFeed:
        """The unfinished feed of a topic's partition. If several processes ask at once, one opens it.

        If the topic's id differs from the feed's, the topic was created again: that feed ends, and a new one begins.
        """

    def is_first_topic(self, topic: str, partition: int, topic_id: str | None) -> bool:
        """Whether no earlier topic with this name is known."""

    def finish_feed(self, feed_id: int, finished_at: datetime) -> None:
        """Mark the feed as finished; reading its source again begins a new feed."""

    def tally(self, feed_id: int) -> Mapping[Verdict, int]:
        """The number of messages of the feed by present verdict."""

    def has_due(self, now: datetime) -> bool:
        """Whether any clock hold ends by now; this takes no write lock."""

    def transaction(self) -> AbstractContextManager[RegisterTransaction]:
        """Begin with the write lock; commit at the end, roll back on an error."""
