"""The records of <topic>.dead: a copy of each dead letter, whole if the topic's limit allows."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from consumers.contract.kafka_records import Headers
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
    """A dead letter with its origin and content.

    `restated` says that the bytes are ours, not the sender's.
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
    """The message in structured JSON, for one that was applied on receipt, whose bytes were not kept."""
    return msgspec.json.encode(to_cloud_event(fact, subject)), HEADERS


def record_of(letter: DeadLetter) -> Record:
    """The copy: its key is the subject, if there is one; our headers follow the original ones."""
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
    """The letter id of a copy; None for other records."""
    if len(record.headers) < len(_OUR_HEADERS) or record.headers[-1][0] != OURS + _OUR_HEADERS[-1]:
        return None
    return record.headers[_OUR_HEADERS.index("letter_id") - len(_OUR_HEADERS)][1].decode()


def shortened(copy: Record, excess: int) -> Sequence[Record]:
    """The same copy with at least `excess` bytes less, if possible: first with the sender's headers, then without.

    The value is truncated to at most 64 KiB. The header waybill_whole_bytes has the original size, and
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
