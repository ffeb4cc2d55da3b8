"""The codec between domain events and their stored form: compact, readable JSON.

It decodes directly into types and needs neither a database nor the library's recorders. Another process that reads
stored events, such as a distributed engine, imports only this module and `domain`.
"""

from functools import cache
from typing import Any

import msgspec
from eventsourcing.utils import TopicError, resolve_topic

from domain.fact import EVENT_CLASSES, StreamEvent
from domain.operator.acts import OperatorAct

EVENT_COLUMNS = "e.originator_id, e.originator_version, e.topic, e.state"
"""The columns that `decode_event` takes, of the events' table as `e`."""

_ENCODER = msgspec.json.Encoder()


class UnreadableEventError(Exception):
    """A stored event cannot be decoded; the message names the event and says why."""


@cache
def _decoder(event_class: type[StreamEvent]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(event_class)


@cache
def _version_prefix(class_version: int) -> bytes:
    return b'{"class_version":%d,' % class_version


def encode_event(event: StreamEvent) -> bytes:
    """The state to store for an event without stream and version.

    An event class whose `class_version` is above 1 has its version written into the state.
    """
    state = _ENCODER.encode(event)
    if event.class_version > 1:
        state = _version_prefix(event.class_version) + state[1:]
    return state


def decode_event(stream: str, version: int, topic: str, state: bytes) -> StreamEvent:
    """One stored event as an event of the domain.

    A state that an earlier version of its class wrote is upcast by the class's static methods
    `upcast_v1_v2(state)`, `upcast_v2_v3(state)`, … Raises UnreadableEventError, naming the event.
    """
    try:
        event = _decode(topic, state)
    except (msgspec.MsgspecError, TopicError, KeyError, TypeError, AttributeError, ValueError, RecursionError) as e:
        raise UnreadableEventError(f"event {version} of stream {stream} ({topic}) cannot be read: {e}") from e
    return msgspec.structs.replace(event, originator_id=stream, originator_version=version)


def _class_of(topic: str) -> type[StreamEvent]:
    # An operator's act that only a later version of this code knows is not needed to settle anything.
    if topic not in EVENT_CLASSES and topic.startswith(OperatorAct.TOPICS):
        return OperatorAct
    found: type[StreamEvent] = resolve_topic(topic)
    return found


def _decode(topic: str, state: bytes) -> StreamEvent:
    event_class = _class_of(topic)
    # A state of the present version is decoded in one step; the decoder skips the version.
    if event_class.class_version == 1 or state.startswith(_version_prefix(event_class.class_version)):
        return _decoder(event_class).decode(state)  # type: ignore[no-any-return]
    fields = msgspec.json.decode(state, type=dict[str, Any])
    written_by = fields.pop("class_version", 1)
    for earlier in range(written_by, event_class.class_version):
        getattr(event_class, f"upcast_v{earlier}_v{earlier + 1}")(fields)
    return msgspec.convert(fields, event_class)
