"""Malformed messages: their ids, their repeats, those that fit the contract now, and those that are superseded."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from consumers.contract.claims import claimed_by
from consumers.contract.kafka_records import ATTRIBUTE_PREFIX, CONTENT_TYPE
from consumers.ingest.register import (
    Arrival,
    Changes,
    MalformedMessage,
    MessageKey,
    Notice,
    Receipt,
    RegisterTransaction,
    Repeats,
)
from consumers.sources.source import FeedName, RawMessage
from domain.verdict import Outcome, Verdict

LetterIds = Callable[[int, RawMessage], str]
"""The letter id of a raw message of a feed, if it is malformed."""


def letter_id_in(source: FeedName, raw: RawMessage) -> str:
    """Topic, partition and offset identify a malformed message if they are permanent, else its bytes do.

    In binary mode its attributes belong to them: the body alone does not say everything.
    """
    if source.identifies_by_offset:
        return f"{source.topic}/{source.partition}/{raw.offset}"
    attributes = sorted(header for header in raw.headers if header[0].startswith(ATTRIBUTE_PREFIX))
    if not attributes:
        return raw.sha256
    content_types = [content for name, content in raw.headers if name == CONTENT_TYPE]
    return hashlib.sha256(msgspec.json.encode([attributes, content_types, raw.sha256])).hexdigest()


def take_malformed(
    transaction: RegisterTransaction, malformed: Sequence[MalformedMessage], changes: Changes, *, rereading: bool
) -> list[Receipt]:
    """Store the malformed messages of a batch; those that were stored before are duplicates."""
    if not malformed:
        return []
    receipts: list[Receipt] = []
    kept_before = set(transaction.malformed([message.letter_id for message in malformed]))
    for message in malformed:
        letter_id, reason, feed_id, raw = message
        outcome = Outcome(Verdict.MALFORMED, reason)
        if letter_id in kept_before:
            before = changes.malformed_repeats.get(letter_id, Repeats(0, 0, feed_id))
            changes.malformed_repeats[letter_id] = Repeats(before.times + 1, 0, feed_id)
            outcome = Outcome(Verdict.DUPLICATE, f"the same bytes came before; still malformed: {reason}")
        else:
            kept_before.add(letter_id)
            changes.malformed.append(message)
        receipts.append(Receipt(feed_id, raw.offset, outcome.verdict, outcome.reason))
        if not (rereading and outcome.verdict is Verdict.DUPLICATE):
            changes.notices.append(Notice(None, None, letter_id, feed_id, raw.offset, None, None, None, outcome))
    return receipts


def release_well_formed(
    transaction: RegisterTransaction, arrivals: Sequence[Arrival], changes: Changes, letter_ids: LetterIds
) -> None:
    """Release messages whose same bytes were malformed before, for example because their time was too far ahead.

    The earlier message and the new one are the same message, so the earlier one counts as a repeat. Call it only if the
    store has malformed messages.
    """
    arrived: Mapping[str, Arrival] = {letter_ids(arrival.feed_id, arrival.raw): arrival for arrival in arrivals}
    for letter_id, (feed_id, repeats) in transaction.malformed(arrived).items():
        arrival = arrived[letter_id]
        key, by_feed_id, offset = arrival.key, arrival.feed_id, arrival.raw.offset
        changes.repeat(key, by_feed_id, 1 + repeats)
        changes.malformed_released.append(letter_id)
        outcome = Outcome(Verdict.DUPLICATE, "the same bytes came again, and fit the contract by then")
        changes.notices.append(
            Notice(key, arrival.fact.TYPE, letter_id, by_feed_id, offset, None, None, Verdict.MALFORMED, outcome)
        )
        changes.count(feed_id, Verdict.MALFORMED, -1)
        changes.count(feed_id, Verdict.DUPLICATE)


def notice_superseded(
    transaction: RegisterTransaction, malformed: Sequence[MalformedMessage], changes: Changes, *, has_malformed: bool
) -> None:
    """Add a notice for each malformed message that the batch supersedes, or that came after the right message.

    A message that is applied on receipt has no notice of its own, so followers of the verdicts would take the malformed
    one for open. `malformed` has those of the batch that have a notice, and `has_malformed` says whether the store has
    earlier ones.
    """
    claims = _claims_of(malformed)
    applied = {
        new.arrival.key: (new.arrival.fact.TYPE, new.arrival.feed_id, new.arrival.raw.offset, new.outcome)
        for new in changes.messages
        if new.outcome.verdict is Verdict.APPLIED
    }
    found = list(transaction.malformed_claiming(applied)) if applied and has_malformed else []
    found += [(letter_id, key) for letter_id, key in claims if key in applied]
    released = set(changes.malformed_released)  # these are the message itself, and have a notice
    for letter_id, key in dict.fromkeys(found):  # a stored one may have come again
        if letter_id in released:
            continue
        message_type, feed_id, offset, outcome = applied[key]
        changes.notices.append(
            Notice(key, message_type, letter_id, feed_id, offset, None, None, Verdict.MALFORMED, outcome)
        )
    in_batch = {new.arrival.key for new in changes.messages}.union(change.key for change in changes.changed)
    earlier = [(letter_id, key) for letter_id, key in claims if key not in in_batch]
    registered = transaction.registered({key for _, key in earlier}) if earlier else {}
    for letter_id, key in earlier:
        if key in registered and registered[key].outcome.verdict is Verdict.APPLIED:
            before = registered[key]
            changes.notices.append(
                Notice(key, None, letter_id, before.feed_id, None, None, None, Verdict.MALFORMED, before.outcome)
            )


def _claims_of(malformed: Sequence[MalformedMessage]) -> Collection[tuple[str, MessageKey]]:
    """The letter ids of those that say which message they claim to be, with that message."""
    claims: dict[tuple[str, MessageKey], None] = {}
    for letter_id, _, _, raw in malformed:
        source, message_id, subject, _, _ = claimed_by(raw.body, raw.headers)
        if source is not None and message_id is not None and subject is not None:
            claims[letter_id, MessageKey(source, message_id, subject)] = None
    return claims
