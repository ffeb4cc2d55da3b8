"""The books: every received message, counted once by its latest verdict."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Engine, and_, case, func, or_, select

from domain.verdict import Verdict
from infra.store.register.dead import has_expired, is_dead
from infra.store.register.set_aside import is_edited, is_marked, is_set_aside, is_superseded
from infra.store.register.tables import (
    feeds,
    malformed_messages,
    messages,
    unreadable_batches,
)


class Books(NamedTuple):
    """received = applied + duplicate + held + dead. Dead: malformed, refused, and held for too long."""

    received: int
    applied: int
    duplicate: int
    held: int
    dead: int


class UnreadableBatch(NamedTuple):
    """An unreadable batch from `offset` up to, but not including, `end_offset`. Its partition is stuck."""

    topic: str
    partition: int
    offset: int
    end_offset: int
    reason: str
    since: datetime


class SetAside(NamedTuple):
    """How many dead letters are set aside, each counted once: voided, discarded, or superseded.

    A malformed message is superseded if the message that it claims to be is applied, or an edited copy took its place.
    """

    voided: int
    discarded: int
    superseded: int

    @property
    def total(self) -> int:
        return self.voided + self.discarded + self.superseded


class VerdictCounts(NamedTuple):
    """The number of received messages, and of each verdict."""

    received: int
    applied: int
    duplicate: int
    held: int
    refused: int
    malformed: int

    @classmethod
    def of(cls, *tallies: Mapping[Verdict, int]) -> "VerdictCounts":
        """The sum of these counts."""
        counts = {verdict.value: sum(tally[verdict] for tally in tallies) for verdict in Verdict}
        return cls(received=sum(counts.values()), **counts)


def books(engine: Engine, now: datetime, hold: timedelta) -> Books:
    """The books at `now`; a message held for longer than `hold` is dead."""
    by_verdict = kept(engine)
    with engine.connect() as connection:
        expired = connection.execute(
            select(func.count()).select_from(messages).where(has_expired(now - hold))
        ).scalar_one()
    return Books(
        received=sum(by_verdict.values()),
        applied=by_verdict["applied"],
        duplicate=by_verdict["duplicate"],
        held=by_verdict["held"] - expired,
        dead=by_verdict["refused"] + by_verdict["malformed"] + expired,
    )


class SourceBooks(NamedTuple):
    """What one source sent: the messages received, each verdict's, and when the last of them was recorded (UTC).

    `source` is None for malformed messages of which no source could be read. `duplicate` counts repetitions too. The
    sums over all sources are the books, where `dead` also has those held too long.
    """

    source: str | None
    received: int
    applied: int
    duplicate: int
    held: int
    refused: int
    malformed: int
    last_at: datetime


def books_of_sources(engine: Engine) -> list[SourceBooks]:
    """What each source sent, the largest first. It reads the whole register, which takes a second for a million."""
    by_verdict = [func.count(case((messages.c.verdict == verdict.value, 1))) for verdict in Verdict]
    well_formed = select(
        messages.c.source,
        *by_verdict,
        func.coalesce(func.sum(messages.c.repeats), 0),
        func.max(messages.c.received_at),
    ).group_by(messages.c.source)
    claimed = malformed_messages.c.claimed_source
    malformed = select(
        claimed,
        func.count(),
        func.coalesce(func.sum(malformed_messages.c.repeats), 0),
        func.max(malformed_messages.c.received_at),
    ).group_by(claimed)
    found: dict[str | None, SourceBooks] = {}
    with engine.connect() as connection:
        for source, *counts, repeats, last_at in connection.execute(well_formed):
            tally = dict(zip((verdict.value for verdict in Verdict), map(int, counts), strict=True))
            tally["duplicate"] += int(repeats)
            found[source] = SourceBooks(source, sum(tally.values()), **tally, last_at=last_at)
        for source, count, repeats, last_at in connection.execute(malformed):
            known = found.get(source, SourceBooks(source, 0, 0, 0, 0, 0, 0, last_at))
            found[source] = known._replace(
                received=known.received + int(count) + int(repeats),
                duplicate=known.duplicate + int(repeats),
                malformed=known.malformed + int(count),
                last_at=max(known.last_at, last_at),
            )
    return sorted(found.values(), key=lambda one: (-one.received, one.source or ""))


def set_aside(engine: Engine, now: datetime, hold: timedelta) -> SetAside:
    """How many of the dead in the books are set aside."""
    well_formed = select(
        func.count(case((messages.c.voided, 1))), func.count(case((and_(is_set_aside(), ~messages.c.voided), 1)))
    ).where(is_dead(now - hold))
    discarded_malformed = and_(is_marked(), ~is_edited())
    superseded = or_(and_(is_marked(), is_edited()), and_(~is_marked(), is_superseded()))
    malformed = select(func.count(case((discarded_malformed, 1))), func.count(case((superseded, 1)))).select_from(
        malformed_messages
    )
    with engine.connect() as connection:
        voided, refused = connection.execute(well_formed).one()
        discarded, superseded_ones = connection.execute(malformed).one()
        return SetAside(int(voided), int(refused) + int(discarded), int(superseded_ones))


def unreadable(engine: Engine) -> list[UnreadableBatch]:
    """The batches at which partitions are stuck; without those read or skipped since."""
    stands = unreadable_batches.join(feeds, unreadable_batches.c.feed_id == feeds.c.feed_id)
    columns = {**unreadable_batches.c, "topic": feeds.c.topic, "partition": feeds.c.partition}
    question = (
        select(*(columns[name] for name in UnreadableBatch._fields))
        .select_from(stands)
        .where(feeds.c.next_offset == unreadable_batches.c.offset, feeds.c.finished_at.is_(None))
        .order_by(feeds.c.topic, feeds.c.partition)
    )
    with engine.connect() as connection:
        return [UnreadableBatch(*row) for row in connection.execute(question)]


def recounted(store: Engine | Connection) -> Mapping[str, int]:
    """The count of each verdict, from the messages instead of the books."""
    with _connected(store) as connection:
        by_verdict = {
            verdict: int(count)
            for verdict, count in connection.execute(
                select(messages.c.verdict, func.count()).group_by(messages.c.verdict)
            )
        }
        repeats = connection.execute(select(func.coalesce(func.sum(messages.c.repeats), 0))).scalar_one()
        malformed, again = connection.execute(
            select(func.count(), func.coalesce(func.sum(malformed_messages.c.repeats), 0)).select_from(
                malformed_messages
            )
        ).one()
    counts = {verdict.value: by_verdict.get(verdict.value, 0) for verdict in Verdict}
    counts["duplicate"] += int(repeats) + int(again)
    counts["malformed"] = int(malformed)
    return counts


def kept(store: Engine | Connection) -> Mapping[str, int]:
    """The count of each verdict, from the books."""
    with _connected(store) as connection:
        row = connection.execute(
            select(*(func.coalesce(func.sum(feeds.c[verdict.value]), 0).label(verdict.value) for verdict in Verdict))
        ).one()
    return {name: int(count) for name, count in row._mapping.items()}


def _connected(store: Engine | Connection) -> AbstractContextManager[Connection]:
    """A connection of its own, or the one whose transaction the answer must see."""
    return nullcontext(store) if isinstance(store, Connection) else store.connect()
