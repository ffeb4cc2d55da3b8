"""Between domain events and stored ones: compact JSON that a person on call can read, decoded straight into types."""

from functools import cache
from typing import Any

import msgspec
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, MapperDeserialisationError, StoredEvent
from eventsourcing.utils import TopicError, get_topic, resolve_topic

from domain.fact import StreamEvent

EVENT_COLUMNS = "e.originator_id, e.originator_version, e.topic, e.state"
"""What `decode_event` takes, of the events' table as `e`."""

_ENCODER = msgspec.json.Encoder()


@cache
def _decoder(event_class: type[StreamEvent]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(event_class)


@cache
def _version_prefix(class_version: int) -> bytes:
    return b'{"class_version":%d,' % class_version


class EventMapper(Mapper[str]):
    """Encodes an event's fields, stream name and version aside, since those are columns.

    An event class whose `class_version` is above 1 has its version written into the state, and older states are
    brought up to date on reading by its static methods `upcast_v1_v2(state)`, `upcast_v2_v3(state)`, …
    """

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        assert isinstance(domain_event, StreamEvent)
        event_class = type(domain_event)
        return StoredEvent(
            originator_id=domain_event.originator_id,
            originator_version=domain_event.originator_version,
            topic=get_topic(event_class),
            state=encode_event(msgspec.structs.replace(domain_event, originator_id="", originator_version=0)),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> StreamEvent:
        """Raises MapperDeserialisationError, naming the event, when the state cannot be read."""
        return decode_event(
            str(stored_event.originator_id), stored_event.originator_version, stored_event.topic, stored_event.state
        )


def encode_event(event: StreamEvent) -> bytes:
    """The state to store of an event that does not know its place in a stream."""
    state = _ENCODER.encode(event)
    if event.class_version > 1:
        state = _version_prefix(event.class_version) + state[1:]
    return state


def decode_event(stream: str, version: int, topic: str, state: bytes) -> StreamEvent:
    """One stored event as an event of the domain, upcast when it was written by an earlier version of its class.

    Raises MapperDeserialisationError, naming the event, when it cannot be read.
    """
    try:
        event = _decode(topic, state)
    except (msgspec.MsgspecError, TopicError, KeyError, UnicodeDecodeError) as e:
        raise MapperDeserialisationError(f"event {version} of stream {stream} ({topic}) cannot be read: {e}") from e
    return msgspec.structs.replace(event, originator_id=stream, originator_version=version)


def _decode(topic: str, state: bytes) -> StreamEvent:
    event_class: type[StreamEvent] = resolve_topic(topic)
    # What a class of today's version wrote is read in one step; a decoder passes over the version itself.
    if event_class.class_version == 1 or state.startswith(_version_prefix(event_class.class_version)):
        return _decoder(event_class).decode(state)  # type: ignore[no-any-return]
    fields = msgspec.json.decode(state)
    written_by = fields.pop("class_version", 1)
    for earlier in range(written_by, event_class.class_version):
        getattr(event_class, f"upcast_v{earlier}_v{earlier + 1}")(fields)
    return msgspec.convert(fields, event_class)
