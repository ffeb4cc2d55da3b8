"""Beliefs in the store: whether it keeps them, which orders follow from a stream, and the settler that uses that."""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Table, and_, select

from domain.standing_order.ids import name_in, name_of
from domain.standing_order.kind import STANDING_ORDER
from domain.streams import split_stream_name
from infra.beliefs.settler import BeliefSettler
from infra.store.events.history import History
from infra.store.projected.serving import positions_of, tables_in_use
from infra.store.projected.tables import stored_tables
from projections.catalogue import BITEMPORAL, PROJECTIONS
from projections.order_beliefs import ORDER_BELIEFS, belief_reasons, order_beliefs, unapplied_beliefs
from projections.projection import Projection
from projections.table import RowTable

STREAMS_AT_ONCE = 500
AFTER_THE_DASH = chr(ord("-") + 1)

Tables = Mapping[RowTable[Any], Table]


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
                return _following(connection, tables_in_use(connection, ORDER_BELIEFS), streams)

        return self._settler(self._history, following)

    def within(self, connection: Connection, build: int) -> BeliefSettler:
        """By the rows of a build, as the connection's transaction sees them."""
        tables = stored_tables(ORDER_BELIEFS, build)
        return self._settler(self._history, lambda streams: _following(connection, tables, streams))

    def reading(self, history: History) -> BeliefSettler:
        """For `settled_up_to` alone, on this history."""
        return self._settler(history, lambda streams: ())

    def _settler(self, history: History, following: Callable[[Collection[str]], Collection[str]]) -> BeliefSettler:
        return BeliefSettler(history, following, self._skew, self._time_zone)


def _following(connection: Connection, tables: Tables, streams: Collection[str]) -> Collection[str]:
    reasons, found = tables[belief_reasons].c, set[str]()
    named = sorted(streams)
    for start in range(0, len(named), STREAMS_AT_ONCE):
        some = reasons.stream.in_(named[start : start + STREAMS_AT_ONCE])
        found.update(connection.execute(select(reasons.order_id).where(some)).scalars())
    for stream in named:
        kind, subject = split_stream_name(stream)
        if kind is STANDING_ORDER:
            found.update(_spoken_of(connection, tables, name_of(subject)))
    return found


def _spoken_of(connection: Connection, tables: Tables, name: str) -> Iterator[str]:
    """Orders with the id of one that this standing order places: messages may speak of them before it is known."""
    for table in (order_beliefs, unapplied_beliefs):
        order_id = tables[table].c.order_id
        begin_alike = and_(order_id > f"{name}-", order_id < f"{name}{AFTER_THE_DASH}")
        for found in connection.execute(select(order_id).where(begin_alike).distinct()).scalars():
            if name_in(found) == name:
                yield found
