"""The parts into which the filling of a build was cut, and how far each of them is.

Each process moves the parts that it fills alone, so none waits for another.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert, select, tuple_, update

from domain.checkpoint import CheckpointMovedError
from infra.store.events.ranges import StreamRange
from infra.store.projected.tables import projection_build_parts

c = projection_build_parts.c


class BuildKey(NamedTuple):
    """The key of a build: the projection's name and version, and the number in the names of its tables."""

    name: str
    version: int
    build: int


def add_parts(connection: Connection, key: BuildKey, parts: Sequence[StreamRange]) -> None:
    """Note the parts of a build, of which nothing is filled yet."""
    rows = [
        {**key._asdict(), "part": number, "stream": part.after, "until": part.until}
        for number, part in enumerate(parts)
    ]
    connection.execute(insert(projection_build_parts), rows)


def parts_of(connection: Connection, key: BuildKey) -> tuple[StreamRange, ...]:
    """What is left of each part of a build, in the order of streams."""
    found = select(c.stream, c.until).where(_is(key)).order_by(c.part)
    return tuple(StreamRange(*row) for row in connection.execute(found))


def move_part(connection: Connection, keys: Sequence[BuildKey], part: int, after: str, stream: str) -> None:
    """Note that a part is filled up to a stream, in all these builds. Raises CheckpointMovedError."""
    at = tuple_(c.name, c.version, c.build).in_(keys)
    moved = connection.execute(
        update(projection_build_parts).where(at, c.part == part, c.stream == after).values(stream=stream)
    )
    if moved.rowcount != len(keys):
        raise CheckpointMovedError("another process has moved the rebuild")


def drop_parts(connection: Connection, key: BuildKey) -> None:
    """Forget the parts of a build."""
    connection.execute(delete(projection_build_parts).where(_is(key)))


def _is(key: BuildKey) -> Any:
    return (c.name == key.name) & (c.version == key.version) & (c.build == key.build)
