"""Ingest: reads a source to its end, projects its events, and sums up the verdicts of its messages."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import structlog

from consumers.sources.reading_lock import reading_lock
from consumers.sources.source import Source
from infra.app.container import Waybill
from infra.app.reactor_lag import NotStated, not_stated
from infra.queries.books import VerdictCounts
from infra.queries.dead_letters import UntakenCounts
from infra.queries.messages import IgnoredField, NoLongerApplied
from projections.runner import Step

log = structlog.get_logger(__name__)


class IngestReport(NamedTuple):
    """The result of an ingest, with the present verdict of each message.

    `untaken` also counts messages that came again, which `counts` has as duplicates. `position` is that of the newest
    event that was written or found, 0 if there is none. `ignored` counts the ignored fields. `no_longer_applied` are
    the messages, of any source, that were applied before and lost that verdict while it ran. `not_stated` is what the
    reactors have not stated yet, whatever source it follows from; ingest itself does not react.
    """

    counts: VerdictCounts
    untaken: UntakenCounts
    position: int
    ignored: Sequence[IgnoredField]
    no_longer_applied: Sequence[NoLongerApplied]
    not_stated: NotStated | None


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

    Use the report inside the block: after a crash in it, the same ingest continues instead of counting the source
    twice. If two processes read one source, only the first may resume an interrupted reading. Raises
    CheckpointMovedError, UnreadableSourceError, and the store's error if it is unavailable for too long.
    """
    pipeline = waybill.ingest(honour_recordedtime=honour_recordedtime)
    with reading_lock(waybill.settings.store, source.topic) as alone:
        newest = waybill.retry(waybill.messages.newest_notice)
        feed_id, position = pipeline.read(source, resume=alone)
        pipeline.wake()
        if project:
            waybill.project(on_step)
        log.info("ingest_finished", topic=source.topic, position=position)
        tally = waybill.register.tally(feed_id)
        untaken = waybill.retry(lambda: waybill.dead_letters.counts_of_feeds([feed_id], waybill.clock()))
        ignored = waybill.retry(lambda: waybill.messages.ignored_of_feed(feed_id))
        lost = waybill.retry(lambda: waybill.messages.no_longer_applied(newest))
        missing = waybill.retry(lambda: not_stated(waybill))
        yield IngestReport(VerdictCounts.of(tally), untaken, position, ignored, lost, missing)
        pipeline.finish(feed_id)
