"""An outbox: one kind of thing that the relay sends, read from the store after a checkpoint."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from sqlalchemy import Connection

from consumers.sinks.sink import Record


class Outgoing(NamedTuple):
    """Records to be sent, in their order, and the position that is reached once all of them are kept."""

    records: Sequence[Record]
    end: int


class Outbox(Protocol):
    """Reading never changes the store."""

    name: str
    """By which the store knows its checkpoint."""

    def after(self, position: int) -> Outgoing:
        """What comes next; it ends at the position itself when there is nothing."""

    def lag(self, position: int) -> int:
        """How many things were not sent yet."""

    def newest(self, connection: Connection, now: datetime) -> int:
        """The position of one that has sent all that there is by now."""
