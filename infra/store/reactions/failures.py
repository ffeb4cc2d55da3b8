"""The keys that reactors have parked: reacting to them raised, and the reactors go on without them."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Connection, Table, Text, delete, insert, select

from infra.store.register.tables import register_metadata
from projections.views.columns import Instant

THE_REACTOR_ITSELF = ""
"""The key of a failure of the whole reactor. No subject has this id."""

reaction_failures = Table(
    "reaction_failures",
    register_metadata,
    Column("reactor", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", Instant, nullable=False),
)


class ReactionFailure(NamedTuple):
    """Why a key is parked, or (with the key THE_REACTOR_ITSELF) why the reactor is stopped.

    `position` is the newest event that the reactor had read; `since` is in UTC.
    """

    reactor: str
    key: str
    position: int
    reason: str
    since: datetime


def reaction_failures_of(connection: Connection, reactor: str) -> Mapping[str, ReactionFailure]:
    """The failures of a reactor by key, as the connection's transaction sees them."""
    c = reaction_failures.c
    found = select(*(c[name] for name in ReactionFailure._fields)).where(c.reactor == reactor).order_by(c.key)
    return {row.key: ReactionFailure(*row) for row in connection.execute(found)}


def record_reaction_failure(connection: Connection, failure: ReactionFailure) -> None:
    """Record a failure; one that is known keeps its `since`."""
    known = reaction_failures_of(connection, failure.reactor).get(failure.key)
    resolve_reaction_failure(connection, failure.reactor, failure.key)
    kept = failure if known is None else failure._replace(since=known.since)
    connection.execute(insert(reaction_failures).values(kept._asdict()))


def resolve_reaction_failure(connection: Connection, reactor: str, key: str) -> bool:
    """Remove a failure; returns whether there was one."""
    c = reaction_failures.c
    return connection.execute(delete(reaction_failures).where(c.reactor == reactor, c.key == key)).rowcount > 0
