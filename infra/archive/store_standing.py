"""Where a store stands at the moment of an archive, and whether it is the store that was archived before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from consumers.contract.topics import read_topics
from consumers.contract.writing import instant_text
from consumers.sources.source import READ_AGAIN
from domain.counted import counted
from infra.archive.event_rows import StoredEvents
from infra.archive.manifest import ArchivedBooks, ArchivedPartition, Manifest, Mark
from infra.queries.books import kept
from infra.store.backend import Backend
from infra.store.events.history import head_seen
from infra.store.opening import StoreVersionError
from infra.store.projected.serving import paused_positions
from infra.store.pruned import pruned_rows, pruned_streams
from infra.store.register.tables import feeds, notices
from infra.store.stored_rules_version import rules_seen

MOST_MARKS = 100


class OtherHistoryError(Exception):
    """The archive is of another store, or of one whose history went another way; the message says where they differ."""


@dataclass(frozen=True)
class StoreStanding:
    """What a manifest says of its store; see Manifest."""

    position: int
    newest_notice: int
    rules_version: int
    books: ArchivedBooks
    partitions: Sequence[ArchivedPartition]
    begun_at: datetime | None
    read_again: int
    paused: Mapping[str, int]


def standing_of(connection: Connection, backend: Backend, topic_prefix: str) -> StoreStanding:
    """Where the store stands, as its transaction sees it. Raises StoreVersionError while it is migrated."""
    rules = rules_seen(connection)
    if rules.resettled_to is not None:
        raise StoreVersionError(
            f"the store's messages are being judged again by rules of version {rules.version}: wait for waybill "
            "migrate, or run it again if it was interrupted; then archive"
        )
    counts = kept(connection)
    c = feeds.c
    newest_notice = connection.execute(select(func.max(notices.c.notice_id))).scalar_one()
    begun_at = connection.execute(select(c.opened_at).order_by(c.feed_id).limit(1)).scalar_one_or_none()
    read_again = connection.execute(
        select(func.coalesce(func.sum(c.next_offset), 0)).where(c.topic.startswith(READ_AGAIN))
    ).scalar_one()
    partitions = connection.execute(
        select(c.topic, c.partition, c.next_offset, c.topic_id)
        .where(c.finished_at.is_(None), c.topic.in_(list(read_topics(topic_prefix))))
        .order_by(c.topic, c.partition)
    )
    return StoreStanding(
        position=head_seen(connection, backend),
        newest_notice=int(newest_notice or 0),
        rules_version=rules.version,
        books=ArchivedBooks(received=sum(counts.values()), **counts),
        partitions=[ArchivedPartition(*row) for row in partitions],
        begun_at=begun_at,
        read_again=int(read_again),
        paused=paused_positions(connection),
    )


def expect_same_history(
    connection: Connection, backend: Backend, before: Manifest, standing: StoreStanding, url: str
) -> None:
    """Raise OtherHistoryError unless what was archived is the beginning of this store's history.

    It asks for events that were archived, not for all of them: `waybill archive verify --against-store` does that.
    """
    remedy = "name the folder of this store's archive, or an empty one, and check WAYBILL_STORE"
    if before.store_begun_at is not None and before.store_begun_at != standing.begun_at:
        raise OtherHistoryError(
            f"the archive {url} is of another store ({before.store}): that one's first feed was opened at "
            f"{instant_text(before.store_begun_at)}, and not at {_or_never(standing.begun_at)}; {remedy}"
        )
    if standing.position < before.position or standing.newest_notice < before.newest_notice:
        raise OtherHistoryError(
            f"the archive {url} goes up to position {before.position} and notice {before.newest_notice}, and the store "
            f"only to position {standing.position} and notice {standing.newest_notice}: it is another store, or was "
            f"set back to an earlier copy; {remedy}"
        )
    if standing.rules_version < before.rules_version:
        raise OtherHistoryError(
            f"the archive {url} was judged by rules of version {before.rules_version}, and the store by version "
            f"{standing.rules_version}: it is another store, or was set back to an earlier copy; {remedy}"
        )
    _expect_pruned_archived(connection, before.position, url)
    events = StoredEvents(connection, backend)
    pruned = {row.stream for row in pruned_rows(connection, [mark.stream for mark in before.marks])}
    for mark in before.marks:
        found = events.mark(mark.position)
        if found != mark and not (found is None and mark.stream in pruned):
            raise OtherHistoryError(
                f"the archive {url} has event {mark.version} of {mark.stream} at position {mark.position}, and the "
                f"store has {_told(found)} there: it is another store, or was set back to an earlier copy; {remedy}"
            )


def expect_whole_store(connection: Connection, url: str) -> None:
    """Raise OtherHistoryError if orders were pruned: a new archive of the store would lack their events."""
    _expect_pruned_archived(connection, 0, url)


def _expect_pruned_archived(connection: Connection, position: int, url: str) -> None:
    """Raise OtherHistoryError if events after a position, up to which the archive goes, were pruned."""
    p = pruned_streams.c
    lost = connection.execute(select(func.count(), func.min(p.archive)).where(p.last_position > position)).one()
    if lost[0]:
        raise OtherHistoryError(
            f"{counted(lost[0], 'order')} were pruned whose events the archive {url} does not have: archive into "
            f"{lost[1]}, or bring them back first (waybill prune --undo)"
        )


def marks_with(connection: Connection, backend: Backend, before: Manifest | None, position: int) -> list[Mark]:
    """The marks of earlier runs and that of the newest event; of many, the newest and some that are spread over all."""
    marks = [] if before is None else list(before.marks)
    newest = StoredEvents(connection, backend).mark(position)
    if newest is not None and newest not in marks:
        marks.append(newest)
    while len(marks) > MOST_MARKS:
        # Every second one of the older half goes, so that the distances grow with the age.
        half = len(marks) // 2
        marks = [*marks[:half:2], *marks[half:]]
    return marks


def _told(mark: Mark | None) -> str:
    if mark is None:
        return "none"
    return f"event {mark.version} of {mark.stream}"


def _or_never(instant: datetime | None) -> str:
    return "any time" if instant is None else instant_text(instant)
