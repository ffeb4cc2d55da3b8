"""What goes to <topic>.dead: a copy of each message that becomes dead, whole where its topic takes that."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from consumers.contract.records import Headers
from consumers.contract.topics import dead_topic
from consumers.contract.writing import to_cloud_event
from consumers.relay.envelope import HEADERS
from consumers.sinks.sink import Record
from consumers.sources.source import KEPT_BYTES
from domain.fact import Fact
from domain.verdict import Verdict

OURS = "waybill_"
_OUR_HEADERS = ("topic", "partition", "offset", "verdict", "reason", "letter_id", "bytes")
_ROOM_FOR_LENGTHS = 8
WHOLE_BYTES = "whole_bytes"


class DeadLetter(NamedTuple):
    """A message that is dead now, where it came from, and what came.

    `restated` tells that the bytes are ours, not its sender's.
    """

    topic: str
    partition: int
    offset: int
    verdict: Verdict
    reason: str
    letter_id: str
    subject: str | None
    body: bytes
    headers: Headers
    restated: bool = False


def restated(fact: Fact, subject: str) -> tuple[bytes, Headers]:
    """The message in structured JSON, for one that was applied when it came: then its bytes were not kept."""
    return msgspec.json.encode(to_cloud_event(fact, subject)), HEADERS


def record_of(letter: DeadLetter) -> Record:
    """The copy: keyed by the subject if it has one; our headers come after its own."""
    ours = (
        letter.topic,
        letter.partition,
        letter.offset,
        letter.verdict.value,
        letter.reason,
        letter.letter_id,
        "restated" if letter.restated else "as received",
    )
    added = tuple((OURS + name, str(value).encode()) for name, value in zip(_OUR_HEADERS, ours, strict=True))
    key = None if letter.subject is None else letter.subject.encode()
    return Record(dead_topic(letter.topic), key, letter.body, (*letter.headers, *added))


def letter_id_in(record: Record) -> str | None:
    """The letter of which a record is the copy; None of a record that is no copy."""
    if len(record.headers) < len(_OUR_HEADERS) or record.headers[-1][0] != OURS + _OUR_HEADERS[-1]:
        return None
    return record.headers[_OUR_HEADERS.index("letter_id") - len(_OUR_HEADERS)][1].decode()


def shortened(copy: Record, excess: int) -> Sequence[Record]:
    """The same copy with at least `excess` bytes less, as far as that goes: with its sender's headers, and without.

    The value is its beginning, of 64 KiB at most. The header waybill_whole_bytes says how many bytes it had, and
    waybill_letter_id names the letter, which is whole in the store.
    """
    theirs, ours = copy.headers[: -len(_OUR_HEADERS)], copy.headers[-len(_OUR_HEADERS) :]
    said = (OURS + WHOLE_BYTES, str(len(copy.value)).encode())
    room = len(copy.value) - excess - len(said[0]) - len(said[1]) - _ROOM_FOR_LENGTHS
    without = room + sum(len(name.encode()) + len(content) for name, content in theirs)
    return [
        copy._replace(value=copy.value[: max(0, min(KEPT_BYTES, room))], headers=(*theirs, said, *ours)),
        copy._replace(value=copy.value[: max(0, min(KEPT_BYTES, without))], headers=(said, *ours)),
    ]
