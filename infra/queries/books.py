"""The books: every message that ever came in, counted once by its latest verdict."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, func, select

from domain.verdict import Verdict
from infra.store.events.history import History
from infra.store.projected.rows import ProjectedRows, projection_positions
from infra.store.register.dead import has_expired
from infra.store.register.tables import feeds, letters, messages
from projections.projection import Projection

FeedPlace = tuple[str, int]
"""A topic and a partition."""


def books(engine: Engine, now: datetime, hold: timedelta) -> dict[str, int]:
    """received = applied + duplicate + held + dead. Dead: malformed, refused, and held for longer than `hold`."""
    by_verdict = kept(engine)
    with engine.connect() as connection:
        expired = connection.execute(
            select(func.count()).select_from(messages).where(has_expired(now - hold))
        ).scalar_one()
    return {
        "received": sum(by_verdict.values()),
        "applied": by_verdict["applied"],
        "duplicate": by_verdict["duplicate"],
        "held": by_verdict["held"] - expired,
        "dead": by_verdict["refused"] + by_verdict["malformed"] + expired,
    }


def recounted(engine: Engine) -> Mapping[str, int]:
    """The count of each verdict, taken from the messages themselves instead of the books."""
    with engine.connect() as connection:
        by_verdict = {
            verdict: int(count)
            for verdict, count in connection.execute(
                select(messages.c.verdict, func.count()).group_by(messages.c.verdict)
            )
        }
        repeats = connection.execute(select(func.coalesce(func.sum(messages.c.repeats), 0))).scalar_one()
        malformed, again = connection.execute(
            select(func.count(), func.coalesce(func.sum(letters.c.repeats), 0)).select_from(letters)
        ).one()
    counts = {verdict.value: by_verdict.get(verdict.value, 0) for verdict in Verdict}
    counts["duplicate"] += int(repeats) + int(again)
    counts["malformed"] = int(malformed)
    return counts


def kept(engine: Engine) -> Mapping[str, int]:
    """The count of each verdict, as the books have it."""
    with engine.connect() as connection:
        row = connection.execute(
            select(*(func.coalesce(func.sum(feeds.c[verdict.value]), 0).label(verdict.value) for verdict in Verdict))
        ).one()
    return {name: int(count) for name, count in row._mapping.items()}


def status(
    engine: Engine,
    history: History,
    rows: ProjectedRows,
    projections: tuple[Projection, ...],
    now: datetime,
    hold: timedelta,
    ends: Callable[[Sequence[FeedPlace]], Mapping[FeedPlace, int]] = lambda places: {},
) -> dict[str, Any]:
    """The books, the head of the store, how far each projection is, and each partition's lag.

    Lag of a projection is a count of events, not a difference of positions; of a partition it is one of offsets. `ends`
    tells where partitions end: `end_offset` and `lag` are null where it does not, as of a file that is being read. A
    partition that it tells of and that nobody has begun to read stands at offset 0.
    """
    head = history.head()
    positions = rows.positions(projections)
    with engine.connect() as connection:
        listed = connection.execute(select(projection_positions.c.name, projection_positions.c.paused)).all()
        paused = {row.name: row.paused for row in listed}
        reading = connection.execute(
            select(feeds.c.topic, feeds.c.partition, feeds.c.next_offset)
            .where(feeds.c.finished_at.is_(None))
            .order_by(feeds.c.topic, feeds.c.partition, feeds.c.feed_id)
        ).all()
    begun = {(topic, partition): next_offset for topic, partition, next_offset in reading}
    known = ends(list(begun))
    stands = sorted((begun | {place: begun.get(place, 0) for place in known}).items())
    return {
        "books": books(engine, now, hold),
        "head": head,
        "projections": [
            {
                "name": projection.name,
                "version": projection.version,
                "position": positions[projection.name],
                "lag": (lag := history.count_after(positions[projection.name])),
                "state": "paused" if paused.get(projection.name) else "behind" if lag else "live",
            }
            for projection in projections
        ],
        "partitions": [
            {
                "topic": topic,
                "partition": partition,
                "next_offset": next_offset,
                "end_offset": (end := known.get((topic, partition))),
                "lag": None if end is None else max(0, end - next_offset),
            }
            for (topic, partition), next_offset in stands
        ],
    }
