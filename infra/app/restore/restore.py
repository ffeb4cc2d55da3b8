"""Restore: an archive becomes a store again, with the positions and numbers that everything had.

1. An empty store gets its tables, by the steps up to the version of the archived store, and is marked: no process asks
   or writes (infra/store/restoring.py).
2. Events in the order of their positions, with what reactors must know of them; then the other rows, run by run. Each
   batch is one transaction with how far it came, so a restore that was killed continues there.
3. What was restored is compared with the manifest, and the mark is taken away in one transaction: the store is open.
4. Steps and rules that are newer than the archive's are caught up as `waybill migrate` does. No order is pruned any
   more, so what had been held for the events of one is judged. Then the views are filled; those that were paused up to
   where they were paused.

Nothing is sent, and no reactor runs. The views are no part of an archive: they follow from the events.
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from typing import NamedTuple

from domain.rules_version import RULES_VERSION
from infra.app.container import Waybill, open_backend, system_clock
from infra.app.migrate import migrate_store
from infra.app.prune.waiting import judge_restored
from infra.app.restore.filling import filling
from infra.app.restore.plan import RestorePlan
from infra.settings import Settings
from infra.store.engine import LOCKED
from infra.store.newest_version import NEWEST
from infra.store.projected.serving import filled_positions
from infra.store.restoring import end_restoration, restoration_of, rows_restored
from infra.store.retries import RetryPolicy, passes, store_failures
from infra.telemetry.progress import OnProgress, tell_nobody
from projections.catalogue import every_projection

VIEWS = "views"
"""What the progress calls the views; it tells the position that they reflect."""
_NEVER = object()


class Restored(NamedTuple):
    """What was restored: events and messages (repeats included), up to which position and instant (UTC).

    `views_at` is the position that the views reflect; None if they were left out. `paused` are the projections that
    stay paused, with the positions that they reflect: those that they had in the archived store.
    """

    events: int
    messages: int
    position: int
    archived_at: datetime
    views_at: int | None
    paused: Mapping[str, int]


def restore_store(
    settings: Settings,
    plan: RestorePlan,
    *,
    anew: bool = False,
    project: bool = True,
    tell: OnProgress = tell_nobody,
    on_restored: Callable[[Restored], None] = lambda restored: None,
    clock: Callable[[], datetime] = system_clock,
) -> Restored:
    """Restore what the plan found, or continue; with `anew`, give up what an interrupted restore brought.

    `on_restored` gets the result before the store forgets the restore: whoever is killed before that runs it again.
    It waits for an unavailable store for WAYBILL_RETRY_SECONDS. Raises CannotRestoreError, DamagedFileError, OSError,
    and what the store raises; the same call continues afterwards.
    """
    again, moved = RetryPolicy(settings.retry_seconds), _NEVER
    while True:
        try:
            with filling(settings, plan, tell, anew=anew) as found:
                if found is not None:
                    found.run()
            break
        except store_failures() as e:
            # An outage: it continues from what is stored, unless nothing has come of the last try.
            if not passes(e) or moved == (stands := again(lambda: _stands(settings))):
                raise
            moved, anew = stands, False
    return _caught_up(settings, plan, clock, tell, on_restored, project=project)


def _stands(settings: Settings) -> object:
    """How far the restore has come."""
    with closing(open_backend(settings)) as backend, backend.engine.connect() as connection:
        begun = restoration_of(connection)
        return begun, None if begun is None else rows_restored(connection)


def _caught_up(
    settings: Settings,
    plan: RestorePlan,
    clock: Callable[[], datetime],
    tell: OnProgress,
    on_restored: Callable[[Restored], None],
    *,
    project: bool,
) -> Restored:
    """Make an open store that of this code, and fill its views."""
    manifest = plan.manifest
    if manifest.store_version != NEWEST or manifest.rules_version != RULES_VERSION:
        migrate_store(settings, clock=clock)
    views_at = None
    with Waybill(settings, clock) as waybill:
        # Before the views are filled: they would say what the books do not.
        judge_restored(waybill)
        kept = waybill.retry(lambda: _positions(waybill))
        paused = [name for name in waybill.retry(waybill.pauses) if name in kept]
        if project:
            # An archive of an earlier waybill does not say where they stood: then what it has is what they show.
            stood = {name: (manifest.paused or {}).get(name, manifest.position) for name in paused}
            head = waybill.retry(waybill.history.head)
            waybill.project(lambda step: tell(VIEWS, step.end, head), stood)
            kept = waybill.retry(lambda: _positions(waybill))
            views_at = min((at for name, at in kept.items() if name not in paused), default=min(kept.values()))
        restored = Restored(
            events=manifest.events,
            messages=manifest.books.received,
            position=manifest.position,
            archived_at=manifest.written_at,
            views_at=views_at,
            paused={name: kept[name] for name in paused},
        )
        on_restored(restored)
        with waybill.engine.execution_options(**{LOCKED: True}).begin() as connection:
            end_restoration(connection)
    return restored


def _positions(waybill: Waybill) -> Mapping[str, int]:
    """The positions of the projections that the store keeps, by name."""
    with waybill.engine.connect() as connection:
        filled = filled_positions(connection, every_projection())
    return {projection.name: position for projection, position in filled.items()}
