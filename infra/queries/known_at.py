"""Known at: settles the facts recorded by an instant again, into temporary tables for one query.

Subjects are read some at a time and settled one after another, and only the rows valid at the requested time are kept,
in a separate file. So memory stays flat for any length of history.
"""

import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import chain, islice
from pathlib import Path

from sqlalchemy import Engine, insert

from domain.fact import Fact
from domain.kind import Kind
from domain.order.kind import ORDER
from domain.settling import up_to
from infra.queries.derived_then import DerivedThen, MatchedScan
from infra.queries.untaken import UntakenThen
from infra.store.engine import sqlite_engine
from infra.store.events.history import LAST, History
from infra.store.projected.rows import rows_of_one_question
from projections.projection import Projection, settled_stream
from projections.replacement import Replacement
from projections.views.matched_scans import matched_scans

SUBJECTS_AT_ONCE = 500


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
) -> Iterator[Engine]:
    """Tables of these projections, shaped from the facts that had occurred by `as_of` and were recorded by `known_at`.

    No event after the position `up_to` is read, so what is stored meanwhile is not seen in part. Facts that were
    further ahead of that clock than `clock_skew` are left out.

    They have nothing after `as_of`, so the rows valid then have no end: query them for the present. With
    `only_lasting`, they have only these rows. With `untaken`, they include the messages that were not taken then; with
    `matches_scans`, the scans of which an order had been told. They have the months of `zone`. `now` is
    the clock.
    """
    with tempfile.TemporaryDirectory(prefix="waybill-") as folder:
        engine = sqlite_engine(str(Path(folder) / "known.db"), lock_timeout_seconds=5, durable=False)
        rows = rows_of_one_question(engine, projections, zone)
        # No other process uses these tables, so a count of batches can serve as the position.
        derived = DerivedThen(history, known_at, clock_skew, zone, now, up_to)
        kinds = {projection.kind for projection in projections} | ({ORDER} if matches_scans else set())
        shaped = _shaped(
            history.facts_of_kinds(kinds, up_to), projections, kinds, as_of, derived, only_lasting, untaken
        )
        for position, (batch, matched) in enumerate(shaped):
            rows.replace(batch, position, position + 1)
            _write_matched(engine, matched, as_of)
            if untaken is not None:
                untaken.write(engine)
        if untaken is not None:
            untaken.write(engine, at_last=True)
        try:
            yield engine
        finally:
            engine.dispose()


def _shaped(
    stored: Iterator[tuple[str, list[Fact]]],
    projections: Sequence[Projection],
    kinds: Collection[Kind],
    as_of: datetime | None,
    derived: DerivedThen,
    only_lasting: bool,
    untaken: UntakenThen | None,
) -> Iterator[tuple[list[Replacement], Sequence[MatchedScan]]]:
    never_stored = derived.orders_never_stored() if ORDER in kinds else ()
    streams = chain(stored, never_stored)
    while some := dict(islice(streams, SUBJECTS_AT_ONCE)):
        batch = [Replacement(projection) for projection in projections]
        then_known = derived.known(some)
        for stream, known in then_known.streams.items():
            settled = settled_stream(stream, up_to(known, as_of))
            assert settled is not None, "a kind of subject has no waiting rooms"
            if untaken is not None:
                then = settled if as_of is None else settled_stream(stream, known)
                assert then is not None
                untaken.look_at(then, known)
            for replacement in batch:
                if replacement.projection.kind is settled.kind:
                    replacement.take(settled, only_lasting=only_lasting)
        yield batch, then_known.matched


def _write_matched(engine: Engine, matched: Sequence[MatchedScan], as_of: datetime | None) -> None:
    by_then = [one._asdict() for one in matched if as_of is None or (one.valid_from and one.valid_from <= as_of)]
    if by_then:
        with engine.begin() as connection:
            connection.execute(insert(matched_scans), by_then)
