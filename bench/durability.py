"""Whether commits wait for the disk, for each row and its reference: only like can be compared with like.

On SQLite every commit waits (`synchronous` FULL). On PostgreSQL (`fsync` on) a commit waits unless its transaction sets
`synchronous_commit` to off. Projectors and the fill of a rebuild do, because their work can be done again.
"""

from bench.goals import BARE_FRESHNESS, BARE_POLL, FRESHNESS
from bench.stores import Database
from bench.throughput import PROJECT, REBUILD, REBUILD_IN_TWO, RUNNER_NOT_WAITING

WAITS, DOES_NOT_WAIT, COMMITS_NOTHING = "yes", "no", "–"
_NOT_WAITING_ON_POSTGRESQL = (PROJECT, REBUILD, REBUILD_IN_TWO, RUNNER_NOT_WAITING)
_COMMITTING_NOTHING = (BARE_POLL, BARE_FRESHNESS, "overdue --as-of", "export")


def waits_for_disk(name: str, database: Database) -> str:
    """In a word for a table, by the name of what is measured."""
    if name in _COMMITTING_NOTHING:
        return COMMITS_NOTHING
    if database is Database.SQLITE:
        return WAITS
    if name == FRESHNESS:
        return "consume yes, project no"
    return DOES_NOT_WAIT if name in _NOT_WAITING_ON_POSTGRESQL else WAITS
