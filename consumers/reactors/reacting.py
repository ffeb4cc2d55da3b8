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
from consumers.reactors.reactor import DerivedMessage, Reaction, Reactor, feed_of
from consumers.sources.source import FeedPosition, RawMessage
from domain.fact import Fact
from domain.streams import split_stream_name, stream_name
from domain.verdict import Verdict


class Standing(NamedTuple):
    """What is known of a derived message that stands.

    `digest` identifies what it says: the first 32 hexadecimal digits of the SHA-256 of the whole message. It is empty
    for a message that was withdrawn and is remembered. `cause` and `since` are those of DerivedMessage.
    """

    digest: str
    cause: str | None
    since: datetime | None

    @property
    def stands(self) -> bool:
        return self.digest != ""


class Derived(NamedTuple):
    """A derived message that was stored or withdrawn, and its verdict (None: withdrawn)."""

    reactor: str
    key: MessageKey
    fact: Fact | None
    verdict: Verdict | None


@dataclass(frozen=True)
class Reacted:
    """The result of one batch of reactions.

    `stood` and `standing` have for each key what stood before and what stands now. `wakes` has when to react again to
    those keys that asked for it.
    """

    keys: Sequence[str]
    derived: Sequence[Derived]
    stood: Mapping[str, Mapping[MessageKey, Standing]]
    standing: Mapping[str, Mapping[MessageKey, Standing]]
    wakes: Mapping[str, datetime]


class ReactionTransaction(RegisterTransaction, Protocol):
    """The register's transaction, with what stands of derived messages."""

    def feed(self, topic: str, now: datetime) -> Feed:
        """The feed of this name; it is opened if there is none."""

    def standing(self, reactor: str, keys: Sequence[str]) -> Mapping[str, Mapping[MessageKey, Standing]]:
        """What stands of a reactor's messages, or is remembered, by key."""


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
        return Reacted(keys, derived, found.stood, found.standing, found.wakes)

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
            Arrival(key, fact, feed_id, RawMessage(start.next_offset + number, body))
            for number, (key, (fact, body)) in enumerate(added.items())
        ]
        end = FeedPosition(start.next_offset + len(arrivals))
        changes = Changes(now, [Move(feed_id, start, end)])
        batch = BatchProcessor(transaction, changes, lambda *_: "", self._cache)
        receipts = {receipt.key: receipt.verdict for receipt in batch.process(Read(arrivals, ()), withdrawn)}
        batch.cache_settlings(transaction.save(changes))
        return [
            *(Derived(reactor.name, key, None, None) for key in sorted(withdrawn) if key not in added),
            *(Derived(reactor.name, key, fact, receipts[key]) for key, (fact, _) in added.items()),
        ]


class Difference(NamedTuple):
    """What follows for some keys, beside what stood before.

    `added` has the messages to store, with their bytes, and `withdrawn` those whose reason is gone or that now say
    something else.
    """

    stood: Mapping[str, Mapping[MessageKey, Standing]]
    standing: Mapping[str, Mapping[MessageKey, Standing]]
    added: Mapping[MessageKey, tuple[Fact, bytes]]
    withdrawn: Sequence[MessageKey]
    wakes: Mapping[str, datetime]


def difference(transaction: ReactionTransaction, reactor: Reactor, keys: Sequence[str], now: datetime) -> Difference:
    """React to these keys, and compare with what stands; this only reads."""
    before = transaction.standing(reactor.name, keys)
    reactions = _reactions(transaction, reactor, keys, now, before)
    standing: dict[str, dict[MessageKey, Standing]] = {}
    added: dict[MessageKey, tuple[Fact, bytes]] = {}
    withdrawn: list[MessageKey] = []
    for key, reaction in reactions.items():
        stood = before.get(key, {})
        stands = standing[key] = {}
        for message in reaction.messages:
            name, body = _key_of(message), _body_of(message)
            stands[name] = Standing(hashlib.sha256(body).hexdigest()[:32], message.cause, message.since)
            if stood.get(name) != stands[name]:
                added[name] = message.fact, body
        withdrawn += (name for name, one in stood.items() if one.stands and stands.get(name) != one)
        if reactor.remembers:
            stands |= {name: one._replace(digest="") for name, one in stood.items() if name not in stands}
    added |= _new_lasting(transaction, reactions.values())
    return Difference(before, standing, added, withdrawn, _wakes(reactions))


def _reactions(
    transaction: ReactionTransaction,
    reactor: Reactor,
    keys: Sequence[str],
    now: datetime,
    before: Mapping[str, Mapping[MessageKey, Standing]],
) -> Mapping[str, Reaction]:
    """The reaction to each key; two queries read all facts that they need."""
    own = transaction.facts_of([stream_name(reactor.kind, key) for key in keys])
    facts = {key: own.get(stream_name(reactor.kind, key), []) for key in keys}
    references = {key: references_among(reactor, told) for key, told in facts.items()}
    streams = {stream_name(reactor.referred_kind, subject) for named in references.values() for subject in named}
    referred = {split_stream_name(s)[1]: told for s, told in transaction.facts_of(sorted(streams)).items()}
    return {
        key: reactor.react(
            key,
            facts[key],
            {name: referred[name] for name in references[key] if name in referred},
            now,
            {name.message_id: one.since for name, one in before.get(key, {}).items()},
        )
        for key in keys
    }


def references_among(reactor: Reactor, facts: Iterable[Fact]) -> list[str]:
    """The subjects that these facts refer to, in order, each once."""
    return list(
        dict.fromkeys(name for fact in facts if isinstance(fact, reactor.naming) for name in reactor.references(fact))
    )


def _new_lasting(
    transaction: ReactionTransaction, reactions: Iterable[Reaction]
) -> dict[MessageKey, tuple[Fact, bytes]]:
    lasting = {_key_of(message): message for reaction in reactions for message in reaction.lasting}
    known = transaction.registered(lasting) if lasting else {}
    return {key: (message.fact, _body_of(message)) for key, message in lasting.items() if key not in known}


def _wakes(reactions: Mapping[str, Reaction]) -> Mapping[str, datetime]:
    return {key: reaction.wake_at for key, reaction in reactions.items() if reaction.wake_at is not None}


def _key_of(message: DerivedMessage) -> MessageKey:
    return MessageKey(*message.fact.key, message.subject)


def _body_of(message: DerivedMessage) -> bytes:
    """The message as an upstream would send it, with the instant of recording."""
    return msgspec.json.encode(to_cloud_event(message.fact, message.subject))
