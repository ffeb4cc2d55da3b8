"""Ingest: read a source to its end, project what it brought, and sum up what became of its messages."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import structlog

from consumers.sources.reading_lock import reading_lock
from consumers.sources.source import Source
from infra.app.container import Waybill
from infra.queries.books import VerdictCounts
from infra.queries.dead_letters import UntakenCounts
from infra.queries.messages import IgnoredField
from projections.runner import Step

log = structlog.get_logger(__name__)


class IngestReport(NamedTuple):
    """What became of a source's messages, each in the verdict that it has now.

    `untaken` counts those that the source brought again, too, which `counts` has as duplicates. `position` is that of
    the newest event that was written or found, 0 if there is none. `ignored` sums up which fields were ignored.
    """

    counts: VerdictCounts
    untaken: UntakenCounts
    position: int
    ignored: Sequence[IgnoredField]


@contextmanager
def ingest_source(
    waybill: Waybill,
    source: Source,
    *,
    honour_recordedtime: bool = False,
    project: bool = True,
    on_step: Callable[[Step], None] | None = None,
) -> Iterator[IngestReport]:
    """Ingest a source; the reading counts as finished when the block ends without an error.

    Use the report inside the block: after a crash in it, the same ingest goes on instead of counting the source twice.
    Of two processes that read one source at a time, only the first may resume a reading that was broken off.
    Raises CheckpointMovedError, UnreadableSourceError, and what the store raises when it is away for too long.
    """
    pipeline = waybill.ingest(honour_recordedtime=honour_recordedtime)
    with reading_lock(waybill.settings.store, source.topic) as alone:
        feed_id, position = pipeline.read(source, resume=alone)
        pipeline.wake()
        if project:
            waybill.project(on_step)
        log.info("ingest_finished", topic=source.topic, position=position)
        tally = waybill.register.tally(feed_id)
        untaken = waybill.retry(lambda: waybill.dead_letters.counts_of_feeds([feed_id], waybill.clock()))
        ignored = waybill.messages.ignored_of_feed(feed_id)
        yield IngestReport(VerdictCounts.of(tally), untaken, position, ignored)
        pipeline.finish(feed_id)
