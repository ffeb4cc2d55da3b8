"""The interface of all sinks."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

Headers = tuple[tuple[str, bytes], ...]

STRUCTURED = "application/cloudevents+json"


class Record(NamedTuple):
    """One message for a topic (its full name). Records of one key and topic keep their order."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Headers = ()


class Sink(Protocol):
    """Sends records and waits for their acknowledgement."""

    def send(self, records: Sequence[Record]) -> Mapping[int, str]:
        """Send these in order and wait for the acknowledgement of each.

        Returns the reasons of permanently rejected records by index; empty if all are stored. A record may be stored
        twice if an acknowledgement was lost. Raises NotReachedError if the broker does not answer until the sink gives
        up, and StoppedError if it is stopped meanwhile; some records may be stored then.
        """

    def largest(self, topic: str) -> int:
        """The size limit for records of this topic, as `size` counts it."""

    def size(self, record: Record) -> int:
        """The size of a record in bytes: key, value and headers, and the sink's overhead."""


class NotReachedError(Exception):
    """The broker did not answer. `acknowledged` has the indexes of the records stored before that."""

    def __init__(self, message: str, acknowledged: frozenset[int] = frozenset()):
        super().__init__(message)
        self.acknowledged = acknowledged


class MissingTopicsError(Exception):
    """Topics are missing; the text names them and the command that creates them."""


class StoppedError(Exception):
    """The sink was stopped before everything was acknowledged."""
