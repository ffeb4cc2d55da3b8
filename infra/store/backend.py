"""The differences between the databases: connections, locks, inserts of events, and key lists in queries."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection, Engine

from infra.sql_views.relations import Relation, Wanted
from infra.store.events.application import Fulfillment
from infra.store.leadership import Leadership

EventRow = tuple[str, int, str, bytes]
"""A stream's name, the event's version in it, its topic and its state."""


class Backend(Protocol):
    """One store on one database. All other SQL is the same on each."""

    url: str
    application: Fulfillment
    engine: Engine
    events_table: str
    """The library's table of events."""
    position: str
    """The column of the events' table that numbers them in the order of the store."""

    def lock(self, connection: Connection) -> None:
        """Block other writers of events until the transaction ends; readers go on."""

    def insert_events(self, connection: Connection, events: Sequence[EventRow]) -> None:
        """Insert events within the connection's transaction, which holds the lock."""

    def keys(self, width: int) -> str:
        """A table expression `k` with the text columns k0, k1, … of the JSON array of arrays in parameter `keys`.

        For one column, it is an array of texts. See `as_keys`.
        """

    def leadership(self, role: str) -> Leadership:
        """This process's leadership of a role, and its notifications of new events."""

    def define(self, wanted: Sequence[Relation] | Wanted) -> bool:
        """Redefine the analysts' relations if needed; returns whether it was. One transaction, safe with readers.

        Raises NotAllowedError, or sqlalchemy's DBAPIError if a reader blocks the replacement for too long.
        """

    def redefine(self, connection: Connection, relations: Sequence[Relation]) -> None:
        """The same within the connection's transaction."""

    def remove(self, connection: Connection, relations: Sequence[Relation]) -> None:
        """Drop these relations within the connection's transaction."""

    def grant(self, role: str, *, fills_rates: bool = False) -> list[str]:
        """Let a role read the relations, and fill in the exchange rates; returns its excess privileges.

        Raises NotAllowedError.
        """

    def revoke(self, role: str) -> None:
        """Revoke it. Raises NotAllowedError."""

    def close(self) -> None:
        """Close all connections."""


def as_keys(keys: Iterable[Any]) -> str:
    """Texts, or tuples of equal length, as the parameter of Backend.keys."""
    return msgspec.json.encode(list(keys)).decode()
