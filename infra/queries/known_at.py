"""Known at: settles the facts recorded by an instant again, into temporary tables for one query.

Subjects are read some at a time and settled one after another, and only the rows valid at the requested time are kept,
in a separate file. So memory stays flat for any length of history.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import chain

from sqlalchemy import Engine

from domain.order.kind import ORDER
from infra.queries.in_processes import InProcesses, in_one_process
from infra.queries.scratch import scratch_database
from infra.queries.untaken import UntakenThen
from infra.settled_then.question import SettledPage, SettledQuestion, settled_pages
from infra.store.events.history import LAST, History
from projections.projection import Projection

NEEDS_ALL = "what was known at an instant is settled from the events of all orders, whatever is asked"


@contextmanager
def scratch_of(
    history: History,
    projections: Sequence[Projection],
    as_of: datetime | None,
    known_at: datetime,
    clock_skew: timedelta,
    zone: str,
    now: datetime,
    *,
    up_to: int = LAST,
    only_lasting: bool = True,
    untaken: UntakenThen | None = None,
    matches_scans: bool = False,
    in_processes: InProcesses = in_one_process,
) -> Iterator[Engine]:
    """Tables of these projections, shaped from the facts that had occurred by `as_of` and were recorded by `known_at`.

    No event after the position `up_to` is read, so what is stored meanwhile is not seen in part. Facts that were
    further ahead of that clock than `clock_skew` are left out.

    They have nothing after `as_of`, so the rows valid then have no end: query them for the present. With
    `only_lasting`, they have only these rows. With `untaken`, they include the messages that were not taken then; with
    `matches_scans`, the scans of which an order had been told. They have the months of `zone`. `now` is
    the clock. `in_processes` settles in several processes where that is faster.

    Raises PrunedOrdersError if orders are to be settled and some are pruned.
    """
    question = SettledQuestion(
        tuple(projection.name for projection in projections),
        as_of,
        known_at,
        clock_skew,
        zone,
        now,
        up_to,
        only_lasting,
        matches_scans,
        None if untaken is None else untaken.claimed,
    )
    history.expect_unpruned(question.kinds, NEEDS_ALL)
    with scratch_database(projections, zone) as scratch:
        with in_processes(history, question) as stored:
            for page in _settled(history, question, stored):
                scratch.add(page, as_of)
                if untaken is not None:
                    untaken.add(page.not_taken)
                    untaken.write(scratch)
        if untaken is not None:
            untaken.write(scratch, at_last=True)
        history.expect_unpruned(question.kinds, NEEDS_ALL)  # some may have been pruned meanwhile
        yield scratch.engine


def _settled(
    history: History, question: SettledQuestion, stored: Iterator[SettledPage] | None
) -> Iterator[SettledPage]:
    """The stored streams, if not settled elsewhere, and then the orders that were never stored."""
    derived, kinds = question.derived(history), question.kinds
    never_stored = derived.orders_never_stored() if ORDER in kinds else iter(())
    if stored is None:
        yield from settled_pages(question, derived, chain(history.facts_of_kinds(kinds, question.up_to), never_stored))
    else:
        yield from stored
        yield from settled_pages(question, derived, never_stored)
