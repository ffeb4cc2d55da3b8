"""Beliefs in the store: whether it keeps them, which orders follow from a stream, and the settler that uses that."""

from collections.abc import Callable, Collection
from datetime import timedelta

from sqlalchemy import Connection, Engine, Table, select

from infra.beliefs.settler import BeliefSettler
from infra.store.events.history import History
from infra.store.projected.serving import positions_of, tables_in_use
from infra.store.projected.tables import stored_tables
from projections.catalogue import BITEMPORAL, PROJECTIONS
from projections.order_beliefs import ORDER_BELIEFS, belief_reasons
from projections.projection import Projection

STREAMS_AT_ONCE = 500


def kept_projections(connection: Connection) -> tuple[Projection, ...]:
    """The projections that this code keeps in the store: a bitemporal one if the store has any version of it."""
    names = {name for name, _ in positions_of(connection)}
    return (*PROJECTIONS, *(projection for projection in BITEMPORAL if projection.name in names))


class BeliefSettlers:
    """Makes settlers that know which orders follow from which streams by the rows of a build."""

    def __init__(self, history: History, engine: Engine, skew: timedelta, time_zone: str):
        self._history = history
        self._engine = engine
        self._skew = skew
        self._time_zone = time_zone

    def in_use(self) -> BeliefSettler:
        """By the rows in use, as they are committed whenever they are read."""

        def following(streams: Collection[str]) -> Collection[str]:
            with self._engine.connect() as connection:
                return _following(connection, tables_in_use(connection, ORDER_BELIEFS)[belief_reasons], streams)

        return self._settler(self._history, following)

    def within(self, connection: Connection, build: int) -> BeliefSettler:
        """By the rows of a build, as the connection's transaction sees them."""
        table = stored_tables(ORDER_BELIEFS, build)[belief_reasons]
        return self._settler(self._history, lambda streams: _following(connection, table, streams))

    def reading(self, history: History) -> BeliefSettler:
        """For `settled_up_to` alone, on this history."""
        return self._settler(history, lambda streams: ())

    def _settler(self, history: History, following: Callable[[Collection[str]], Collection[str]]) -> BeliefSettler:
        return BeliefSettler(history, following, self._skew, self._time_zone)


def _following(connection: Connection, reasons: Table, streams: Collection[str]) -> Collection[str]:
    found: set[str] = set()
    named = sorted(streams)
    for start in range(0, len(named), STREAMS_AT_ONCE):
        some = reasons.c.stream.in_(named[start : start + STREAMS_AT_ONCE])
        found.update(connection.execute(select(reasons.c.order_id).where(some)).scalars())
    return found
