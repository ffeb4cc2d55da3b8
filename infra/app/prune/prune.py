"""Prune: the events of closed orders leave the store, where an archive has them and an engine has made their rows.

Bucket by bucket of the archive: what it has of each stream is digested, and the orders are judged and pruned some at a
time, each time in one transaction. Killed at any moment, it leaves every order whole or pruned; run again, it goes on.
See docs/decisions/036-prune.md.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

import structlog
from sqlalchemy import delete, func, insert, select, text

from domain.operator.acts import OPERATOR_SOURCE, OrdersPruned
from domain.order.kind import ORDER
from domain.pruning import StreamPruned
from domain.streams import split_stream_name, stream_name
from infra.app.container import Waybill
from infra.app.prune.archived_streams import StreamDigest, digests_in_bucket
from infra.app.prune.errors import CannotPruneError
from infra.app.prune.judging import Judged, LeftOut, Prunable, PruneTerms, judge
from infra.app.prune.standing import expect_no_build, standing_of_archive
from infra.archive.folder import ArchiveFolder
from infra.store.backend import EventRow
from infra.store.engine import snapshot
from infra.store.events.codec import encode_event
from infra.store.operator_log import Acting, Who
from infra.store.projected.serving import tables_in_use
from infra.store.pruned import pruned_streams
from infra.store.register.tables import snapshots
from infra.telemetry.progress import ProgressLog
from projections.order_states import ORDER_STATES, order_states

ORDERS_AT_ONCE = 200
"""How many orders are judged and pruned in one transaction: others wait for it."""
LONG_CLOSED = timedelta(days=30)
"""How long an order must have been closed: until then a customer may be owed word, and a carrier's scan be about it."""


@dataclass
class PruneReport:
    """What was pruned, or would be: how many orders and events, and about how many bytes.

    `oldest` and `newest` are when the first and the last of these orders were closed (UTC). `left_out` counts closed
    orders by the reason why they stay; `pruned_before` those that were pruned by an earlier run.
    """

    archive: str
    done: bool
    orders: int = 0
    events: int = 0
    bytes: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None
    pruned_before: int = 0
    left_out: Counter[LeftOut] = field(default_factory=Counter)

    def add(self, judged: Judged) -> None:
        """Count some orders."""
        for one in judged.prunable:
            self.orders += 1
            self.events += one.digest.events
            self.bytes += one.bytes
            self.oldest = one.closed_at if self.oldest is None else min(self.oldest, one.closed_at)
            self.newest = one.closed_at if self.newest is None else max(self.newest, one.closed_at)
        self.pruned_before += judged.pruned_before
        self.left_out.update(judged.left_out)

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "archive": self.archive,
            "done": self.done,
            "orders": self.orders,
            "events": self.events,
            "bytes": self.bytes,
            "oldest": self.oldest,
            "newest": self.newest,
            "pruned_before": self.pruned_before,
            "left_out": {reason.value: count for reason, count in self.left_out.items()},
        }


OnBucket = Callable[[int, int], None]
"""Called with how many of the archive's buckets are done, and how many there are."""


def plan_prune(
    waybill: Waybill, archive: str, rows: str, before: datetime, on_bucket: OnBucket = lambda done, total: None
) -> PruneReport:
    """What a prune would do; nothing is changed. Raises CannotPruneError, and the errors of reading an archive."""
    return _run(waybill, archive, rows, before, on_bucket, None)


def prune(
    waybill: Waybill,
    who: Who,
    archive: str,
    rows: str,
    before: datetime,
    on_bucket: OnBucket = lambda done, total: None,
) -> PruneReport:
    """Prune orders that were closed before `before` and of which nothing was recorded since.

    `archive` and `rows` are folders or fsspec URLs: an archive of this store, and rows that Spark made of it. Raises
    CannotPruneError, NoArchiveError, DamagedFileError and OSError. The transactions are retried during outages.
    """
    return _run(waybill, archive, rows, before, on_bucket, who)


