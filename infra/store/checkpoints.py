"""Checkpoints in the store: those of reactors, and the compare-and-set for all checkpoints."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, Engine, Table, func, insert, select, update

from consumers.relay.record_size_limits import LeftOut
from domain.checkpoint import CheckpointMovedError
from infra.outbox.outbox import Outbox
from infra.store.backend import Backend
from infra.store.engine import LOCKED, connected
from infra.store.register.tables import left_out_records, reactor_positions
from infra.store.retries import RetryPolicy, retried


def compare_and_set(
    connection: Connection, table: Table, key: ColumnElement[bool], start: int, end: int, name: str
) -> None:
    """Move the `position` of one row, within the connection's transaction.

    Raises CheckpointMovedError if it is no longer at `start`: of two processes that do the same work, one fails here
    and writes nothing.
    """
    position: Column[int] = table.c.position
    moved = connection.execute(update(table).where(key, position == start).values(position=end))
    if moved.rowcount != 1:
        raise CheckpointMovedError(f"another process has moved {name} on from {start}")


class KeptLeftOut(NamedTuple):
    """A record that the relay left out, as LeftOut, and since when."""

    topic: str
    key: str | None
    event_id: str
    size: int
    largest: int
    since: datetime


class Checkpoints:
    """Checkpoints of reactors, by name, and the records that the relay left out.

    Each method retries during outages, as `retry` says (none: it raises).
    """

    def __init__(
        self,
        backend: Backend,
        retry: RetryPolicy | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        connection: Connection | None = None,
    ):
        self._backend = backend
        self._clock = clock
        self._engine: Engine = backend.engine
        self._connection = connection
        self.retry = retry or RetryPolicy(0)

    @retried
    def begin(self, outboxes: Sequence[Outbox], now: datetime, *, at_the_newest: bool) -> None:
        """Create a checkpoint for each reactor that has never run: the store's beginning, or its present end."""
        with self._engine.execution_options(**{LOCKED: True}).begin() as connection:
            self._backend.lock(connection)
            there = {row.name: row for row in connection.execute(select(reactor_positions))}
            for outbox in outboxes:
                row = there.get(outbox.name)
                if row is not None and row.begun_at is not None:
                    continue
                position = outbox.newest(connection, now) if at_the_newest else row.position if row is not None else 0
                values = {"name": outbox.name, "position": position, "begun_at": now}
                if row is None:
                    connection.execute(insert(reactor_positions).values(values))
                else:
                    connection.execute(
                        update(reactor_positions).where(reactor_positions.c.name == outbox.name).values(values)
                    )

    @retried
    def announce(self, outboxes: Sequence[Outbox]) -> None:
        """Create a checkpoint that has not begun for each outbox without one, so that its lag is seen."""
        with self._engine.execution_options(**{LOCKED: True}).begin() as connection:
            self._backend.lock(connection)
            there = set(connection.execute(select(reactor_positions.c.name)).scalars())
            for outbox in outboxes:
                if outbox.name not in there:
                    connection.execute(insert(reactor_positions).values(name=outbox.name, position=0, begun_at=None))

    @retried
    def announced(self) -> Mapping[str, int]:
        """The checkpoints that have begun or were announced; read on the connection if one was given."""
        with connected(self._engine, self._connection) as connection:
            return {row.name: row.position for row in connection.execute(select(reactor_positions))}

    @retried
    def begun(self) -> Mapping[str, int]:
        """The checkpoints of reactors that have run on this store; read on the connection if one was given."""
        with connected(self._engine, self._connection) as connection:
            rows = connection.execute(select(reactor_positions).where(reactor_positions.c.begun_at.is_not(None)))
            return {row.name: row.position for row in rows}

    @retried
    def position(self, name: str) -> int:
        """The checkpoint of a reactor that has run."""
        with self._engine.connect() as connection:
            return int(
                connection.execute(
                    select(reactor_positions.c.position).where(reactor_positions.c.name == name)
                ).scalar_one()
            )

    @retried
    def move(self, name: str, start: int, end: int, left_out: Sequence[LeftOut] = ()) -> None:
        """A compare-and-set that only goes forward. It also stores the records left out, once.

        Raises CheckpointMovedError if it is no longer at `start`, or if `end` is not after it.
        """
        if end <= start:
            raise CheckpointMovedError(f"{name} is not moved from {start} to {end}, or {end} is not beyond")
        kept = left_out_records.c
        with self._engine.execution_options(**{LOCKED: True}).begin() as connection:
            compare_and_set(connection, reactor_positions, reactor_positions.c.name == name, start, end, name)
            for one in left_out:
                row = {**one._asdict(), "since": self._clock()}
                known = select(kept.since).where(kept.topic == one.topic, kept.event_id == one.event_id)
                if connection.execute(known).first() is None:
                    connection.execute(insert(left_out_records).values(row))

    @retried
    def left_out(self, most: int) -> tuple[int, Sequence[KeptLeftOut]]:
        """The number of records that the relay has left out, and the newest of them, at most `most`."""
        kept = left_out_records.c
        listed = select(*(kept[name] for name in KeptLeftOut._fields))
        listed = listed.order_by(kept.since.desc(), kept.topic, kept.event_id).limit(most)
        with self._engine.connect() as connection:
            count = connection.execute(select(func.count()).select_from(left_out_records)).scalar_one()
            return count, [KeptLeftOut(*row) for row in connection.execute(listed)]
