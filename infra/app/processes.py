"""How many processes share a work if nobody says so."""

import os

from infra.app.container import Waybill
from infra.store.events.history import History

MOST_PROCESSES = 64
MOST_BY_ITSELF = 8
"""Beyond these, the store's own processes need the processors."""
EVENTS_WORTH_A_PROCESS = 50_000
"""One process takes so many events in less time than it takes to start others."""
PARTS_A_PROCESS = 8
"""Parts have as many events and differ in work, so whoever is ready takes another one."""


def processes_to_rebuild(waybill: Waybill) -> int:
    """On PostgreSQL as many processes as there are processors for this one, and fewer for a small store.

    On SQLite one: half of its work is under the store's write lock, and two would leave other writers hardly a gap.
    """
    return 1 if waybill.settings.sqlite_path is not None else processes_to_read(waybill.history)


def processes_to_read(history: History) -> int:
    """As many processes as there are processors for this one, and fewer for a small store."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    most = min(processors, MOST_BY_ITSELF)
    events = history.count_after(0, at_most=most * EVENTS_WORTH_A_PROCESS)
    return max(1, min(most, events // EVENTS_WORTH_A_PROCESS))
