"""Filing a batch: from messages read to all that the store has to write.

Settling needs the set of a subject's facts, so a batch is filed stream by stream: the register says which messages are
new, each new one is added to its stream, and every stream that got one is settled with it (see
`consumers.ingest.resettling`). When that gives an earlier message another verdict, a VerdictChanged event says so in
the same stream.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

import msgspec

from consumers.contract import Malformed, WellFormed
from consumers.ingest.register import (
    Arrival,
    ChangedMessage,
    Changes,
    FiledEvent,
    MessageKey,
    NewLetter,
    NewMessage,
    Notice,
    Registered,
    RegisteredFact,
    RegisterTransaction,
    Repeats,
    Stored,
)
from consumers.ingest.resettling import resettle
from consumers.ingest.routing import Addition, named_by, sort_into_streams
from consumers.ingest.settling_cache import SettledStream, SettlingsInStore
from consumers.ingest.snapshots import LONG_STREAM, take_snapshot
from consumers.sources.source import RawMessage
from domain.fact import Fact, FactKey
from domain.record import MessageVoided, VerdictChanged
from domain.verdict import Outcome, Verdict

_FEED_AND_VERDICT = attrgetter("feed_id", "verdict")


class Read(NamedTuple):
    """One message of a batch, as it was read, and the feed that brought it."""

    feed_id: int
    raw: RawMessage
    message: WellFormed | Malformed


class Receipt(NamedTuple):
    """What became of one received message, as far as its batch can tell."""

    feed_id: int
    offset: int
    verdict: Verdict
    reason: str
    key: MessageKey | None = None
    correlation_id: str | None = None


class Filing:
    """One batch being filed within one transaction.

    `name_letter` gives a malformed message of a feed its letter id. `remembered` is what earlier batches left.
    `rereading` says that the past is read again: then nobody is told that what is registered came again.
    """

    def __init__(
        self,
        transaction: RegisterTransaction,
        changes: Changes,
        name_letter: Callable[[int, RawMessage], str],
        remembered: SettlingsInStore,
        *,
        rereading: bool = False,
    ) -> None:
        self._transaction = transaction
        self._changes = changes
        self._name_letter = name_letter
        self._remembered = remembered
        self._rereading = rereading
        self._receipts: list[Receipt] = []
        self._settled: list[SettledStream] = []

    def file(self, read: Iterable[Read]) -> list[Receipt]:
        """Decide the whole batch into `changes`; returns a receipt for each message, in no particular order."""
        # Even of a batch that brings nothing new: the head in which it ends is taken for our own.
        self._remembered.look_at(self._transaction.head())
        malformed: list[Read] = []
        well_formed: list[Arrival] = []
        for one in read:
            message = one.message
            if isinstance(message, Malformed):
                malformed.append(one)
            else:
                fact = message.fact
                key = MessageKey(fact.source, fact.message_id, message.subject)
                well_formed.append(Arrival(key, fact, one.feed_id, one.raw))
        self._file_letters(malformed)
        if self._transaction.has_letters():
            self._register_letters(well_formed)
        known = self._transaction.registered(_keys_to_look_up(well_formed)) if well_formed else {}
        new = self._set_repeats_apart(well_formed, known)
        self._file_new(new, known)
        for (feed_id, verdict), count in Counter(map(_FEED_AND_VERDICT, self._receipts)).items():
            self._changes.count(feed_id, verdict, count)
        return self._receipts

    def _file_letters(self, malformed: Sequence[Read]) -> None:
        ids = [self._name_letter(one.feed_id, one.raw) for one in malformed]
        kept_before = set(self._transaction.letters(ids)) if ids else set()
        for letter_id, (feed_id, raw, message) in zip(ids, malformed, strict=True):
            assert isinstance(message, Malformed)
            if letter_id in kept_before:
                before = self._changes.letter_repeats.get(letter_id, Repeats(0, 0, feed_id))
                self._changes.letter_repeats[letter_id] = Repeats(before.times + 1, 0, feed_id)
                reason = f"the same bytes came before; malformed: {message.reason}"
                self._receipts.append(Receipt(feed_id, raw.offset, Verdict.DUPLICATE, reason))
                if not self._rereading:
                    self._tell_of_letter(letter_id, feed_id, raw, Outcome(Verdict.DUPLICATE, reason))
            else:
                kept_before.add(letter_id)
                self._changes.letters.append(NewLetter(letter_id, message.reason, feed_id, raw))
                self._receipts.append(Receipt(feed_id, raw.offset, Verdict.MALFORMED, message.reason))
                self._tell_of_letter(letter_id, feed_id, raw, Outcome(Verdict.MALFORMED, message.reason))

    def _tell_of_letter(self, letter_id: str, feed_id: int, raw: RawMessage, outcome: Outcome) -> None:
        self._changes.notices.append(Notice(None, None, letter_id, feed_id, raw.offset, None, None, None, outcome))

    def _register_letters(self, well_formed: Sequence[Arrival]) -> None:
        """Messages whose very bytes were malformed before, such as one whose time was too far ahead: dead no longer.

        What came then is one and the same message as what comes now, so it counts as a repeat of it.
        """
        arrived = {self._name_letter(arrival.feed_id, arrival.raw): arrival for arrival in well_formed}
        for letter_id, (feed_id, repeats) in self._transaction.letters(arrived).items() if arrived else ():
            key, fact, by_feed_id, raw = arrived[letter_id]
            self._changes.repeat(key, by_feed_id, 1 + repeats)
            self._changes.letters_registered.append(letter_id)
            outcome = Outcome(Verdict.DUPLICATE, "the same bytes came again, and fit the contract by then")
            self._changes.notices.append(
                Notice(key, fact.TYPE, letter_id, by_feed_id, raw.offset, None, None, Verdict.MALFORMED, outcome)
            )
            self._changes.count(feed_id, Verdict.MALFORMED, -1)
            self._changes.count(feed_id, Verdict.DUPLICATE)

    def _set_repeats_apart(
        self, arrivals: Sequence[Arrival], known: Mapping[MessageKey, Registered]
    ) -> dict[MessageKey, Arrival]:
        new = {} if known else {arrival.key: arrival for arrival in arrivals}
        if len(new) == len(arrivals):
            return new
        new = {}
        repeated: list[Arrival] = []
        for arrival in arrivals:
            if arrival.key in known or arrival.key in new:
                repeated.append(arrival)
            else:
                new[arrival.key] = arrival
        places = {a.key: (known[a.key].stream, known[a.key].version) for a in repeated if a.key in known}
        originals = self._transaction.facts_at(places.values()) if places else {}
        for arrival in repeated:
            original = originals[places[arrival.key]] if arrival.key in places else new[arrival.key].fact
            differs = not _same_content(arrival.fact, original)
            self._changes.repeat(arrival.key, arrival.feed_id, differing=int(differs))
            reason = "taken before, with other content; the first to come was kept" if differs else "taken before"
            self._answer(arrival, Outcome(Verdict.DUPLICATE, reason))
        return new

    def _file_new(self, new: Mapping[MessageKey, Arrival], known: Mapping[MessageKey, Registered]) -> None:
        if not new:
            return
        additions, still_waiting = sort_into_streams(new.values(), self._waiting_voids(new), known)
        added = {stream: [addition.fact for addition in to_add] for stream, to_add in additions.items()}
        resettled = resettle(self._transaction, self._remembered, added, still_waiting)
        for stream, to_add in additions.items():
            version, settling, reconsidered = resettled[stream]
            outcomes = settling.outcomes
            version = self._add(stream, version, to_add, outcomes)
            moved = [addition for addition in to_add if isinstance(addition, RegisteredFact)]
            if reconsidered or moved:
                version = self._note_changed_verdicts(stream, version, [*reconsidered, *moved], to_add, outcomes)
            if version >= LONG_STREAM:
                self._changes.kept[stream] = Stored(version, take_snapshot(settling))
            self._settled.append(SettledStream(stream, version, settling))

    def remember(self, head: int) -> None:
        """The batch was stored, up to the event at `head`: remember its settlings for the next one."""
        self._remembered.put_back(self._settled, head)

    def _waiting_voids(self, new: Iterable[MessageKey]) -> list[RegisteredFact]:
        waiting = self._transaction.waiting_voids({key.subject for key in new})
        facts = self._transaction.facts_at((w.stream, w.version) for w in waiting.values()) if waiting else {}
        return [
            RegisteredFact(key, facts[registered.stream, registered.version], registered)
            for key, registered in waiting.items()
        ]

    def _add(
        self, stream: str, version: int, additions: Sequence[Addition], outcomes: Mapping[FactKey, Outcome]
    ) -> int:
        events, messages = self._changes.events, self._changes.messages
        for addition in additions:
            version += 1
            fact = addition.fact
            outcome = outcomes[fact.source, fact.message_id]
            if isinstance(addition, Arrival):
                events.append(FiledEvent(stream, version, fact))
                messages.append(NewMessage(addition, stream, version, outcome))
                self._answer(addition, outcome, stream, version)
            else:
                key, _, registered = addition
                unplaced = msgspec.structs.replace(fact, originator_id="", originator_version=0)
                events.append(FiledEvent(stream, version, unplaced))
                self._change(key, stream, version, registered, outcome)
                self._tell_of_change(key, fact, registered, stream, version, registered.outcome)
        return version

    def _note_changed_verdicts(
        self,
        stream: str,
        version: int,
        reconsidered: Iterable[RegisteredFact],
        additions: Sequence[Addition],
        outcomes: Mapping[FactKey, Outcome],
    ) -> int:
        for key, fact, registered in reconsidered:
            outcome = outcomes[fact.key]
            if outcome == registered.outcome:
                continue
            if registered.stream == stream:
                self._change(key, stream, registered.version, registered, outcome)
            if outcome.verdict is registered.outcome.verdict:
                continue
            version += 1
            because = _because_of(fact, additions, outcomes)
            changed = VerdictChanged(
                recorded_at=self._changes.received_at,
                source=fact.source,
                message_id=fact.message_id,
                verdict_before=registered.outcome.verdict,
                verdict=outcome.verdict,
                reason=outcome.reason,
                took_effect_at=outcome.took_effect_at,
                because_of_source=because[0] if because else None,
                because_of_id=because[1] if because else None,
            )
            self._changes.events.append(FiledEvent(stream, version, changed))
            self._tell_of_change(key, fact, registered, stream, version, outcome)
        return version

    def _change(self, key: MessageKey, stream: str, version: int, registered: Registered, outcome: Outcome) -> None:
        self._changes.changed.append(ChangedMessage(key, stream, version, outcome))
        if outcome.verdict is not registered.outcome.verdict:
            self._changes.count(registered.feed_id, registered.outcome.verdict, -1)
            self._changes.count(registered.feed_id, outcome.verdict)

    def _tell_of_change(
        self, key: MessageKey, fact: Fact, registered: Registered, stream: str, version: int, outcome: Outcome
    ) -> None:
        before = registered.outcome.verdict
        self._changes.notices.append(
            Notice(key, fact.TYPE, None, registered.feed_id, None, stream, version, before, outcome)
        )

    def _answer(
        self, arrival: Arrival, outcome: Outcome, stream: str | None = None, version: int | None = None
    ) -> None:
        key, fact, feed_id, raw = arrival
        receipt = Receipt(feed_id, raw.offset, outcome.verdict, outcome.reason, key, fact.correlation_id)
        self._receipts.append(receipt)
        if outcome.verdict is not Verdict.APPLIED and not (self._rereading and stream is None):
            self._changes.notices.append(
                Notice(key, fact.TYPE, None, feed_id, raw.offset, stream, version, None, outcome)
            )


def _keys_to_look_up(arrivals: Iterable[Arrival]) -> set[MessageKey]:
    keys: set[MessageKey] = set()
    for arrival in arrivals:
        keys.add(arrival.key)
        if isinstance(arrival.fact, MessageVoided):
            keys.add(named_by(arrival.fact, arrival.key.subject))
    return keys


def _same_content(fact: Fact, original: Fact) -> bool:
    return fact.says_the_same_as(original) and fact.occurred_at == original.occurred_at


def _because_of(fact: Fact, additions: Sequence[Addition], outcomes: Mapping[FactKey, Outcome]) -> FactKey | None:
    """The added fact that changed an earlier one's verdict; None where it cannot be told which of several it was."""
    for added in additions:
        if (
            isinstance(added.fact, MessageVoided)
            and added.fact.names == fact.key
            and outcomes[added.fact.key].verdict is Verdict.APPLIED
        ):
            return added.fact.key
    return additions[0].fact.key if len(additions) == 1 else None
