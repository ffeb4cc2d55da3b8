"""The parts of the service that an operator has paused. A pause is stored, so it survives restarts."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Column, Connection, Table, Text, select

from infra.store.register.tables import register_metadata
from projections.views.columns import Instant

CONSUME, REACT, RELAY = "consume", "react", "relay"
"""The parts that can be paused besides projections."""

pauses = Table(
    "pauses",
    register_metadata,
    Column("name", Text, primary_key=True),
    Column("since", Instant, nullable=False),
    Column("operator", Text, nullable=False),
    Column("reason", Text, nullable=False),
)


class Pause(NamedTuple):
    """A paused part: the name of a projection, or `consume`, `react` or `relay`; since when (UTC), by whom and why."""

    name: str
    since: datetime
    operator: str
    reason: str


def stored_pauses(connection: Connection) -> Mapping[str, Pause]:
    """The paused parts by name, as the connection's transaction sees them."""
    rows = connection.execute(select(*(pauses.c[name] for name in Pause._fields)).order_by(pauses.c.name))
    return {row.name: Pause(*row) for row in rows}
