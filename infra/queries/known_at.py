"""Known at: settles the facts recorded by an instant again, into temporary tables for one query.

Subjects are settled one after another, and only the rows valid at the requested time are kept, in a separate file. So
memory stays flat for any length of history.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from domain.clock_holds import as_held_at
from domain.settling import up_to
from domain.streams import split_stream_name
from infra.queries.untaken import UntakenThen
from infra.store.engine import sqlite_engine
from infra.store.events.history import History
from infra.store.projected.rows import rows_of_one_question
from projections.projection import Projection, settled_stream
from projections.replacement import Replacement

SUBJECTS_AT_ONCE = 1_000


@contextmanager
def scratch_of(
    history: History,
    projections: Sequence[Projection],
    as_of: datetime | None,
    known_at: datetime,
    clock_skew: timedelta,
    zone: str,
    *,
    only_lasting: bool = True,
    untaken: UntakenThen | None = None,
) -> Iterator[Engine]:
    """Tables of these projections, shaped from the facts that had occurred by `as_of` and were recorded by `known_at`.

    Facts that were further ahead of that clock than `clock_skew` are left out.

    They have nothing after `as_of`, so the rows valid then have no end: query them for the present. With
    `only_lasting`, they have only these rows. With `untaken`, they include the messages that were not taken
    then. They have the months of `zone`.
    """
    with tempfile.TemporaryDirectory(prefix="waybill-") as folder:
        engine = sqlite_engine(str(Path(folder) / "known.db"), lock_timeout_seconds=5, durable=False)
        rows = rows_of_one_question(engine, projections, zone)
        # No other process uses these tables, so a count of batches can serve as the position.
        shaped = _shaped(history, projections, as_of, known_at, clock_skew, only_lasting, untaken)
        for position, batch in enumerate(shaped):
            rows.replace(batch, position, position + 1)
            if untaken is not None:
                untaken.write(engine)
        if untaken is not None:
            untaken.write(engine, at_last=True)
        try:
            yield engine
        finally:
            engine.dispose()


def _shaped(
    history: History,
    projections: Sequence[Projection],
    as_of: datetime | None,
    known_at: datetime,
    clock_skew: timedelta,
    only_lasting: bool,
    untaken: UntakenThen | None,
) -> Iterator[list[Replacement]]:
    batch = [Replacement(projection) for projection in projections]
    subjects = 0
    kinds = {projection.kind for projection in projections}
    for stream, facts in history.streams():
        if split_stream_name(stream)[0] not in kinds:
            continue
        settled = settled_stream(stream, as_held_at(up_to(facts, as_of, known_at), known_at, clock_skew))
        if settled is None:
            continue
        if untaken is not None:
            known = up_to(facts, recorded=known_at)
            then = settled if as_of is None else settled_stream(stream, as_held_at(known, known_at, clock_skew))
            if then is not None:
                untaken.look_at(then, known)
        for replacement in batch:
            if replacement.projection.kind is settled.kind:
                replacement.take(settled, only_lasting=only_lasting)
        subjects += 1
        if subjects % SUBJECTS_AT_ONCE == 0:
            yield batch
            batch = [Replacement(projection) for projection in projections]
    yield batch
