"""What stands still or waits in the store: failures, begun rebuilds, held messages, open dead letters."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, select, union_all

from consumers.reactors.reactor import CHECKPOINTS
from infra.store.events.ranges import StreamRange
from infra.store.projected.build_parts import BuildKey, parts_of
from infra.store.projected.failures import failures_of
from infra.store.projected.load_cursor import LoadCursor, load_cursor
from infra.store.projected.tables import projection_builds
from infra.store.reactions.failures import reaction_failures
from infra.store.register.dead import Limit, still_waits
from infra.store.register.set_aside import is_open_dead, is_open_malformed
from infra.store.register.tables import malformed_messages, messages
from projections.catalogue import every_projection


class Failing(NamedTuple):
    """A parked subject of a projection or a reactor (`reactor.parcels`); with `key` None, the part is stopped."""

    name: str
    key: str | None
    reason: str
    since: datetime

    @property
    def part(self) -> str:
        """For people: `projection orders`, `reactor parcels`."""
        is_reactor = self.name.startswith(CHECKPOINTS)
        return f"reactor {self.name.removeprefix(CHECKPOINTS)}" if is_reactor else f"projection {self.name}"


class BegunRebuild(NamedTuple):
    """A rebuild that was begun and does not serve. `stream` is the last one filled, None if all are.

    If it was cut into parts, `parts` has what is left of each.
    """

    name: str
    version: int
    begun_at: datetime
    position: int
    stream: str | None
    parts: tuple[StreamRange, ...] = ()

    @property
    def loading(self) -> LoadCursor | None:
        """How far it is, if it is loaded with rows that were made elsewhere, and not filled from streams."""
        return load_cursor(self.stream)

    @property
    def left(self) -> Sequence[StreamRange]:
        """The streams that are not filled yet."""
        return self.parts or (() if self.stream is None else (StreamRange(self.stream),))


class Waiting(NamedTuple):
    """How many messages wait, and when the oldest was received."""

    number: int
    oldest: datetime | None


def failing_projections(connection: Connection) -> Sequence[Failing]:
    """Of the versions that this code projects, by name, the first that failed first."""
    return [
        Failing(name, one.key or None, one.reason, one.since)
        for name, failures in sorted(failures_of(connection, every_projection()).items())
        for one in sorted(failures.values(), key=lambda one: (one.since, one.key))
    ]


def failing_reactors(connection: Connection) -> Sequence[Failing]:
    """By name, the first that failed first."""
    c = reaction_failures.c
    found = select(c.reactor, c.key, c.reason, c.since).order_by(c.reactor, c.since, c.key)
    return [Failing(CHECKPOINTS + name, key or None, *why) for name, key, *why in connection.execute(found)]


def begun_rebuilds(connection: Connection) -> Sequence[BegunRebuild]:
    """By name and version."""
    c = projection_builds.c
    question = select(c.name, c.version, c.begun_at, c.position, c.stream, c.build).where(c.served.is_(False))
    return [
        BegunRebuild(*row[:5], parts_of(connection, BuildKey(row.name, row.version, row.build)))
        for row in connection.execute(question.order_by(c.name, c.version)).all()
    ]


def held_messages(connection: Connection, limit: Limit) -> Waiting:
    """Held messages that have not expired; `limit` as in infra.store.register.dead."""
    question = select(func.count(), func.min(messages.c.received_at)).where(still_waits(limit))
    return Waiting(*connection.execute(question).one())


def open_dead_letters(connection: Connection, limit: Limit) -> Waiting:
    """Dead letters that wait for somebody. An expired one is as old as its receipt."""
    refused = select(messages.c.received_at).where(is_open_dead(limit))
    malformed = select(malformed_messages.c.received_at).where(is_open_malformed())
    letters = union_all(refused, malformed).subquery()
    return Waiting(*connection.execute(select(func.count(), func.min(letters.c.received_at))).one())


def open_reasons(connection: Connection, limit: Limit, most: int) -> Sequence[Row[Any]]:
    """Why the dead letters that wait for somebody were not taken: `reason` and `times`, the most frequent first."""
    refused = select(messages.c.reason).where(is_open_dead(limit))
    malformed = select(malformed_messages.c.reason).where(is_open_malformed())
    letters = union_all(refused, malformed).subquery()
    times = func.count().label("times")
    question = select(letters.c.reason, times).group_by(letters.c.reason).order_by(times.desc(), letters.c.reason)
    return connection.execute(question.limit(most)).all()
