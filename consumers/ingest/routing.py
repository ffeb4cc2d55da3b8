"""Routing: the stream of each incoming message."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from consumers.ingest.register import Arrival, MessageKey, Registered, RegisteredFact
from domain.events import MessageVoided
from domain.kinds import KIND_OF_TYPE
from domain.streams import stream_name, waiting_room

Addition = Arrival | RegisteredFact
"""An addition to a stream: a new message, or a void from its waiting room."""


class Sorted(NamedTuple):
    """The additions by stream, and the voids that stay in the waiting room of their subject, by that stream."""

    additions: Mapping[str, list[Addition]]
    still_waiting: Mapping[str, list[RegisteredFact]]


def named_by(void: MessageVoided, subject: str) -> MessageKey:
    """The key of the message that a void about this subject names."""
    return MessageKey(void.voided_source, void.voided_id, subject)


def sort_into_streams(
    new: Iterable[Arrival], waiting: Iterable[RegisteredFact], known: Mapping[MessageKey, Registered]
) -> Sorted:
    """Find each message's stream: by the kind of its type, or for a void by the message that it names.

    A void of an unknown message goes to its subject's waiting room. When the named message arrives, the void moves to
    that message's stream. Voids of such voids move with it.
    """
    additions: dict[str, list[Addition]] = defaultdict(list)
    voids: list[Addition] = list(waiting)
    rooms = {void.key for void in voids}
    for arrival in new:
        kind = KIND_OF_TYPE[arrival.fact.TYPE]
        if kind is None:
            voids.append(arrival)
        else:
            additions[stream_name(kind, arrival.key.subject)].append(arrival)
    if not voids:
        return Sorted(additions, {})

    stream_of = {addition.key: stream for stream, to_add in additions.items() for addition in to_add}
    unplaced = voids
    while unplaced:
        left: list[Addition] = []
        for void in unplaced:
            assert isinstance(void.fact, MessageVoided)
            named = named_by(void.fact, void.key.subject)
            if named in known and named not in rooms:
                stream_of.setdefault(named, known[named].stream)
            if named in stream_of:
                stream_of[void.key] = stream_of[named]
                additions[stream_of[named]].append(void)
            else:
                left.append(void)
        if len(left) == len(unplaced):
            break
        unplaced = left

    still_waiting: dict[str, list[RegisteredFact]] = defaultdict(list)
    for void in unplaced:
        room = waiting_room(void.key.subject)
        if isinstance(void, RegisteredFact):
            still_waiting[room].append(void)
        else:
            additions[room].append(void)
    return Sorted(additions, still_waiting)
