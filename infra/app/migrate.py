"""Migrate: brings a store up to the newest version of its schema, its rules and its views.

First the schema, in one transaction. Then every subject is settled again by today's rules, and every malformed message
is read again by today's contract, batch by batch, each in one transaction with its checkpoint. After a kill it
continues there when it is run again, and several processes share the work. Until it is done, no other process may write
verdicts (see infra.store.stored_rules_version). The views are filled last, beside those of the previous version.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import NamedTuple

import structlog

from consumers.ingest.redrive import RedrivenMessage, redrive_malformed, redrive_streams
from consumers.ingest.register import Changes
from domain.rules_version import RULES_VERSION
from infra.app.container import Waybill, open_backend, reading_rules, system_clock
from infra.app.processes import processes_to_rebuild
from infra.app.rebuild.rebuild import Rebuild
from infra.beliefs.stored import kept_projections
from infra.settings import Settings
from infra.sql_views.upkeep import define_relations
from infra.store.backend import Backend
from infra.store.business_months import keep_business_months
from infra.store.engine import LOCKED
from infra.store.opening import opening_alone
from infra.store.operator_log import Who
from infra.store.projected.rows import ProjectedRows
from infra.store.register.rules_migration import StoredResettling
from infra.store.retries import RetryPolicy
from infra.store.schema_version import refuse_newer, upgrade, version_of
from infra.store.stored_rules_version import begin_resettling
from projections.catalogue import PROJECTIONS
from projections.rebuild import RebuildProgress
from projections.runner import Step

MESSAGES_OF_A_SUBJECT = 10
"""Approximate: a batch has this many times fewer subjects than an ingest batch has messages."""
MALFORMED_AT_ONCE = 50
"""Each can have a megabyte."""
TWENTIETHS = 20
MALFORMED_A_LINE = 10_000
MIGRATION = Who("waybill", "migration")
"""Who rebuilds what a new version changed, unless a person is named."""
BECAUSE = f"rules of version {RULES_VERSION}"


class Progress(NamedTuple):
    """The progress of one part of the work: `part` is "subjects" or "malformed", `total` is None if unknown."""

    part: str
    done: int
    total: int | None


class Migrated(NamedTuple):
    """The result of a migration: the schema's earlier version (None: the store was empty), and the changed verdicts.

    `changed` counts well-formed messages with a new verdict, and `taken` malformed ones that fit the contract now.
    """

    version_before: str | None
    changed: int
    taken: int


def migrate_store(
    settings: Settings,
    on_progress: Callable[[Progress], None] = lambda _: None,
    clock: Callable[[], datetime] = system_clock,
) -> Migrated:
    """Bring the store's schema and verdicts up to this code's.

    Raises StoreVersionError if a newer waybill created the store.
    """
    again = RetryPolicy(settings.retry_seconds)
    with opening_alone(settings.sqlite_path, settings.store):
        backend = open_backend(settings)
        try:
            before = version_of(backend.engine)
            refuse_newer(before)
            again(lambda: upgrade(backend.engine))
            again(lambda: _begin(backend))
            hold = timedelta(hours=settings.hold_hours)
            ProjectedRows(backend.engine).create(PROJECTIONS)
            again(lambda: keep_business_months(backend.engine, settings.time_zone))
            again(lambda: define_relations(backend, hold, settings.time_zone))
        except BaseException:
            backend.close()
            raise
    # Processes that open the store meanwhile get an error instead of waiting.
    try:
        work = _Resettling(backend, settings, clock, again, on_progress)
        changed, taken = work.run()
    finally:
        backend.close()
    return Migrated(before, changed, taken)


def fill_views(
    settings: Settings,
    who: Who = MIGRATION,
    on_step: Callable[[Step, int], None] | None = None,
    on_rebuild: Callable[[RebuildProgress], None] = lambda _: None,
) -> int:
    """Bring this version's views up to date and make them live; returns the position that they reflect.

    Those that this version has changed are rebuilt (`on_rebuild`), then all are projected: `on_step` gets each step,
    and the position of the newest event.
    """
    with Waybill(settings) as waybill:
        with waybill.engine.connect() as connection:
            kept = kept_projections(connection)
        standings = waybill.rows.standings(kept)
        if changed := [projection for projection in kept if not standings[projection.name].filled]:
            Rebuild(waybill, who, processes=processes_to_rebuild(waybill), tell=on_rebuild).run(changed)
        head = waybill.retry(waybill.history.head)
        return waybill.project(None if on_step is None else lambda step: on_step(step, head))


def _begin(backend: Backend) -> None:
    with backend.engine.execution_options(**{LOCKED: True}).begin() as connection:
        begin_resettling(connection)


class _Teller:
    """Passes progress on, and logs one line for each twentieth of the work."""

    def __init__(self, on_progress: Callable[[Progress], None]):
        self._on_progress = on_progress
        self._log = structlog.get_logger(__name__)
        self._told: tuple[str, int] | None = None

    def __call__(self, progress: Progress) -> None:
        part, done, total = progress
        self._on_progress(progress)
        told = (part, done * TWENTIETHS // total if total else done // MALFORMED_A_LINE)
        if told != self._told:
            self._log.info("store_resettling", part=part, done=done, total=total)
            self._told = told


class _Resettling:
    """Settles the whole store again, batch by batch."""

    def __init__(
        self,
        backend: Backend,
        settings: Settings,
        clock: Callable[[], datetime],
        again: RetryPolicy,
        on_progress: Callable[[Progress], None],
    ):
        self._store = StoredResettling(backend)
        self._rules = reading_rules(settings)
        self._clock_skew = settings.clock_skew
        self._streams_at_once = max(1, settings.batch_messages // MESSAGES_OF_A_SUBJECT)
        self._malformed_at_once = min(MALFORMED_AT_ONCE, settings.batch_messages)
        self._clock = clock
        self._again = again
        self._tell = _Teller(on_progress)

    def run(self) -> tuple[int, int]:
        """Do the remaining work; returns how many verdicts changed, and how many malformed messages were taken."""
        stands_at = self._again(self._store.stands_at)
        if stands_at is None:
            return 0, 0
        changed = self._settle_subjects(stands_at)
        taken = self._read_malformed()
        self._again(self._end)
        structlog.get_logger(__name__).info("rules_raised", version=RULES_VERSION, messages=changed + taken)
        return changed, taken

    def _settle_subjects(self, stands_at: str) -> int:
        total = self._again(lambda: self._store.count_streams(stands_at))
        changed = done = 0
        while settled := self._again(self._settle_batch):
            streams, redriven = settled
            changed += sum(one.before.verdict is not one.after.verdict for one in redriven)
            done += streams
            self._tell(Progress("subjects", done, total))
        return changed

    def _settle_batch(self) -> tuple[int, Sequence[RedrivenMessage]] | None:
        """Settle the next streams; returns how many, None if none is left."""
        with self._store.transaction() as transaction:
            stands_at = transaction.stands_at()
            if stands_at is None:
                return None
            streams = transaction.next_streams(stands_at, self._streams_at_once)
            if not streams:
                return None
            changes = Changes(self._clock(), ())
            redriven = redrive_streams(transaction, changes, streams, BECAUSE)
            transaction.save(changes)
            transaction.move(streams[-1])
        return len(streams), redriven

    def _read_malformed(self) -> int:
        """Messages that fit are no longer malformed, so a restart takes nothing twice."""
        taken = done = 0
        in_order = iter(self._store.malformed_in_order())
        while letter_ids := list(islice(in_order, self._malformed_at_once)):
            redriven = self._again(partial(self._read_batch, letter_ids))
            taken += sum(one.key is not None for one in redriven)
            done += len(letter_ids)
            self._tell(Progress("malformed", done, None))
        return taken

    def _read_batch(self, letter_ids: Sequence[str]) -> Sequence[RedrivenMessage]:
        with self._store.transaction() as transaction:
            if transaction.stands_at() is None:
                return ()
            changes = Changes(self._clock(), ())
            kept = transaction.kept_malformed(letter_ids)
            redriven = redrive_malformed(transaction, changes, kept, self._rules, self._clock_skew, BECAUSE)
            transaction.save(changes)
        return redriven

    def _end(self) -> None:
        with self._store.transaction() as transaction:
            transaction.end()
