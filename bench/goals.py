"""The goals: what is to be reached, beside which reference, and whether it was."""

from collections.abc import Mapping
from typing import NamedTuple

from bench.stores import Database
from bench.throughput import INGEST, PLAIN_LOOP, PROJECT, RAW_INSERT, REBUILD_IN_TWO, RUNNER_NOT_WAITING

CONSUME, BARE_POLL = "consume a backlog", "bare poll"
FRESHNESS, BARE_FRESHNESS = "sent until visible", "sent until polled, bare"
COUNT = "indexed count in raw SQL"
PAGE_OF_OVERDUE, ALL_OF_WORKLOAD = "page of 100 of overdue_deliveries", "all of rep_workload"
PAST_PAGE = "page of 100 of overdue --as-of"
SHORT_ORDER, LONG_ORDER = "one message more, short order", "one message more, long order"
GROWTH = "growth"


class Goal(NamedTuple):
    """A value that is reached from this side: at least the limit, or at most. Units: ×, ms or MB."""

    limit: float
    unit: str = "×"
    at_most: bool = False

    def __str__(self) -> str:
        number = f"{self.limit:.2f}" if self.limit < 10 and self.limit != int(self.limit) else f"{self.limit:,.0f}"
        return f"{'≤' if self.at_most else '≥'} {number} {self.unit}"

    def told(self, value: float) -> str:
        """Whether this value reaches it, in words."""
        if value <= self.limit if self.at_most else value >= self.limit:
            return "reached"
        short = value / self.limit - 1 if self.at_most else 1 - value / self.limit
        return f"missed by {100 * short:.{0 if short >= 0.01 else 2}f} %"


P99, P50 = "p99", "p50"

GOALS: Mapping[tuple[str, str], Goal | Mapping[Database, Goal]] = {
    (INGEST, PLAIN_LOOP): {Database.SQLITE: Goal(12), Database.POSTGRESQL: Goal(30)},
    (INGEST, RAW_INSERT): Goal(1 / 3),
    # Beside the runner that commits as they do: without waiting for the disk.
    (PROJECT, RUNNER_NOT_WAITING): {Database.POSTGRESQL: Goal(50)},
    (REBUILD_IN_TWO, RUNNER_NOT_WAITING): {Database.POSTGRESQL: Goal(50)},
    (CONSUME, BARE_POLL): Goal(1 / 5),
    (FRESHNESS, P50): Goal(100, "ms", at_most=True),
    (FRESHNESS, P99): Goal(250, "ms", at_most=True),
    (PAGE_OF_OVERDUE, P99): Goal(10, "ms", at_most=True),
    (ALL_OF_WORKLOAD, P99): Goal(50, "ms", at_most=True),
    (PAST_PAGE, P99): Goal(50, "ms", at_most=True),
    (LONG_ORDER, SHORT_ORDER): Goal(2, at_most=True),
    (GROWTH, "time"): Goal(1.1, at_most=True),
    (GROWTH, "memory"): Goal(300, "MB", at_most=True),
}
"""By what is measured, and the reference or percentile that it is measured by."""

SPARK = Goal(1.5, at_most=True)
"""The time of an event on Spark, for each processor, beside that of the bare fold."""
SPARK_TIME, SPARK_MEMORY = Goal(1.1, at_most=True), Goal(1.1, at_most=True)
"""Of an event, and of the driver's process, beside the smallest history."""


def goal_of(what: str, by: str, database: Database) -> Goal | None:
    """The goal on this database, if there is one."""
    found = GOALS.get((what, by))
    return found if isinstance(found, Goal) or found is None else found.get(database)
