"""Reacting: calls a reactor for some keys, and turns the difference to what stands into one batch of ingest.

Everything happens in one transaction under the store's write lock: which messages stand is read in it, and what is new
or withdrawn is written in it. So each message is stored exactly once, whichever process reacts and whenever it is
killed.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

from consumers.contract.writing import to_cloud_event
from consumers.ingest.batch_processing import BatchProcessor, Read
from consumers.ingest.register import Arrival, Changes, Feed, MessageKey, Move, RegisterTransaction
from consumers.ingest.settling_cache import IngestSettlingCache
from consumers.reactors.reactor import DerivedMessage, Reaction, Reactor, feed_of, references_among
from consumers.sources.source import FeedPosition, RawMessage
from domain.fact import Fact
from domain.streams import split_stream_name, stream_name
from domain.verdict import Verdict


class KeptMessage(NamedTuple):
    """What the store keeps of a derived message.

    `digest` identifies what it says: the first 32 hexadecimal digits of the SHA-256 of the whole message. It is None
    for a message that was withdrawn and is remembered. `cause` and `since` are those of DerivedMessage.
    """

    digest: str | None
    cause: str | None
    since: datetime | None

    @property
    def stands(self) -> bool:
        return self.digest is not None


Kept = Mapping[str, Mapping[MessageKey, KeptMessage]]
"""What is kept of a reactor's messages, by the key to which it reacted."""


class Derived(NamedTuple):
    """A derived message that was stored or withdrawn, and its verdict (None: withdrawn)."""

    reactor: str
    message_key: MessageKey
    fact: Fact | None
    verdict: Verdict | None


@dataclass(frozen=True)
class Reacted:
    """The result of one batch of reactions.

    `kept_before` and `kept` have for each key what was kept before and what is to be kept now. `wakes` has when to
    react again to those keys that asked for it.
    """

    keys: Sequence[str]
    derived: Sequence[Derived]
    kept_before: Kept
    kept: Kept
    wakes: Mapping[str, datetime]


class ReactionTransaction(RegisterTransaction, Protocol):
    """The register's transaction, with what the store keeps of derived messages."""

    def feed(self, topic: str, now: datetime) -> Feed:
        """The feed of this name; it is opened if there is none."""

    def kept(self, reactor: str, keys: Sequence[str]) -> Kept:
        """The reactor's messages to these keys that stand, or are remembered."""


class Reacting:
    """Reacts with one process's cache of settlings."""

    def __init__(self) -> None:
        self._cache = IngestSettlingCache()

    def react(self, transaction: ReactionTransaction, reactor: Reactor, keys: Sequence[str], now: datetime) -> Reacted:
        """Store what follows for these keys, and withdraw what no longer does."""
        found = difference(transaction, reactor, keys, now)
        derived: Sequence[Derived] = ()
        if found.added or found.withdrawn:
            derived = self._store(transaction, reactor, found.added, found.withdrawn, now)
        return Reacted(keys, derived, found.kept_before, found.kept, found.wakes)

    def _store(
        self,
        transaction: ReactionTransaction,
        reactor: Reactor,
        added: Mapping[MessageKey, tuple[Fact, bytes]],
        withdrawn: Sequence[MessageKey],
        now: datetime,
    ) -> Sequence[Derived]:
        feed_id, start = transaction.feed(feed_of(reactor), now)
        arrivals = [
            Arrival(message_key, fact, feed_id, RawMessage(start.next_offset + number, body))
            for number, (message_key, (fact, body)) in enumerate(added.items())
        ]
        end = FeedPosition(start.next_offset + len(arrivals))
        changes = Changes(now, [Move(feed_id, start, end)])
        batch = BatchProcessor(transaction, changes, lambda *_: "", self._cache)
        receipts = {receipt.key: receipt.verdict for receipt in batch.process(Read(arrivals, ()), withdrawn)}
        batch.cache_settlings(transaction.save(changes))
        return [
            *(Derived(reactor.name, gone, None, None) for gone in sorted(withdrawn) if gone not in added),
            *(Derived(reactor.name, new, fact, receipts[new]) for new, (fact, _) in added.items()),
        ]


