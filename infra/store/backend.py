"""What differs between the databases: how to connect, lock, insert events, and hand a list of keys to a query."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection, Engine

from infra.sql_views.relations import Relation
from infra.store.events.application import Fulfillment
from infra.store.leadership import Leadership

EventRow = tuple[str, int, str, bytes]
"""A stream's name, the event's version in it, its topic and its state."""


class Backend(Protocol):
    """One store on one database. Everything else is the same SQL on each."""

    url: str
    application: Fulfillment
    engine: Engine
    events_table: str
    """The library's table of events."""
    position: str
    """The column of the events' table that numbers them in the order of the store."""

    def lock(self, connection: Connection) -> None:
        """Keep other writers of events out until the transaction ends; readers go on."""

    def insert_events(self, connection: Connection, events: Sequence[EventRow]) -> None:
        """Insert events within the connection's transaction, which holds the lock."""

    def keys(self, width: int) -> str:
        """A table expression `k` with the text columns k0, k1, … of the JSON array of arrays in parameter `keys`.

        Of one column, the array is of texts. See `as_keys`.
        """

    def leadership(self, role: str) -> Leadership:
        """This process's claim to lead a role, and its ear for new events."""

    def define(self, relations: Sequence[Relation]) -> bool:
        """Make what analysts query what it should be; True when it was not. One transaction, safe beside readers.

        Raises NotAllowedError, or sqlalchemy's DBAPIError when somebody reads for too long what is to be replaced.
        """

    def redefine(self, connection: Connection, relations: Sequence[Relation]) -> None:
        """The same within the connection's transaction."""

    def grant(self, role: str) -> list[str]:
        """Let a role read what was defined; returns what else it can do. Raises NotAllowedError."""

    def revoke(self, role: str) -> None:
        """Take that back. Raises NotAllowedError."""

    def close(self) -> None:
        """Let go of all connections."""


def as_keys(keys: Iterable[Any]) -> str:
    """Texts, or tuples of equal length, as the parameter of Backend.keys."""
    return msgspec.json.encode(list(keys)).decode()
