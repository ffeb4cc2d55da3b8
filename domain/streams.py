"""The names of streams, and the settling of a stream.

A stream's name is its kind's prefix and the subject's id, such as "order-SO-10248". A prefix may contain hyphens, such
as "standing-order"; the longest known prefix wins.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from domain.aggregate import SubjectAggregate
from domain.fact import Fact, StreamEvent
from domain.kind import Kind
from domain.kinds import KINDS
from domain.settling import Settling, settle

# A void of an unknown message waits here, because its subject's kind is unknown too.
WAITING_ROOM = "void"
_WAITING_ROOMS = f"{WAITING_ROOM}-"

# What operators did; see domain/operator/acts.py.
_OPERATORS = "operator-"


def stream_prefixes(kinds: Iterable[Kind]) -> tuple[tuple[str, Kind | None], ...]:
    """Each prefix with its hyphen, and its kind (None for waiting rooms and operators), the longest first."""
    known: list[tuple[str, Kind | None]] = [(f"{kind.prefix}-", kind) for kind in kinds]
    known += [(_WAITING_ROOMS, None), (_OPERATORS, None)]
    return tuple(sorted(known, key=lambda prefix: -len(prefix[0])))


_PREFIXES = stream_prefixes(KINDS)

_ONLY_PREFIXES = {
    prefix: kind
    for prefix, kind in _PREFIXES
    if prefix.count("-") == 1 and not any(other != prefix and other.startswith(prefix) for other, _ in _PREFIXES)
}
"""The prefixes of one word with which no other begins: a name that has one is split at its first hyphen."""


def stream_name(kind: Kind, subject_id: str) -> str:
    """The stream of a subject, such as "order-SO-10248"."""
    return f"{kind.prefix}-{subject_id}"


def waiting_room(subject_id: str) -> str:
    """The stream in which a void waits until the message that it names is known."""
    return f"{WAITING_ROOM}-{subject_id}"


def is_waiting_room(stream: str) -> bool:
    """Whether the stream is one in which voids wait."""
    return stream.startswith(_WAITING_ROOMS)


def operator_stream(operator: str) -> str:
    """The stream of what an operator did, such as "operator-ann"."""
    return f"{_OPERATORS}{operator}"


def is_operator_stream(stream: str) -> bool:
    """Whether the stream has the acts of an operator."""
    return stream.startswith(_OPERATORS)


def has_subject(stream: str) -> bool:
    """Whether the stream is that of a subject, and neither a waiting room nor an operator's."""
    return not is_waiting_room(stream) and not is_operator_stream(stream)


def split_stream_name(stream: str) -> tuple[Kind | None, str]:
    """The kind and the subject's id. The kind is None for a waiting room and for an operator, whose name is the id.

    Raises ValueError for any other name.
    """
    end = stream.find("-") + 1
    if (prefix := stream[:end]) in _ONLY_PREFIXES:
        return _ONLY_PREFIXES[prefix], stream[end:]
    return split_by_longest_prefix(stream, _PREFIXES)


def split_by_longest_prefix(stream: str, prefixes: tuple[tuple[str, Kind | None], ...]) -> tuple[Kind | None, str]:
    """The kind and the subject's id by these prefixes, the longest first. Raises ValueError if none fits."""
    for prefix, kind in prefixes:
        if stream.startswith(prefix):
            return kind, stream[len(prefix) :]
    known = ", ".join(sorted(f"{prefix}…" for prefix, _ in prefixes))
    raise ValueError(f"{stream!r} is not a stream name; a name begins with one of {known}")


def settle_stream(stream: str, facts: list[Fact], *, watched: bool = True) -> Settling[Any]:
    """Settle the facts of one stream by the rules of its kind.

    A waiting room has only voids, which need no rules; an operator's stream has no facts.
    """
    kind, subject_id = split_stream_name(stream)
    return settle((kind or KINDS[0]).decider, subject_id, facts, watched=watched)


def open_subject(stream: str, opened_at: datetime) -> SubjectAggregate:
    """An aggregate before its first event. Raises ValueError for a stream without a subject.

    Use it with the library's repository, to read a subject or to append single facts. Ingest stores whole batches
    (consumers/ingest/batch_processing.py) and needs no aggregates.
    """
    kind, subject_id = split_stream_name(stream)
    if kind is None:
        raise ValueError(f"{stream} has no subject: it is a waiting room of voids, or an operator's")
    return kind.aggregate(stream, subject_id, kind.decider, opened_at)


def project_subject(subject: SubjectAggregate | None, events: Iterable[StreamEvent]) -> SubjectAggregate | None:
    """The aggregate with these events applied; None if there are neither. The library's repository calls it."""
    for event in events:
        if subject is None:
            subject = open_subject(event.originator_id, event.recorded_at)
        event.mutate(subject)
    return subject
