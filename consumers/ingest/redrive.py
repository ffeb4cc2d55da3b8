"""Redrive: settles subjects again by today's rules, and reads malformed messages again by today's contract.

The effects go into `Changes`, as for a batch without messages; a dry run does not save them. Each call needs its own
`Changes`, saved before the next call reads the store. A redrive is idempotent: it changes nothing that already follows
today's rules and contract.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from consumers.contract import Malformed, ReadingRules, read_record
from consumers.ingest.batch_processing import BatchProcessor, Read
from consumers.ingest.register import (
    Arrival,
    Changes,
    MessageKey,
    Notice,
    Receipt,
    RegisteredFact,
    RegisterTransaction,
    StoredStream,
)
from consumers.ingest.settling_cache import IngestSettlingCache
from consumers.ingest.snapshots import LONG_STREAM, take_snapshot
from consumers.ingest.subject_suggestions import without_hint
from consumers.sources.source import RawMessage
from domain.clock_holds import held_by_clock
from domain.streams import is_waiting_room, settle_stream, split_stream_name
from domain.verdict import Outcome, Verdict


class RedrivenMessage(NamedTuple):
    """A message whose verdict, reason or instant of effect changed.

    `before` is its outcome until now, `after` the outcome by today's rules and contract. `key` and `type` are None for
    a malformed message that stays malformed; `letter_id` is None for one that was well-formed before.
    """

    key: MessageKey | None
    type: str | None
    letter_id: str | None
    before: Outcome
    after: Outcome


class KeptMalformed(NamedTuple):
    """A stored malformed message, and how often it came again.

    `received_at` is when it first came, by the service's clock. `discarded_at` is when an operator discarded it.
    """

    letter_id: str
    reason: str
    feed_id: int
    last_feed_id: int
    repeats: int
    received_at: datetime
    discarded_at: datetime | None
    raw: RawMessage

    @property
    def is_whole(self) -> bool:
        """Whether the whole message is stored, so that it can be read again."""
        return is_kept_whole(self.reason, self.raw.body)


def is_kept_whole(reason: str, body: bytes) -> bool:
    """Whether the store has all bytes of a malformed message. Of one that was too large it has the beginning alone."""
    cut = "its beginning is kept" in reason
    cut_header = reason.startswith("header ") and "must have fewer bytes" in reason
    return bool(body) and not cut and not cut_header


def redrive_streams(
    transaction: RegisterTransaction, changes: Changes, streams: Sequence[str], because: str
) -> list[RedrivenMessage]:
    """Settle each of these streams again from its facts; returns the messages whose outcome changed.

    Each changed verdict gets a VerdictChanged event whose reason begins with `because`. The register gets the outcome
    of settling. A stream that is pruned is left as it is.
    """
    facts = transaction.facts_of(streams).whole
    versions = transaction.stored(facts)
    keys = {(s, f.key): MessageKey(*f.key, split_stream_name(s)[1]) for s, filed in facts.items() for f in filed}
    registered = transaction.registered(keys.values()) if keys else {}
    redriven: list[RedrivenMessage] = []
    for stream, filed in facts.items():
        known = {
            fact.key: RegisteredFact(key, fact, found)
            for fact in filed
            if (found := registered.get(key := keys[stream, fact.key])) is not None and found.stream == stream
        }
        # A void that found what it names has left its waiting room; its event there no longer counts.
        counted = [fact for fact in filed if not is_waiting_room(stream) or fact.key in known]
        settling = settle_stream(stream, counted, watched=False)
        version = versions[stream].version
        for key, fact, before in known.values():
            after = settling.outcomes[fact.key]
            if after == without_hint(before.outcome):
                continue
            redriven.append(RedrivenMessage(key, fact.TYPE, None, before.outcome, after))
            changes.change_outcome(key, stream, before.version, before, after)
            if after.verdict is not before.outcome.verdict:
                version += 1
                told = msgspec.structs.replace(after, reason=_joined(because, after.reason))
                changes.change_verdict(stream, version, RegisteredFact(key, fact, before), told)
        if version >= LONG_STREAM:
            changes.snapshots[stream] = StoredStream(version, take_snapshot(settling))
    return redriven


def redrive_malformed(
    transaction: RegisterTransaction,
    changes: Changes,
    kept: Sequence[KeptMalformed],
    rules: ReadingRules,
    clock_skew: timedelta,
    because: str,
) -> list[RedrivenMessage]:
    """Read these messages again in the order of arrival; returns those whose outcome changed.

    A message that fits the contract now becomes a message of its subject, recorded when it was received. If another
    message is registered under its id, it becomes a repeat of that. A message that stays malformed gets today's reason.
    """
    redriven: list[RedrivenMessage] = []
    fitting: dict[tuple[int, int], KeptMalformed] = {}
    arrivals: list[Arrival] = []
    for one in kept:
        if not one.is_whole or len(one.raw.body) > rules.max_bytes:
            continue
        message = read_record(one.raw.body, one.raw.headers, one.received_at, rules)
        if isinstance(message, Malformed):
            if message.reason != one.reason:
                changes.malformed_reasons[one.letter_id] = message.reason
                before, after = _malformed(one.reason), _malformed(message.reason)
                redriven.append(RedrivenMessage(None, None, one.letter_id, before, after))
            continue
        fact = held_by_clock(message.fact, changes.received_at, clock_skew)
        key = MessageKey(fact.source, fact.message_id, message.subject)
        arrivals.append(Arrival(key, fact, one.feed_id, one.raw, message.ignored))
        fitting[one.feed_id, one.raw.offset] = one
        if key in changes.received_before:
            continue  # of repeats, the first is kept
        changes.received_before[key] = one.received_at
        if one.discarded_at is not None:
            changes.discarded_before[key] = one.discarded_at
    if arrivals:
        redriven += _take_fitting(transaction, changes, Read(arrivals, ()), fitting, because)
    return redriven


def _take_fitting(
    transaction: RegisterTransaction,
    changes: Changes,
    read: Read,
    fitting: Mapping[tuple[int, int], KeptMalformed],
    because: str,
) -> list[RedrivenMessage]:
    """Process formerly malformed messages like a batch; `fitting` has them by feed and offset."""
    batch = BatchProcessor(transaction, changes, _no_letter, IngestSettlingCache())
    # Before the batch, which would tell of them as superseded.
    changes.malformed_released += [one.letter_id for one in fitting.values()]
    receipts = batch.process(read)
    types = {arrival.key: arrival.fact.TYPE for arrival in read.well_formed}
    redriven: list[RedrivenMessage] = []
    for receipt in receipts:
        one = fitting[receipt.feed_id, receipt.offset]
        assert receipt.key is not None, "what fits the contract has a key"
        changes.count(one.feed_id, Verdict.MALFORMED, -1)
        if one.repeats:
            # The books already count them as duplicates.
            changes.repeat(receipt.key, one.last_feed_id, one.repeats)
        after = Outcome(receipt.verdict, receipt.reason)
        redriven.append(RedrivenMessage(receipt.key, types[receipt.key], one.letter_id, _malformed(one.reason), after))
    known = {receipt.key for receipt in receipts if receipt.verdict is Verdict.DUPLICATE and receipt.key is not None}
    for key in known - {new.arrival.key for new in changes.messages}:
        # It repeats another message, so its receipt time and its discarding do not carry over.
        changes.received_before.pop(key, None)
        changes.discarded_before.pop(key, None)
    changes.notices[:] = _with_changes(changes.notices, receipts, fitting, types, because)
    return redriven


def _with_changes(
    notices: Sequence[Notice],
    receipts: Iterable[Receipt],
    fitting: Mapping[tuple[int, int], KeptMalformed],
    types: Mapping[MessageKey, str],
    because: str,
) -> list[Notice]:
    """The notices of a batch, with first verdicts turned into changes from malformed."""
    told: list[Notice] = []
    for notice in notices:
        one = None if notice.offset is None else fitting.get((notice.feed_id, notice.offset))
        if notice.before is None and one is not None:
            outcome = msgspec.structs.replace(notice.outcome, reason=_joined(because, notice.outcome.reason))
            notice = notice._replace(letter_id=one.letter_id, before=Verdict.MALFORMED, outcome=outcome)
        told.append(notice)
    # A notice with a fact's stream and version would mean that the fact was not applied on receipt, so these have none.
    told += (
        Notice(
            receipt.key,
            types[receipt.key],
            fitting[receipt.feed_id, receipt.offset].letter_id,
            receipt.feed_id,
            receipt.offset,
            None,
            None,
            Verdict.MALFORMED,
            Outcome(Verdict.APPLIED, because),
        )
        for receipt in receipts
        if receipt.verdict is Verdict.APPLIED and receipt.key is not None
    )
    return told


def _no_letter(feed_id: int, raw: RawMessage) -> str:
    """A message that is read again is the letter itself, not a repeat of it."""
    return ""


def _malformed(reason: str) -> Outcome:
    return Outcome(Verdict.MALFORMED, reason)


def _joined(because: str, reason: str) -> str:
    return f"{because}: {reason}" if reason else because
