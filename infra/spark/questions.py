"""Queries of views to an archive: Spark settles its streams, and the SELECT of a view reads what is left of them.

Executors return the rows in force at the instant of the question, of the tables that its views read. They go into the
scratch database of the question, as those of a store's past do (infra/queries/known_at.py). The driver holds one
partition of the answer at a time.
"""

import pickle
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.sql.visitors import iterate

from infra.queries.scratch import Scratch, scratch_database
from infra.queries.streamed import Streamed
from infra.queries.views import Asked, question_of
from infra.settled_then.derived import MatchedScan
from infra.settled_then.question import SettledQuestion
from infra.spark.archived_rows import ArchivedRows
from infra.spark.executors.answers import (
    ANSWERS,
    AnsweredPage,
    FailedGroup,
    Narrowed,
    StandingQuestion,
    answers_fold,
)
from infra.spark.executors.groups import instant_of_micros
from infra.spark.past_streams import PastStreams
from projections.views.as_of import WEEK, AsOf, moved
from projections.views.catalogue import View
from projections.views.tables import table_of

ROWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class ArchiveReading:
    """Answers by these clocks from one settling, while it is open. `instant` is T (UTC).

    `failed` are the streams that could not be settled: their rows are missing in the answers.
    """

    connection: Connection
    as_of: AsOf
    instant: datetime
    position: int
    failed: Sequence[FailedGroup]

    def stream(self, view: View, filters: Mapping[str, str] | None = None) -> Streamed:
        """The view's answer, read row by row."""
        return Streamed(self.connection, question_of(view, self.as_of, filters), self.position, self.instant)


@contextmanager
def reading_archive(
    archive: ArchivedRows, views: Sequence[View], asked: Asked, now: datetime, partitions: int
) -> Iterator[ArchiveReading]:
    """Settle what these views read, by these clocks; `now` is the clock. Memory stays flat, the rows take disk."""
    manifest = archive.manifest
    instant, zone = asked.as_of or now, manifest.time_zone
    projections = list(dict.fromkeys(projection for view in views for projection in view.projections))
    present = asked.as_of is None or asked.known_at is not None
    as_of = AsOf.at(instant, present=present, zone=zone)
    narrowed = narrowed_for(views, as_of, instant, None if present else instant)
    streams = PastStreams(archive, partitions)
    counts_untaken = any(view.counts_untaken for view in views)
    matches_scans = any(view.matches_scans for view in views)
    names = tuple(projection.name for projection in projections)
    question: SettledQuestion | StandingQuestion
    if asked.known_at is None:
        question = StandingQuestion(names)
        groups = streams.standing({projection.kind for projection in projections})
    else:
        question = SettledQuestion(
            names,
            asked.as_of,
            asked.known_at,
            timedelta(seconds=manifest.clock_skew_seconds),
            zone,
            now,
            manifest.position,
            only_lasting=True,
            matches_scans=matches_scans,
            claimed=frozenset() if counts_untaken else None,
        )
        groups = streams.known(question)
    failed: list[FailedGroup] = []
    with scratch_database(projections, zone) as scratch:
        try:
            for page in _answers(groups, question, narrowed):
                if page.settled.rows:
                    scratch.add(page.settled, asked.as_of)
                scratch.add_untaken(page.untaken)
                scratch.add_claims(page.claims)
                failed += page.failed
        finally:
            streams.release()
        if asked.known_at is None:
            _add_registered(scratch, streams, counts_untaken=counts_untaken, matches_scans=matches_scans)
        with scratch.engine.connect() as connection:
            yield ArchiveReading(connection, as_of, instant, manifest.position, failed)


def narrowed_for(views: Sequence[View], as_of: AsOf, instant: datetime, at: datetime | None) -> Narrowed:
    """Which rows these views read at T, `instant`; of periods those in force at `at` (None: those that last)."""
    read = {part.name for view in views for part in iterate(view.question(as_of)) if isinstance(part, Table)}
    tables = set()
    for projection in dict.fromkeys(projection for view in views for projection in view.projections):
        tables |= {table.name for table in projection.tables if table_of(table).name in read}
        tables |= {totals.over.name for totals in projection.totals if table_of(totals.table).name in read}
    return Narrowed(
        frozenset(tables),
        at,
        open_orders=all(view.open_orders_only for view in views),
        contacts_after=moved(instant, -WEEK) if all(view.contacts_of_a_week_only for view in views) else None,
    )


def _answers(groups: Any, question: SettledQuestion | StandingQuestion, narrowed: Narrowed) -> Iterator[AnsweredPage]:
    """The pages, one partition of Spark at a time. They are kept on the executors' disks until they are read."""
    from pyspark import StorageLevel

    answers = groups.mapInArrow(partial(answers_fold, question, narrowed), ANSWERS).persist(StorageLevel.DISK_ONLY)
    try:
        # All partitions at once; without this, each would be settled when its turn comes to be read.
        answers.count()
        for row in answers.toLocalIterator():
            yield pickle.loads(row.page)
    finally:
        answers.unpersist()


def _add_registered(scratch: Scratch, streams: PastStreams, *, counts_untaken: bool, matches_scans: bool) -> None:
    """What the register of the store said of its messages, and its reactors of scans, beside the settled rows."""
    if counts_untaken:
        for some in _rows(streams.untaken_now()):
            scratch.add_untaken([(row.order_id, instant_of_micros(row.at)) for row in some if row.at is not None])
        for some in _rows(streams.claims_now()):
            scratch.add_claims([(row.order_id, instant_of_micros(row.at)) for row in some])
    if matches_scans:
        for some in _rows(streams.matched_now()):
            scratch.add_matched([MatchedScan(row.order_id, row.scan, _instant(row.at)) for row in some])


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else instant_of_micros(micros)


def _rows(frame: Any) -> Iterator[Sequence[Any]]:
    some = []
    for row in frame.toLocalIterator():
        some.append(row)
        if len(some) == ROWS_AT_ONCE:
            yield some
            some = []
    yield some
