"""Batch processing: turns the messages of a batch into everything that the store has to write.

Settling needs all facts of a subject, so a batch is processed stream by stream. Deduplication finds the new messages,
each new message is added to its stream, and each changed stream is settled again (see `consumers.ingest.resettling`).
If this changes the verdict of an earlier message, a VerdictChanged event is added to the same stream.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from operator import attrgetter
from typing import NamedTuple

import msgspec

from consumers.ingest.deduplication import deduplicate, look_up, reason_of
from consumers.ingest.malformed_messages import LetterIds, notice_superseded, release_well_formed, take_malformed
from consumers.ingest.register import (
    Arrival,
    Changes,
    IgnoredFields,
    MalformedMessage,
    MessageKey,
    NewEvent,
    NewMessage,
    Notice,
    Receipt,
    Registered,
    RegisteredFact,
    RegisterTransaction,
    StoredStream,
)
from consumers.ingest.resettling import Resettled, resettle
from consumers.ingest.routing import Addition, sort_into_streams
from consumers.ingest.settling_cache import IngestSettlingCache, SettledStream
from consumers.ingest.snapshots import LONG_STREAM, take_snapshot
from consumers.ingest.subject_suggestions import hints_for, without_hint
from domain.clock_holds import ClockHoldEnded
from domain.events import MessageVoided
from domain.fact import Fact, FactKey
from domain.streams import is_waiting_room, split_stream_name
from domain.verdict import APPLIED, DUPLICATE, HELD, Outcome

MOST_DUE = 500
"""The maximum number of messages whose clock hold ends in one batch; the others follow in the next batch."""

_FEED_AND_VERDICT = attrgetter("feed_id", "verdict")


class Read(NamedTuple):
    """The messages of a batch in the order of arrival."""

    well_formed: Sequence[Arrival]
    malformed: Sequence[MalformedMessage]


class BatchProcessor:
    """Processes one batch in one transaction.

    `letter_ids` gives the letter id of a malformed message of a feed. `cache` holds settlings of earlier batches. With
    `rereading`, the past is read again, and repeats of registered messages get no notice.
    """

    def __init__(
        self,
        transaction: RegisterTransaction,
        changes: Changes,
        letter_ids: LetterIds,
        cache: IngestSettlingCache,
        *,
        rereading: bool = False,
    ) -> None:
        self._transaction = transaction
        self._changes = changes
        self._letter_ids = letter_ids
        self._cache = cache
        self._rereading = rereading
        self._receipts: list[Receipt] = []
        self._hints: Mapping[str, str] = {}
        self._settled: dict[str, SettledStream] = {}

    def process(self, read: Read, withdraw: Collection[MessageKey] = ()) -> list[Receipt]:
        """Add the effects of the batch to `changes`; returns a receipt for each message, in no particular order.

        `withdraw` has derived messages whose reason is gone. One of them may be in the batch again, with other content.
        """
        transaction, changes = self._transaction, self._changes
        # A batch without new messages looks too, because the head at its end is assumed to be our own.
        self._cache.look_at(transaction.head())
        self._receipts += take_malformed(transaction, read.malformed, changes, rereading=self._rereading)
        has_malformed = bool(read.well_formed) and transaction.has_malformed()
        if has_malformed:
            release_well_formed(transaction, read.well_formed, changes, self._letter_ids)
        known = look_up(transaction, read.well_formed)
        gone = transaction.registered(withdraw) if withdraw else {}
        if gone:
            known = {key: registered for key, registered in known.items() if key not in gone}
        due = self._due()
        new, repeats = deduplicate(transaction, read.well_formed, known)
        for repeat in repeats:
            arrival = repeat.arrival
            changes.repeat(arrival.key, arrival.feed_id, differing=int(bool(repeat.differs)))
            self._answer(arrival, Outcome(DUPLICATE, reason_of(repeat)))
        self._settle(new, known, due, gone)
        if has_malformed or read.malformed:
            # Of the past that is read again, only what is new has a notice.
            noticed = changes.malformed if self._rereading else read.malformed
            notice_superseded(transaction, noticed, changes, has_malformed=has_malformed)
        for key, arrival in new.items():
            if arrival.ignored:
                changes.ignored.append(IgnoredFields(*key, arrival.fact.TYPE, arrival.feed_id, arrival.ignored))
        for (feed_id, verdict), count in Counter(map(_FEED_AND_VERDICT, self._receipts)).items():
            changes.count(feed_id, verdict, count)
        return self._receipts

    def cache_settlings(self, head: int) -> None:
        """Cache the batch's settlings for the next batch, after it was stored up to the event at `head`."""
        self._cache.put_back(self._settled, head)

    def _due(self) -> Mapping[str, set[FactKey]]:
        """The facts whose clock hold ends now, by stream."""
        keys = self._transaction.due(self._changes.received_at, MOST_DUE)
        due: dict[str, set[FactKey]] = defaultdict(set)
        for key, registered in (self._transaction.registered(keys) if keys else {}).items():
            due[registered.stream].add((key.source, key.message_id))
        self._changes.clock_holds_ended += keys
        return due

    def _settle(
        self,
        new: Mapping[MessageKey, Arrival],
        known: Mapping[MessageKey, Registered],
        due: Mapping[str, set[FactKey]],
        gone: Mapping[MessageKey, Registered],
    ) -> None:
        """Settle the streams with new messages, with facts whose clock hold ends, and with withdrawn messages."""
        if not new and not due and not gone:
            return
        additions, still_waiting = sort_into_streams(new.values(), self._waiting_voids(new), known)
        withdrawn: dict[str, dict[FactKey, Registered]] = defaultdict(dict)
        for key, registered in gone.items():
            withdrawn[registered.stream][key.source, key.message_id] = registered
        additions = {**{stream: [] for stream in (*due, *withdrawn)}, **additions}
        added = {stream: [addition.fact for addition in to_add] for stream, to_add in additions.items()}
        withdrawn_keys = {stream: found.keys() for stream, found in withdrawn.items()}
        resettled = resettle(self._transaction, self._cache, added, still_waiting, due, withdrawn_keys)
        self._hints = self._hints_for_held(additions, resettled)
        for stream, to_add in additions.items():
            version, settling, reconsidered = resettled[stream]
            outcomes = settling.outcomes
            if ended := due.get(stream):
                version = self._end_clock_holds(stream, version, ended)
            if no_more := withdrawn.get(stream):
                version = self._withdraw(stream, version, no_more)
            version = self._add(stream, version, to_add, outcomes)
            # Additions are new messages, and voids that waited elsewhere and move here.
            moved = [addition for addition in to_add if isinstance(addition, RegisteredFact)]
            if reconsidered or moved:
                changed_by = _Causes(to_add, no_more or (), ended or frozenset())
                version = self._note_changed_verdicts(stream, version, [*reconsidered, *moved], changed_by, outcomes)
            if version >= LONG_STREAM:
                self._changes.snapshots[stream] = StoredStream(version, take_snapshot(settling))
            self._settled[stream] = SettledStream(version, settling)

    def _hints_for_held(
        self, additions: Mapping[str, Sequence[Addition]], resettled: Mapping[str, Resettled]
    ) -> Mapping[str, str]:
        """Hints to add to the reasons of messages held in new streams."""
        held = [
            stream
            for stream in additions
            if resettled[stream].version == 0
            and not is_waiting_room(stream)
            and any(outcome.verdict is HELD for outcome in resettled[stream].settling.outcomes.values())
        ]
        return hints_for(self._transaction, held) if held else {}

    def _end_clock_holds(self, stream: str, version: int, keys: Iterable[FactKey]) -> int:
        for source, message_id in sorted(keys):
            version += 1
            ended = ClockHoldEnded(recorded_at=self._changes.received_at, source=source, message_id=message_id)
            self._changes.events.append(NewEvent(stream, version, ended))
        return version

    def _withdraw(self, stream: str, version: int, gone: Mapping[FactKey, Registered]) -> int:
        subject = split_stream_name(stream)[1]
        for (source, message_id), registered in sorted(gone.items()):
            version += 1
            self._changes.withdraw(MessageKey(source, message_id, subject), stream, version, registered)
        return version

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
        hint = self._hints.get(stream)
        for addition in additions:
            version += 1
            fact = addition.fact
            outcome = outcomes[fact.source, fact.message_id]
            if hint and outcome.verdict is HELD and fact.held_until is None:
                outcome = msgspec.structs.replace(outcome, reason=outcome.reason + hint)
            if isinstance(addition, Arrival):
                events.append(NewEvent(stream, version, fact))
                messages.append(NewMessage(addition, stream, version, outcome))
                if fact.held_until is not None:
                    self._changes.clock_holds[addition.key] = fact.held_until
                self._answer(addition, outcome, stream, version)
            else:
                key, _, registered = addition
                unplaced = msgspec.structs.replace(fact, originator_id="", originator_version=0)
                events.append(NewEvent(stream, version, unplaced))
                self._changes.change_outcome(key, stream, version, registered, outcome)
                self._changes.notice_change(addition, stream, version, registered.outcome)
        return version

    def _note_changed_verdicts(
        self,
        stream: str,
        version: int,
        reconsidered: Iterable[RegisteredFact],
        changed_by: "_Causes",
        outcomes: Mapping[FactKey, Outcome],
    ) -> int:
        for key, fact, registered in reconsidered:
            outcome = outcomes[fact.key]
            if outcome == registered.outcome or outcome == without_hint(registered.outcome):
                continue
            if registered.stream == stream:
                self._changes.change_outcome(key, stream, registered.version, registered, outcome)
            if outcome.verdict is registered.outcome.verdict:
                if outcome.voided is not registered.outcome.voided:
                    self._changes.notice_change(RegisteredFact(key, fact, registered), None, None, outcome)
                continue
            version += 1
            because = changed_by.of(fact, outcomes)
            self._changes.change_verdict(stream, version, RegisteredFact(key, fact, registered), outcome, because)
        return version

    def _answer(
        self, arrival: Arrival, outcome: Outcome, stream: str | None = None, version: int | None = None
    ) -> None:
        key, fact, feed_id, offset = arrival.key, arrival.fact, arrival.feed_id, arrival.raw.offset
        verdict = outcome.verdict
        self._receipts.append(Receipt(feed_id, offset, verdict, outcome.reason, key, fact.correlation_id))
        if verdict is not APPLIED and not (self._rereading and stream is None):
            self._changes.notices.append(Notice(key, fact.TYPE, None, feed_id, offset, stream, version, None, outcome))


class _Causes(NamedTuple):
    """What a batch did to a stream: any of it may have changed earlier verdicts."""

    additions: Sequence[Addition]
    withdrawn: Collection[FactKey]
    ended_holds: Set[FactKey]

    def of(self, fact: Fact, outcomes: Mapping[FactKey, Outcome]) -> FactKey | None:
        """The fact that changed this one's verdict; None if it was the clock, or could be one of several."""
        if fact.key in self.ended_holds:
            return None
        for added in self.additions:
            if (
                isinstance(added.fact, MessageVoided)
                and added.fact.names == fact.key
                and outcomes[added.fact.key].verdict is APPLIED
            ):
                return added.fact.key
        causes = [*(added.fact.key for added in self.additions), *self.withdrawn]
        return causes[0] if len(causes) == 1 else None
