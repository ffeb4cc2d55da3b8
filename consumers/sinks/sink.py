"""Where messages go to: what every sink takes, whoever sends."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

Headers = tuple[tuple[str, bytes], ...]

STRUCTURED = "application/cloudevents+json"


class Record(NamedTuple):
    """One message for a topic, whose full name stands here. Records of one key and topic keep their order."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Headers = ()


class Sink(Protocol):
    """Sends records and waits until they are kept."""

    def send(self, records: Sequence[Record]) -> Mapping[int, str]:
        """Send these, in their order, and wait for the acknowledgement of each.

        Returns why those that can never be taken were not, by their index: empty when all are kept. A record may be
        kept twice when an acknowledgement was lost. Raises NotReachedError when the broker does not answer for so long
        that the sink gives up, and StoppedError when it is told to stop meanwhile; some may be kept then.
        """

    def largest(self, topic: str) -> int:
        """How many bytes a record of this topic may have, as `size` counts them."""

    def size(self, record: Record) -> int:
        """How many bytes a record has: key, value and headers, and what the sink adds to carry them."""


class NotReachedError(Exception):
    """The broker did not answer. `acknowledged` are the indexes of what it had kept before that."""

    def __init__(self, message: str, acknowledged: frozenset[int] = frozenset()):
        super().__init__(message)
        self.acknowledged = acknowledged


class MissingTopicsError(Exception):
    """Topics that are sent to are not there; the text names them and the command that creates them."""


class StoppedError(Exception):
    """The sink was told to stop before all was acknowledged."""
