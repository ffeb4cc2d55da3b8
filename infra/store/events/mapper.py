"""The library's mapper between domain events and stored events, based on infra/store/events/codec.py."""

import msgspec
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, MapperDeserialisationError, StoredEvent
from eventsourcing.utils import get_topic

from domain.fact import StreamEvent
from infra.store.events.codec import UnreadableEventError, decode_event, encode_event


class EventMapper(Mapper[str]):
    """Encodes an event's fields except stream name and version, which are columns."""

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        assert isinstance(domain_event, StreamEvent)
        return StoredEvent(
            originator_id=domain_event.originator_id,
            originator_version=domain_event.originator_version,
            topic=get_topic(type(domain_event)),
            state=encode_event(msgspec.structs.replace(domain_event, originator_id="", originator_version=0)),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> StreamEvent:
        """Raises MapperDeserialisationError, naming the event, if the state cannot be read."""
        stream, version = str(stored_event.originator_id), stored_event.originator_version
        try:
            return decode_event(stream, version, stored_event.topic, stored_event.state)
        except UnreadableEventError as e:
            raise MapperDeserialisationError(str(e)) from e
