"""Reads the store for the doctor. It writes nothing."""

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Row, func, select, text

from consumers.contract.faults import shape_of
from consumers.contract.topics import read_topics
from domain.rules_version import RULES_VERSION
from infra.app.container import Waybill
from infra.app.doctor.seen import Behind, Dead, Disk, Held, Pause, Rules, StoreSeen, Unread, WaitingForPruned
from infra.app.oldest_work import OldestWork
from infra.app.reactor_lag import outbox_lags, reactor_lags
from infra.app.retention import PartitionInStore
from infra.app.status import begun_partitions, projection_statuses
from infra.masking import masked
from infra.queries.books import unreadable
from infra.queries.standing import (
    begun_rebuilds,
    failing_projections,
    failing_reactors,
    held_messages,
    open_dead_letters,
    open_reasons,
)
from infra.settings import Settings
from infra.store.checkpoints import Checkpoints
from infra.store.failures import Failure, failure_of, reason_of
from infra.store.opening import Access, NoStoreError, SharedSessionsError, StoreChangedError, StoreVersionError
from infra.store.pruned import waiting_for_pruned
from infra.store.register.dead import dead_on_arrival
from infra.store.register.tables import feeds, notices
from infra.store.restoring import StoreRestoringError
from infra.store.retries import store_failures
from infra.store.sqlite.file_ownership import NotAStoreError
from infra.store.stored_rules_version import rules_seen

DAY = timedelta(days=1)
LONGEST_REASON = 100
MOST_REASONS = 1000
_WHAT_TO_TYPE = (
    (NoStoreError, "waybill settings (is WAYBILL_STORE right?); a new store: waybill ingest FILE"),
    (StoreRestoringError, "waybill restore --from DIR (the archive that it was begun with), which continues"),
    (StoreVersionError, "waybill migrate, with the newest waybill and all writers stopped"),
    (NotAStoreError, "waybill settings (is WAYBILL_STORE right?)"),
    (SharedSessionsError, "set WAYBILL_STORE to PostgreSQL itself"),
    (StoreChangedError, "waybill doctor (again)"),
)
RUNS = "check that the database runs and can be reached; then: waybill status"
WORKS = "check that the database works: it may be frozen or overloaded"
ROOM = "make room on its disk; then: waybill doctor"


def _unreadable() -> tuple[type[Exception], ...]:
    return (*(error for error, _ in _WHAT_TO_TYPE), *store_failures(), OSError)


def look_at_store(settings: Settings, clock: Callable[[], datetime]) -> StoreSeen | Unread:
    """All that the checks need; or why it cannot be read."""
    try:
        with Waybill(settings, clock, Access.READING) as waybill:
            return look(waybill)
    except _unreadable() as e:
        typed = next((what for error, what in _WHAT_TO_TYPE if isinstance(e, error)), None)
        if typed is not None:
            return unread(settings, str(e), typed)
        full = failure_of(e) is Failure.FULL_DISK and settings.sqlite_path is not None
        return unread(settings, reason_of(e), ROOM if full else RUNS)


def unread(settings: Settings, reason: str, to_type: str) -> Unread:
    """A store that could not be read. Its disk can be looked at all the same."""
    try:
        disk = _disk(settings)
    except OSError:  # no such folder, which the reason says
        disk = None
    return Unread(masked(reason), to_type, disk)