class ReactionFailedError(Exception):
    """Reacting to a key raised; the message names the reactor, the key and the reason."""

    def __init__(self, reactor: str, key: str, error: Exception):
        super().__init__(f"{reactor} cannot react to {key}: {type(error).__name__}: {error}")
        self.key = key


class Difference(NamedTuple):
    """What follows for some keys, beside what was kept before.

    `added` has the messages to store, with their bytes, and `withdrawn` those whose reason is gone or that now say
    something else.
    """

    kept_before: Kept
    kept: Kept
    added: Mapping[MessageKey, tuple[Fact, bytes]]
    withdrawn: Sequence[MessageKey]
    wakes: Mapping[str, datetime]


def difference(transaction: ReactionTransaction, reactor: Reactor, keys: Sequence[str], now: datetime) -> Difference:
    """React to these keys, and compare with what stands; this only reads. Raises ReactionFailedError."""
    kept_before = transaction.kept(reactor.name, keys)
    reactions = _reactions(transaction, reactor, keys, now, kept_before)
    # What was stated to a pruned subject stays as it is; its key is reacted to when its events are brought back.
    kept = {key: dict(kept_before.get(key, {})) for key in keys if key not in reactions}
    added: dict[MessageKey, tuple[Fact, bytes]] = {}
    withdrawn: list[MessageKey] = []
    for key, reaction in reactions.items():
        before = kept_before.get(key, {})
        after = kept[key] = {}
        for message in reaction.messages:
            message_key, body = _key_of(message), _body_of(message)
            after[message_key] = KeptMessage(hashlib.sha256(body).hexdigest()[:32], message.cause, message.since)
            if before.get(message_key) != after[message_key]:
                added[message_key] = message.fact, body
        withdrawn += (
            message_key for message_key, one in before.items() if one.stands and after.get(message_key) != one
        )
        if reactor.remembers:
            gone = before.keys() - after.keys()
            after |= {message_key: before[message_key]._replace(digest=None) for message_key in sorted(gone)}
    added |= _new_lasting(transaction, reactions.values())
    return Difference(kept_before, kept, added, withdrawn, _wakes(reactions))


def _reactions(
    transaction: ReactionTransaction,
    reactor: Reactor,
    keys: Sequence[str],
    now: datetime,
    kept_before: Kept,
) -> Mapping[str, Reaction]:
    """The reaction to each key that is not pruned; two queries read all facts that they need."""
    own = transaction.facts_of([stream_name(reactor.kind, key) for key in keys])
    keys = [key for key in keys if stream_name(reactor.kind, key) not in own.pruned]
    facts = {key: own.whole.get(stream_name(reactor.kind, key), []) for key in keys}
    references = {key: references_among(reactor, told) for key, told in facts.items()}
    streams = {stream_name(reactor.referred_kind, subject) for named in references.values() for subject in named}
    referred = {split_stream_name(s)[1]: told for s, told in transaction.facts_of(sorted(streams)).whole.items()}
    reactions: dict[str, Reaction] = {}
    for key in keys:
        told = {name: referred[name] for name in references[key] if name in referred}
        since = {message_key.message_id: one.since for message_key, one in kept_before.get(key, {}).items()}
        # Any error of a reactor concerns this key and is reported as such.
        try:
            reactions[key] = reactor.react(key, facts[key], told, now, since)
        except Exception as e:
            raise ReactionFailedError(reactor.name, key, e) from e
    return reactions


def _new_lasting(
    transaction: ReactionTransaction, reactions: Iterable[Reaction]
) -> dict[MessageKey, tuple[Fact, bytes]]:
    lasting = {_key_of(message): message for reaction in reactions for message in reaction.lasting}
    known = transaction.registered(lasting) if lasting else {}
    return {
        message_key: (message.fact, _body_of(message))
        for message_key, message in lasting.items()
        if message_key not in known
    }


def _wakes(reactions: Mapping[str, Reaction]) -> Mapping[str, datetime]:
    return {key: reaction.wake_at for key, reaction in reactions.items() if reaction.wake_at is not None}


def _key_of(message: DerivedMessage) -> MessageKey:
    return MessageKey(*message.fact.key, message.subject)


def _body_of(message: DerivedMessage) -> bytes:
    """The message as an upstream would send it, with the instant of recording."""
    return msgspec.json.encode(to_cloud_event(message.fact, message.subject))
