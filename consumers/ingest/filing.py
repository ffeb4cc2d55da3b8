"""Filing a batch: from messages read to all that the store has to write.

Settling needs the set of a subject's facts, so a batch is filed stream by stream: the register says which messages are
new, each new one is added to its stream, and every stream that got one is stepped on or settled anew. When that gives
an earlier message another verdict, a VerdictChanged event says so in the same stream.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from consumers.contract import Malformed, WellFormed
from consumers.ingest.keeping import LONG_STREAM, keep, restore
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
    RegisterTransaction,
    Repeats,
    Stored,
)
from consumers.ingest.sorting import named_by, sort_into_streams
from consumers.sources.source import RawMessage
from domain.fact import Fact, FactKey
from domain.record import MessageVoided, VerdictChanged
from domain.settling import Settling
from domain.stepping import Recent, can_be_stepped_on, comes_after, step_on
from domain.subject import is_waiting_room, settle_stream, split_stream_name
from domain.verdict import Outcome, Verdict

_FEED_AND_VERDICT = attrgetter("feed_id", "verdict")
EMPTY_STREAM = Stored(version=0, kept=None)


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

    `name_letter` gives a malformed message of a feed its letter id. `recent` remembers settlings between batches.
    `rereading` says that the past is read again: then nobody is told that what was taken before came again.
    """

    def __init__(
        self,
        transaction: RegisterTransaction,
        changes: Changes,
        name_letter: Callable[[int, RawMessage], str],
        recent: Recent,
        *,
        rereading: bool = False,
    ) -> None:
        self._transaction = transaction
        self._changes = changes
        self._name_letter = name_letter
        self._recent = recent
        self._rereading = rereading
        self._receipts: list[Receipt] = []
        self._settled: list[tuple[str, int, Settling[Any]]] = []

    def file(self, read: Iterable[Read]) -> list[Receipt]:
        """Decide the whole batch into `changes`; returns a receipt for each message, in no particular order."""
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
            self._take_letters(well_formed)
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

    def _take_letters(self, well_formed: Sequence[Arrival]) -> None:
        """Messages whose very bytes were malformed before, such as one whose time was too far ahead: dead no longer.

        What came then is one and the same message as what comes now, so it counts as a repeat of it.
        """
        arrived = {
            self._name_letter(arrival.feed_id, arrival.raw): arrival
            for arrival in well_formed
            if arrival.raw is not None
        }
        for letter_id, (feed_id, repeats) in self._transaction.letters(arrived).items() if arrived else ():
            key, fact, by_feed_id, raw, _ = arrived[letter_id]
            self._changes.repeat(key, by_feed_id, 1 + repeats)
            self._changes.letters_taken.append(letter_id)
            assert raw is not None
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
        by_stream, still_waiting = sort_into_streams(new.values(), self._waiting_voids(new), known)
        arriving_in = {stream: [arrival.fact for arrival in arrivals] for stream, arrivals in by_stream.items()}
        stored = self._stored(by_stream)
        ready, earlier = self._settle_what_is_stored(arriving_in, stored)
        for stream, arrivals in by_stream.items():
            before: Sequence[Arrival] = ()
            arriving = arriving_in[stream]
            settling = ready.get(stream)
            if settling is not None:
                step_on(settling, arriving)
            else:
                before = still_waiting.get(stream, ()) if is_waiting_room(stream) else earlier.get(stream, ())
                settling = settle_stream(stream, [*(arrival.fact for arrival in before), *arriving], watched=False)
            outcomes = settling.outcomes
            version = self._add(stream, stored.get(stream, EMPTY_STREAM).version, arrivals, outcomes)
            if before or any(arrival.taken is not None for arrival in arrivals):
                version = self._note_changed_verdicts(stream, version, before, arrivals, outcomes)
            if version >= LONG_STREAM:
                self._changes.kept[stream] = Stored(version, keep(settling))
            self._settled.append((stream, version, settling))

    def _stored(self, streams: Iterable[str]) -> Mapping[str, Stored]:
        """What the store has of these streams; it is asked for those alone of which that is not remembered."""
        self._recent.seen(self._transaction.head())
        remembered: dict[str, Stored] = {}
        unknown: list[str] = []
        for stream in streams:
            version = self._recent.surely(stream)
            if version is None:
                unknown.append(stream)
            else:
                remembered[stream] = Stored(version, None)
        return {**remembered, **self._transaction.stored(unknown)}

    def _settle_what_is_stored(
        self, arriving_in: Mapping[str, Sequence[Fact]], stored: Mapping[str, Stored]
    ) -> tuple[dict[str, Settling[Any]], Mapping[str, Sequence[Arrival]]]:
        """The settlings that the arrivals can be taken on top of, and of all other streams what is in them already."""
        ready: dict[str, Settling[Any]] = {}
        unsettled: list[str] = []
        for stream, before in stored.items():
            settling = self._remembered(stream, before)
            if settling is not None and comes_after(settling, arriving_in[stream]):
                ready[stream] = settling
            elif not is_waiting_room(stream):
                unsettled.append(stream)
        facts = self._transaction.facts_of(unsettled) if unsettled else {}
        for stream, filed in facts.items():
            newest = max(fact.place for fact in filed)
            arriving = arriving_in[stream]
            if all(fact.place > newest for fact in arriving):
                settling = settle_stream(stream, filed, watched=False)
                if can_be_stepped_on(settling) and comes_after(settling, arriving):
                    ready[stream] = settling
        return ready, self._as_arrivals({stream: filed for stream, filed in facts.items() if stream not in ready})

    def remember(self, head: int) -> None:
        """The batch was stored, up to the event at `head`: remember its settlings for the next one."""
        self._recent.stored(head)
        for stream, version, settling in self._settled:
            self._recent.put(stream, version, settling)

    def _remembered(self, stream: str, stored: Stored) -> Settling[Any] | None:
        recent = self._recent.take(stream, stored.version)
        if recent is not None or stored.kept is None:
            return recent
        return restore(stream, stored.kept)

    def _waiting_voids(self, new: Iterable[MessageKey]) -> list[Arrival]:
        waiting = self._transaction.waiting_voids({key.subject for key in new})
        facts = self._transaction.facts_at((w.stream, w.version) for w in waiting.values()) if waiting else {}
        return [Arrival(key, facts[taken.stream, taken.version], taken=taken) for key, taken in waiting.items()]

    def _as_arrivals(self, facts: Mapping[str, list[Fact]]) -> dict[str, list[Arrival]]:
        """Facts that are in these streams already, each with what the register says of it."""
        keys = {
            (stream, fact.key): MessageKey(*fact.key, split_stream_name(stream)[1])
            for stream, filed in facts.items()
            for fact in filed
        }
        taken = self._transaction.registered(keys.values()) if keys else {}
        return {
            stream: [Arrival(key := keys[stream, fact.key], fact, taken=taken[key]) for fact in filed]
            for stream, filed in facts.items()
        }

    def _add(self, stream: str, version: int, arrivals: Sequence[Arrival], outcomes: Mapping[FactKey, Outcome]) -> int:
        events, messages = self._changes.events, self._changes.messages
        for arrival in arrivals:
            version += 1
            fact = arrival.fact
            outcome = outcomes[fact.source, fact.message_id]
            if arrival.taken is None:
                events.append(FiledEvent(stream, version, fact))
                messages.append(NewMessage(arrival, stream, version, outcome))
                self._answer(arrival, outcome, stream, version)
            else:
                unplaced = msgspec.structs.replace(fact, originator_id="", originator_version=0)
                events.append(FiledEvent(stream, version, unplaced))
                self._change(arrival.key, stream, version, arrival.taken, outcome)
                stays = arrival.taken.outcome
                self._tell_of_change(arrival.key, fact, arrival.taken, stream, version, stays)
        return version

    def _note_changed_verdicts(
        self,
        stream: str,
        version: int,
        before: Sequence[Arrival],
        arrivals: Sequence[Arrival],
        outcomes: Mapping[FactKey, Outcome],
    ) -> int:
        for key, fact, _, _, taken in (*before, *(arrival for arrival in arrivals if arrival.taken is not None)):
            outcome = outcomes[fact.key]
            if taken is None or outcome == taken.outcome:
                continue
            if taken.stream == stream:
                self._change(key, stream, taken.version, taken, outcome)
            if outcome.verdict is taken.outcome.verdict:
                continue
            version += 1
            because = _because_of(fact, arrivals)
            changed = VerdictChanged(
                recorded_at=self._changes.received_at,
                source=fact.source,
                message_id=fact.message_id,
                verdict_before=taken.outcome.verdict,
                verdict=outcome.verdict,
                reason=outcome.reason,
                took_effect_at=outcome.took_effect_at,
                because_of_source=because[0] if because else None,
                because_of_id=because[1] if because else None,
            )
            self._changes.events.append(FiledEvent(stream, version, changed))
            self._tell_of_change(key, fact, taken, stream, version, outcome)
        return version

    def _change(self, key: MessageKey, stream: str, version: int, taken: Registered, outcome: Outcome) -> None:
        self._changes.changed.append(ChangedMessage(key, stream, version, outcome))
        if outcome.verdict is not taken.outcome.verdict:
            self._changes.count(taken.feed_id, taken.outcome.verdict, -1)
            self._changes.count(taken.feed_id, outcome.verdict)

    def _tell_of_change(
        self, key: MessageKey, fact: Fact, taken: Registered, stream: str, version: int, outcome: Outcome
    ) -> None:
        self._changes.notices.append(
            Notice(key, fact.TYPE, None, taken.feed_id, None, stream, version, taken.outcome.verdict, outcome)
        )

    def _answer(
        self, arrival: Arrival, outcome: Outcome, stream: str | None = None, version: int | None = None
    ) -> None:
        key, fact, feed_id, raw, _ = arrival
        offset = raw.offset if raw is not None else -1
        self._receipts.append(Receipt(feed_id, offset, outcome.verdict, outcome.reason, key, fact.correlation_id))
        if outcome.verdict is not Verdict.APPLIED and not (self._rereading and stream is None):
            self._changes.notices.append(Notice(key, fact.TYPE, None, feed_id, offset, stream, version, None, outcome))


def _keys_to_look_up(arrivals: Iterable[Arrival]) -> set[MessageKey]:
    keys: set[MessageKey] = set()
    for arrival in arrivals:
        keys.add(arrival.key)
        if isinstance(arrival.fact, MessageVoided):
            keys.add(named_by(arrival.fact, arrival.key.subject))
    return keys


def _same_content(fact: Fact, original: Fact) -> bool:
    return fact.says_the_same_as(original) and fact.occurred_at == original.occurred_at


def _because_of(fact: Fact, arrivals: Sequence[Arrival]) -> FactKey | None:
    """The new message that changed an earlier one's verdict, where that can be told."""
    for arrival in arrivals:
        if isinstance(arrival.fact, MessageVoided) and arrival.fact.names == fact.key:
            return arrival.fact.key
    return arrivals[0].fact.key if len(arrivals) == 1 else None