def _run(
    waybill: Waybill, archive: str, rows: str, before: datetime, on_bucket: OnBucket, who: Who | None
) -> PruneReport:
    if before > (latest := waybill.clock() - LONG_CLOSED):
        raise CannotPruneError(
            f"only orders that were closed {LONG_CLOSED.days} days ago or earlier can be pruned: name an instant up to "
            f"{latest:%Y-%m-%dT%H:%M:%SZ}"
        )
    folder, rows_folder = ArchiveFolder(archive), ArchiveFolder(rows)
    standing = standing_of_archive(waybill, folder, rows_folder)
    terms = PruneTerms(before, standing.reached, standing.failed, standing.marks)
    report = PruneReport(folder.url, who is not None)
    seen, log = 0, ProgressLog("prune_progress")
    for bucket in range(standing.manifest.buckets):
        shares = digests_in_bucket(folder, standing.manifest, bucket, stream_name(ORDER, ""))
        for archived, some in ((share, some) for share in shares for some in _at_once(share)):
            with snapshot(waybill.engine) as connection:
                judged = judge(connection, waybill.backend, terms, archived, _ids(some))
            if who is not None and judged.prunable:
                to = _Archive(folder.url, standing.manifest.archive_id)
                judged = judged.with_others(_prune(waybill, who, to, terms, archived, judged.prunable))
            seen += len(judged.prunable) + judged.pruned_before + sum(judged.left_out.values())
            report.add(judged)
        on_bucket(bucket + 1, standing.manifest.buckets)
        log.tell("buckets", bucket + 1, standing.manifest.buckets, orders=report.orders)
    closed = _count_closed(waybill)
    if closed > seen:
        report.left_out[LeftOut.NOT_ARCHIVED] += closed - seen
    return report


class _Archive(NamedTuple):
    """Where the events are from then on."""

    url: str
    archive_id: str


def _prune(
    waybill: Waybill,
    who: Who,
    archive: _Archive,
    terms: PruneTerms,
    archived: Mapping[str, StreamDigest],
    orders: Sequence[Prunable],
) -> Judged:
    """Judge these orders again under the store's write lock, and prune them, in one transaction."""

    def work(acting: Acting) -> Judged:
        expect_no_build(acting.connection)
        found = judge(acting.connection, waybill.backend, terms, archived, _ids([one.stream for one in orders]))
        if found.prunable:
            events = sum(one.digest.events for one in found.prunable)
            acting.log(
                OrdersPruned,
                archive=archive.url,
                archive_id=archive.archive_id,
                archived_before=terms.before,
                orders=len(found.prunable),
                events=events,
            )
        for one in found.prunable:
            _prune_stream(acting, waybill, one, archive)
        return found

    done = waybill.operator_log.act(who, work)
    events = sum(one.digest.events for one in done.prunable)
    structlog.get_logger(__name__).info("orders_pruned", orders=len(done.prunable), events=events, archive=archive.url)
    return done


def _prune_stream(acting: Acting, waybill: Waybill, one: Prunable, archive: _Archive) -> None:
    """Replace the events of one stream by the event that says so, within the act's transaction."""
    connection, backend = acting.connection, waybill.backend
    told = StreamPruned(
        recorded_at=acting.now,
        source=OPERATOR_SOURCE,
        message_id=acting.act_id,
        archive=archive.url,
        archive_id=archive.archive_id,
        events=one.digest.events,
        digest=one.digest.digest,
        first_position=one.first_position,
        last_position=one.last_position,
        messages=one.messages,
        operator=acting.who.operator,
    )
    row: EventRow = (one.stream, one.version + 1, told.TOPIC, encode_event(told))
    # Before the others go: so no position is ever given out twice, even by a database that looks at the greatest.
    backend.insert_events(connection, [row])
    gone = connection.execute(
        text(f"DELETE FROM {backend.events_table} WHERE originator_id = :stream AND originator_version <= :version"),
        {"stream": one.stream, "version": one.version},
    ).rowcount
    assert gone == one.digest.events, "the events were read in the same transaction"
    connection.execute(delete(snapshots).where(snapshots.c.stream == one.stream))
    connection.execute(
        insert(pruned_streams).values(
            stream=one.stream,
            version=one.version + 1,
            archive=archive.url,
            archive_id=archive.archive_id,
            events=one.digest.events,
            digest=one.digest.digest,
            first_position=one.first_position,
            last_position=one.last_position,
            last_recorded_at=one.last_recorded_at,
            pruned_at=acting.now,
            operator=acting.who.operator,
        )
    )


def _count_closed(waybill: Waybill) -> int:
    """How many orders are closed, those that are pruned included."""
    with waybill.engine.connect() as connection:
        states = tables_in_use(connection, ORDER_STATES)[order_states].c
        closed = select(func.count()).where(states.valid_to.is_(None), states.status != "open")
        return int(connection.execute(closed).scalar_one())


def _at_once(streams: Mapping[str, StreamDigest]) -> Iterator[list[str]]:
    left = iter(sorted(streams))
    while some := list(islice(left, ORDERS_AT_ONCE)):
        yield some


def _ids(streams: Sequence[str]) -> list[str]:
    return [split_stream_name(stream)[1] for stream in streams]
