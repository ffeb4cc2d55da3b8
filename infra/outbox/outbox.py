"""An outbox: one kind of thing that the relay sends, read from the store after a checkpoint."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from sqlalchemy import Connection

from consumers.sinks.sink import Record


class Outgoing(NamedTuple):
    """Records to send, in order, and the checkpoint after all of them are acknowledged."""

    records: Sequence[Record]
    end: int


class Outbox(Protocol):
    """Reading never changes the store."""

    name: str
    """The name of its checkpoint in the store."""

    def after(self, position: int) -> Outgoing:
        """The next records; the end equals the position if there are none."""

    def lag(self, position: int) -> int:
        """The number of entries not sent yet."""

    def newest(self, connection: Connection, now: datetime) -> int:
        """The position after everything that exists now."""
