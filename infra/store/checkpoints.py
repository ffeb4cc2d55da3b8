"""How far each reactor has come, in the store."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Engine, insert, select, update

from infra.outbox.outbox import Outbox
from infra.store.backend import Backend
from infra.store.engine import LOCKED
from infra.store.register.tables import reactor_positions


class CheckpointMovedError(Exception):
    """The position was not moved: another process has moved it, and tells what we were about to tell."""


class Checkpoints:
    """Positions of reactors, by name."""

    def __init__(self, backend: Backend):
        self._backend = backend
        self._engine: Engine = backend.engine

    def begin(self, outlets: Sequence[Outbox], now: datetime, *, at_the_newest: bool) -> None:
        """Give a position to each that has never run: the store's beginning, or what comes from now on."""
        with self._engine.execution_options(**{LOCKED: True}).begin() as connection:
            self._backend.lock(connection)
            there = {row.name: row for row in connection.execute(select(reactor_positions))}
            for outlet in outlets:
                row = there.get(outlet.name)
                if row is not None and row.begun_at is not None:
                    continue
                position = outlet.newest(connection, now) if at_the_newest else row.position if row is not None else 0
                values = {"name": outlet.name, "position": position, "begun_at": now}
                if row is None:
                    connection.execute(insert(reactor_positions).values(values))
                else:
                    connection.execute(
                        update(reactor_positions).where(reactor_positions.c.name == outlet.name).values(values)
                    )

    def begun(self) -> Mapping[str, int]:
        """The positions of those that were run on this store."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(reactor_positions).where(reactor_positions.c.begun_at.is_not(None)))
            return {row.name: row.position for row in rows}

    def position(self, name: str) -> int:
        """Where one that has begun stands."""
        with self._engine.connect() as connection:
            return int(
                connection.execute(
                    select(reactor_positions.c.position).where(reactor_positions.c.name == name)
                ).scalar_one()
            )

    def move(self, name: str, start: int, end: int) -> None:
        """A compare-and-set that only goes forward.

        Raises CheckpointMovedError when it does not stand at `start` any more, or `end` is not after it.
        """
        with self._engine.execution_options(**{LOCKED: True}).begin() as connection:
            moved = connection.execute(
                update(reactor_positions)
                .where(
                    reactor_positions.c.name == name,
                    reactor_positions.c.position == start,
                    reactor_positions.c.position < end,
                )
                .values(position=end)
            )
            if moved.rowcount != 1:
                raise CheckpointMovedError(f"another process has moved {name} on from {start}, or {end} is not beyond")
