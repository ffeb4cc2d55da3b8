"""Filing a batch: from messages read to all that the store has to write.

Settling needs the set of a subject's facts, so a batch is filed stream by stream: the register says which messages are
new, each new one is added to its stream, and every stream that got one is stepped on or settled anew. When that gives
an earlier message another verdict, a VerdictChanged event says so in the same stream.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from consumers.contract import Malformed, WellFormed
from consumers.ingest.arrival import Arrival, named_by, sort_into_streams
from consumers.ingest.register import (
    ChangedMessage,
    Changes,
    MessageKey,
    NewLetter,
    NewMessage,
    Registered,
    RegisterTransaction,
    Repeats,
    Stored,
)
from consumers.ingest.stepping import (
    LONG_STREAM,
    Recent,
    can_be_stepped_on,
    comes_after,
    keep,
    restore,
    settle_anew,
    step_on,
)
from consumers.sources.source import RawMessage
from domain.fact import Fact, FactKey
from domain.record import MessageVoided, VerdictChanged
from domain.settling import Settling
from domain.subject import is_waiting_room, split_stream_name
from domain.verdict import Outcome, Verdict

EMPTY_STREAM = Stored(version=0, kept=None)


class Receipt(NamedTuple):
    """What became of one received message, as far as its batch can tell."""

    offset: int
    verdict: Verdict
    reason: str
    key: MessageKey | None = None
    correlation_id: str | None = None


class Filing:
    """One batch being filed within one transaction. `name_letter` gives a malformed message its letter id."""

    def __init__(
        self,
        transaction: RegisterTransaction,
        changes: Changes,
        name_letter: Callable[[RawMessage], str],
        recent: Recent,
    ) -> None:
        self._transaction = transaction
        self._changes = changes
        self._name_letter = name_letter
        self._recent = recent
        self._receipts: list[Receipt] = []
        self._settled: list[tuple[str, int, Settling[Any]]] = []

    def file(self, read: Iterable[tuple[RawMessage, WellFormed | Malformed]]) -> list[Receipt]:
        """Decide the whole batch into `changes`; the receipts come in the order of the messages."""
        malformed: list[tuple[RawMessage, Malformed]] = []
        well_formed: list[Arrival] = []
        for raw, message in read:
            if isinstance(message, Malformed):
                malformed.append((raw, message))
            else:
                fact = message.fact
                well_formed.append(Arrival(MessageKey(fact.source, fact.message_id, message.subject), fact, raw))
        self._file_letters(malformed)
        self._take_letters(well_formed)
        known = self._transaction.registered(_keys_to_look_up(well_formed)) if well_formed else {}
        new = self._set_repeats_apart(well_formed, known)
        self._file_new(new, known)
        return sorted(self._receipts, key=lambda receipt: receipt.offset)

    def _file_letters(self, malformed: Sequence[tuple[RawMessage, Malformed]]) -> None:
        ids = [self._name_letter(raw) for raw, _ in malformed]
        kept_before = set(self._transaction.letters(ids)) if ids else set()
        for letter_id, (raw, message) in zip(ids, malformed, strict=True):
            if letter_id in kept_before:
                repeats = self._changes.letter_repeats
                repeats[letter_id] = repeats.get(letter_id, 0) + 1
                self._answer(raw, Verdict.DUPLICATE, f"the same bytes came before; malformed: {message.reason}")
            else:
                kept_before.add(letter_id)
                self._changes.letters.append(NewLetter(letter_id, message.reason, raw.offset, raw.body, raw.headers))
                self._answer(raw, Verdict.MALFORMED, message.reason)

    def _take_letters(self, well_formed: Sequence[Arrival]) -> None:
        """Messages whose very bytes were malformed before, such as one whose time was too far ahead: dead no longer.

        What came then is one and the same message as what comes now, so it counts as a repeat of it.
        """
        names = {self._name_letter(arrival.raw): arrival.key for arrival in well_formed if arrival.raw is not None}
        for letter_id, (feed_id, repeats) in self._transaction.letters(names).items() if names else ():
            times, differing = self._changes.repeats.get(names[letter_id], Repeats())
            self._changes.repeats[names[letter_id]] = Repeats(times + 1 + repeats, differing)
            self._changes.letters_taken.append(letter_id)
            self._changes.count(feed_id, Verdict.MALFORMED, -1)
            self._changes.count(feed_id, Verdict.DUPLICATE)

    def _set_repeats_apart(
        self, arrivals: Sequence[Arrival], known: Mapping[MessageKey, Registered]
    ) -> dict[MessageKey, Arrival]:
        new: dict[MessageKey, Arrival] = {}
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
            times, differing = self._changes.repeats.get(arrival.key, Repeats())
            self._changes.repeats[arrival.key] = Repeats(times + 1, differing + differs)
            reason = "taken before, with other content; the first to come was kept" if differs else "taken before"
            self._answer(arrival.raw, Verdict.DUPLICATE, reason, arrival)
        return new

    def _file_new(self, new: Mapping[MessageKey, Arrival], known: Mapping[MessageKey, Registered]) -> None:
        if not new:
            return
        by_stream, still_waiting = sort_into_streams(new.values(), self._waiting_voids(new), known)
        stored = self._transaction.stored(by_stream)
        ready: dict[str, Settling[Any]] = {}
        for stream, arrivals in by_stream.items():
            settling = self._remembered(stream, stored.get(stream, EMPTY_STREAM))
            if settling is not None and comes_after(settling, [arrival.fact for arrival in arrivals]):
                ready[stream] = settling
        facts = self._facts_of([s for s in by_stream if s in stored and s not in ready and not is_waiting_room(s)])
        for stream, earlier in facts.items():
            settling = settle_anew(stream, earlier)
            arriving = [arrival.fact for arrival in by_stream[stream]]
            if can_be_stepped_on(settling) and comes_after(settling, arriving):
                ready[stream] = settling
        earlier_arrivals = self._as_arrivals({s: filed for s, filed in facts.items() if s not in ready})
        for stream, arrivals in by_stream.items():
            before: Sequence[Arrival] = ()
            arriving = [arrival.fact for arrival in arrivals]
            if stream in ready:
                settling = ready[stream]
                step_on(settling, arriving)
            else:
                before = still_waiting.get(stream, ()) if is_waiting_room(stream) else earlier_arrivals.get(stream, ())
                settling = settle_anew(stream, [*(arrival.fact for arrival in before), *arriving])
            version = self._add(stream, stored.get(stream, EMPTY_STREAM).version, arrivals, settling.outcomes)
            version = self._note_changed_verdicts(stream, version, before, arrivals, settling.outcomes)
            self._changes.streams[stream] = Stored(version, keep(settling) if version >= LONG_STREAM else None)
            if can_be_stepped_on(settling):
                self._settled.append((stream, version, settling))

    def remember(self) -> None:
        """The batch was stored: remember its settlings for the next one."""
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

    def _facts_of(self, streams: Sequence[str]) -> Mapping[str, list[Fact]]:
        return self._transaction.facts_of(streams) if streams else {}

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
        for arrival in arrivals:
            key, fact, raw, taken = arrival
            version += 1
            outcome = outcomes[fact.key]
            self._changes.events.append(msgspec.structs.replace(fact, originator_id=stream, originator_version=version))
            if taken is not None:
                self._change(key, stream, version, taken, outcome)
            elif raw is not None:
                applied = outcome.verdict is Verdict.APPLIED
                self._changes.messages.append(
                    NewMessage(
                        key=key,
                        type=fact.TYPE,
                        stream=stream,
                        version=version,
                        outcome=outcome,
                        recorded_at=fact.recorded_at,
                        offset=raw.offset,
                        raw=None if applied else raw.body,
                        headers=() if applied else raw.headers,
                    )
                )
                self._answer(raw, outcome.verdict, outcome.reason, arrival)
        return version

    def _note_changed_verdicts(
        self,
        stream: str,
        version: int,
        before: Sequence[Arrival],
        arrivals: Sequence[Arrival],
        outcomes: Mapping[FactKey, Outcome],
    ) -> int:
        candidates = [*before, *(arrival for arrival in arrivals if arrival.taken is not None)]
        for key, fact, _, taken in candidates:
            outcome = outcomes[fact.key]
            if taken is None or outcome == taken.outcome:
                continue
            if taken.stream == stream:
                self._change(key, stream, taken.version, taken, outcome)
            if outcome.verdict is taken.outcome.verdict:
                continue
            version += 1
            because = _because_of(fact, arrivals)
            self._changes.events.append(
                VerdictChanged(
                    originator_id=stream,
                    originator_version=version,
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
            )
        return version

    def _change(self, key: MessageKey, stream: str, version: int, taken: Registered, outcome: Outcome) -> None:
        self._changes.changed.append(ChangedMessage(key, stream, version, outcome))
        if outcome.verdict is not taken.outcome.verdict:
            self._changes.count(taken.feed_id, taken.outcome.verdict, -1)
            self._changes.count(taken.feed_id, outcome.verdict)

    def _answer(self, raw: RawMessage | None, verdict: Verdict, reason: str, arrival: Arrival | None = None) -> None:
        self._changes.count(self._changes.feed_id, verdict)
        self._receipts.append(
            Receipt(
                raw.offset if raw else -1,
                verdict,
                reason,
                arrival.key if arrival else None,
                arrival.fact.correlation_id if arrival else None,
            )
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


def _because_of(fact: Fact, arrivals: Sequence[Arrival]) -> FactKey | None:
    """The new message that changed an earlier one's verdict, where that can be told."""
    for arrival in arrivals:
        if isinstance(arrival.fact, MessageVoided) and arrival.fact.names == fact.key:
            return arrival.fact.key
    return arrivals[0].fact.key if len(arrivals) == 1 else None
