"""Which stream each message on its way in goes to."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from consumers.ingest.register import Arrival, MessageKey, Registered
from domain.record import MessageVoided
from domain.subject import KIND_OF_TYPE, stream_name, waiting_room


class Sorted(NamedTuple):
    """The arrivals by stream, and the voids that stay in the waiting room of their subject, by that stream."""

    by_stream: Mapping[str, list[Arrival]]
    still_waiting: Mapping[str, list[Arrival]]


def named_by(void: MessageVoided, subject: str) -> MessageKey:
    """The message that a void about this subject names."""
    return MessageKey(void.voided_source, void.voided_id, subject)


def sort_into_streams(
    new: Iterable[Arrival], waiting: Iterable[Arrival], known: Mapping[MessageKey, Registered]
) -> Sorted:
    """Find each arrival's stream: by the kind of its type, or for a void by the message that it names.

    A void of which nobody knows yet what it names goes to its subject's waiting room, and leaves it for the right
    stream as soon as the named message is there. Voids of such voids go with them.
    """
    by_stream: dict[str, list[Arrival]] = defaultdict(list)
    stream_of: dict[MessageKey, str] = {}
    voids: list[Arrival] = list(waiting)
    rooms = {arrival.key for arrival in voids}
    for arrival in new:
        kind = KIND_OF_TYPE[arrival.fact.TYPE]
        if kind is None:
            voids.append(arrival)
        else:
            stream_of[arrival.key] = stream_name(kind, arrival.key.subject)
            by_stream[stream_of[arrival.key]].append(arrival)

    unplaced = voids
    while unplaced:
        left: list[Arrival] = []
        for arrival in unplaced:
            assert isinstance(arrival.fact, MessageVoided)
            named = named_by(arrival.fact, arrival.key.subject)
            if named in known and named not in rooms:
                stream_of.setdefault(named, known[named].stream)
            if named in stream_of:
                stream_of[arrival.key] = stream_of[named]
                by_stream[stream_of[named]].append(arrival)
            else:
                left.append(arrival)
        if len(left) == len(unplaced):
            break
        unplaced = left

    still_waiting: dict[str, list[Arrival]] = defaultdict(list)
    for arrival in unplaced:
        room = waiting_room(arrival.key.subject)
        (by_stream if arrival.taken is None else still_waiting)[room].append(arrival)
    return Sorted(by_stream, still_waiting)
