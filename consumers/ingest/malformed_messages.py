"""Malformed messages: their ids, their repeats, and those that fit the contract now."""

import hashlib
from collections.abc import Callable, Mapping, Sequence

import msgspec

from consumers.contract.kafka_records import ATTRIBUTE_PREFIX, CONTENT_TYPE
from consumers.ingest.register import (
    Arrival,
    Changes,
    MalformedMessage,
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
            outcome = Outcome(Verdict.DUPLICATE, f"the same bytes came before; malformed: {reason}")
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

    The earlier message and the new one are the same message, so the earlier one counts as a repeat.
    """
    if not arrivals or not transaction.has_malformed():
        return
    arrived: Mapping[str, Arrival] = {letter_ids(arrival.feed_id, arrival.raw): arrival for arrival in arrivals}
    for letter_id, (feed_id, repeats) in transaction.malformed(arrived).items():
        key, fact, by_feed_id, raw, _ = arrived[letter_id]
        changes.repeat(key, by_feed_id, 1 + repeats)
        changes.malformed_released.append(letter_id)
        outcome = Outcome(Verdict.DUPLICATE, "the same bytes came again, and fit the contract by then")
        changes.notices.append(
            Notice(key, fact.TYPE, letter_id, by_feed_id, raw.offset, None, None, Verdict.MALFORMED, outcome)
        )
        changes.count(feed_id, Verdict.MALFORMED, -1)
        changes.count(feed_id, Verdict.DUPLICATE)