def look(waybill: Waybill) -> StoreSeen:
    """The same of an open store. Raises what reading it raises."""
    now = waybill.clock()
    projections = projection_statuses(waybill)
    begun = {place: one for place, one in begun_partitions(waybill).items() if place[0] in _topics(waybill.settings)}
    oldest = OldestWork(waybill, now)
    left_out, newest_left_out = Checkpoints(waybill.backend).left_out(1)
    with waybill.engine.connect() as connection:
        version, resettled_to = rules_seen(connection)
        stopped = [*failing_projections(connection), *failing_reactors(connection)]
        rebuilds = begun_rebuilds(connection)
        held = held_messages(connection, now - waybill.hold)
        waiting = waiting_for_pruned(connection)
    return StoreSeen(
        rules=Rules(version, RULES_VERSION, resettled_to is not None),
        disk=_disk(waybill.settings),
        clock=_clock(waybill),
        head=waybill.history.head(),
        projections=projections,
        projections_behind=[
            Behind(one.name, one.lag, oldest.after(one.position)) for one in projections if one.should_move
        ],
        reactors_behind=_reactors(waybill, oldest),
        stopped=stopped,
        paused=_paused(waybill),
        rebuilds=rebuilds,
        unreadable=unreadable(waybill.engine),
        left_out=left_out,
        left_out_since=newest_left_out[0].since if newest_left_out else None,
        dead=_dead(waybill, now),
        held=Held(*held, waybill.hold),
        waiting_for_pruned=WaitingForPruned(*waiting),
        checkpoints={place: PartitionInStore(one.next_offset, one.topic_id) for place, one in begun.items()},
        moved_at={place: one.moved_at for place, one in begun.items() if one.moved_at is not None},
    )


def _topics(settings: Settings) -> frozenset[str]:
    return frozenset(read_topics(settings.topic_prefix))


def _disk(settings: Settings) -> Disk | None:
    path = settings.sqlite_path
    if path is None:
        return None
    file = Path(path).absolute()
    usage = shutil.disk_usage(file.parent)
    files = [file.with_name(file.name + suffix) for suffix in ("", "-wal", "-shm")]
    return Disk(str(file.parent), usage.free, usage.total, sum(one.stat().st_size for one in files if one.exists()))


def _clock(waybill: Waybill) -> timedelta | None:
    """The server's clock minus ours; the answer's way is halved."""
    if waybill.settings.sqlite_path is not None:
        return None
    with waybill.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        before = datetime.now(UTC)
        theirs: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        after = datetime.now(UTC)
    return theirs.astimezone(UTC) - (before + (after - before) / 2)


def _reactors(waybill: Waybill, oldest: OldestWork) -> list[Behind]:
    """Reactors, and the outboxes of a relay that has run."""
    due, begun = oldest.due(), Checkpoints(waybill.backend).begun()
    behind = []
    for name, position, lag in reactor_lags(waybill):
        since = min(filter(None, (oldest.after(position), due.get(name))), default=None)
        if lag and since is not None:
            behind.append(Behind(name, lag, since, has_run=name in begun))
    behind += [
        Behind(one.name, one.lag, oldest.of_outbox(one.name, one.position), has_run=one.name in begun)
        for one in outbox_lags(waybill)
        if one.lag
    ]
    return behind


def _paused(waybill: Waybill) -> list[Pause]:
    return [Pause(*one) for one in waybill.pauses().values()]


def _dead(waybill: Waybill, now: datetime) -> Dead:
    told_at, reason = notices.c.told_at, notices.c.reason
    today = dead_on_arrival() & (told_at > now - DAY)
    yesterday = dead_on_arrival() & (told_at > now - 2 * DAY) & (told_at <= now - DAY)
    times = func.count().label("times")
    reasons = select(reason, times).where(today).group_by(reason).order_by(times.desc(), reason).limit(MOST_REASONS)
    with waybill.engine.connect() as connection:
        open_, oldest = open_dead_letters(connection, now - waybill.hold)
        last_day, first = connection.execute(select(func.count(), func.min(told_at)).where(today)).one()
        day_before = connection.execute(select(func.count()).where(yesterday)).scalar_one()
        most = _frequent(connection.execute(reasons).all())
        most_open = _frequent(open_reasons(connection, now - waybill.hold, MOST_REASONS))
        began = connection.execute(select(func.min(feeds.c.opened_at))).scalar_one()
    compares = began is not None and began <= now - 2 * DAY
    return Dead(open_, oldest, last_day, day_before, first, most, compares, most_open)


def _frequent(reasons: Sequence[Row[Any]]) -> tuple[str, int] | None:
    """The most frequent of these reasons, counting those as one that differ only in the sender's values."""
    counted: Counter[str] = Counter()
    for row in reasons:
        counted[shape_of(row.reason)] += row.times
    return next(((shape[:LONGEST_REASON], times) for shape, times in counted.most_common(1)), None)
