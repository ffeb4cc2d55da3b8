"""What goes to <topic>.dead: a copy of each message that becomes dead, its bytes and headers whole."""

from typing import NamedTuple

import msgspec

from consumers.contract.records import Headers
from consumers.contract.topics import dead_topic
from consumers.contract.writing import to_cloud_event
from consumers.relay.envelope import HEADERS
from consumers.sinks.sink import Record
from domain.fact import Fact
from domain.verdict import Verdict

OURS = "waybill_"


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
    ours = {
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "verdict": letter.verdict.value,
        "reason": letter.reason,
        "letter_id": letter.letter_id,
        "bytes": "restated" if letter.restated else "as received",
    }
    added = tuple((OURS + name, str(value).encode()) for name, value in ours.items())
    key = None if letter.subject is None else letter.subject.encode()
    return Record(dead_topic(letter.topic), key, letter.body, (*letter.headers, *added))
