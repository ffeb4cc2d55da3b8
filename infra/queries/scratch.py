"""The scratch database of one question: tables of settled rows, which the question's SELECT reads.

It is a temporary SQLite file, so an answer of any size takes disk and no memory. It is deleted with the question.
"""

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Table, insert

from infra.settled_then.derived import MatchedScan
from infra.settled_then.question import SettledPage
from infra.store.engine import sqlite_engine
from infra.store.projected.rows import rows_of_one_question
from projections.projection import Projection
from projections.replacement import Replacement
from projections.views.matched_scans import matched_scans
from projections.views.untaken_messages import malformed_claims, untaken_messages


class Scratch:
    """Tables of these projections, with months of `zone`. Pages are added; no subject is in two of them."""

    def __init__(self, engine: Engine, projections: Sequence[Projection], zone: str):
        self.engine = engine
        self._projections = projections
        self._rows = rows_of_one_question(engine, projections, zone)
        self._pages = 0

    def add(self, page: SettledPage, as_of: datetime | None) -> None:
        """Add the rows of a page, and the scans that were said to orders by `as_of` (None: at any time)."""
        batch = [
            Replacement(projection, list(subjects), defaultdict(list, found))
            for projection, (subjects, found) in zip(self._projections, page.rows, strict=True)
        ]
        # No other process uses these tables, so a count of pages can serve as the position.
        self._rows.replace(batch, self._pages, self._pages + 1)
        self._pages += 1
        self.add_matched([one for one in page.matched if as_of is None or (one.valid_from and one.valid_from <= as_of)])

    def add_matched(self, matched: Sequence[MatchedScan]) -> None:
        """Add scans that were said to orders."""
        self._insert(matched_scans, [one._asdict() for one in matched])

    def add_untaken(self, untaken: Sequence[tuple[str, datetime]]) -> None:
        """Add messages that were not taken: the order, and when they happened."""
        self._insert(untaken_messages, [{"order_id": order_id, "occurred_at": at} for order_id, at in untaken])

    def add_claims(self, claims: Sequence[tuple[str, datetime]]) -> None:
        """Add malformed messages: the order that each claims to be about, and when it was recorded."""
        self._insert(malformed_claims, [{"order_id": order_id, "recorded_at": at} for order_id, at in claims])

    def _insert(self, table: Table, rows: list[dict[str, Any]]) -> None:
        if rows:
            with self.engine.begin() as connection:
                connection.execute(insert(table), rows)


@contextmanager
def scratch_database(projections: Sequence[Projection], zone: str) -> Iterator[Scratch]:
    """An empty scratch database, in the folder for temporary files."""
    with tempfile.TemporaryDirectory(prefix="waybill-") as folder:
        engine = sqlite_engine(str(Path(folder) / "known.db"), lock_timeout_seconds=5, durable=False)
        try:
            yield Scratch(engine, projections, zone)
        finally:
            engine.dispose()
