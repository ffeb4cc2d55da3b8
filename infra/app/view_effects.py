"""View effects: which rows of the views, as people see them now, would differ if some subjects had other facts.

The rows of the touched subjects are written to two scratch files, as they are and as they would be, and the views'
own queries are asked of both. Views that sum over subjects (workload, scorecard, …) are left out: their other subjects
are not in the files.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from sqlalchemy import Engine

from infra.store.engine import sqlite_engine
from infra.store.projected.rows import ProjectedRows, rows_of_one_question
from infra.store.projected.tables import over_stored_tables
from projections.diff import ChangeTally, RowChange, diff
from projections.projection import Settled
from projections.replacement import Replacement
from projections.table import Row
from projections.views.as_of import AsOf
from projections.views.catalogue import VIEWS, View

KEYS: Mapping[str, tuple[str, ...]] = {
    "overdue_deliveries": ("order_id",),
    "at_risk_deliveries": ("order_id",),
    "late_deliveries": ("order_id",),
    "follow_ups": ("order_id", "about", "request_id"),
    "orders": ("order_id",),
    "order_lines": ("order_id", "line"),
    "shipments": ("order_id", "shipment_id"),
    "expedites": ("order_id", "request_id"),
}
"""The views with rows of single orders, and the columns that tell their rows apart."""
NOT_COMPARED = frozenset({"untaken_messages"})
"""Columns of what no subject has."""
_VIEWS = tuple(view for view in VIEWS if view.relation in KEYS)
_PROJECTIONS = tuple(dict.fromkeys(projection for view in _VIEWS for projection in view.projections))


class ViewEffect(NamedTuple):
    """How the rows of one view would change; the fields are as in TableEffect."""

    view: str
    added: int
    gone: int
    changed: int
    columns: Mapping[str, int]
    samples: Sequence[RowChange]


class ViewEffects:
    """A context manager that keeps the scratch files. Memory stays flat for any number of subjects."""

    def __init__(self, zone: str, now: datetime, samples: int):
        self._zone = zone
        self._now = now
        self._samples = samples
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="waybill-")))
        self._sides = [_Side(folder / name, self._zone) for name in ("before.db", "after.db")]
        for side in self._sides:
            self._stack.callback(side.engine.dispose)
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._stack.close()

    def take(self, subjects: Sequence[tuple[Settled, Settled]]) -> None:
        """Add subjects, each as it is settled before and after."""
        for side, settled in zip(self._sides, zip(*subjects, strict=True), strict=True):
            side.write(settled)

    def views(self) -> list[ViewEffect]:
        """The views that would differ."""
        effects = (self._effect(view) for view in _VIEWS)
        return [effect for effect in effects if effect.added or effect.gone or effect.changed]

    def _effect(self, view: View) -> ViewEffect:
        names = _compared(view)
        tally = ChangeTally(self._samples)
        before, after = (side.rows_by_order(view, self._now, self._zone) for side in self._sides)
        for old, new in _paired(before, after):
            tally.add(diff(names, KEYS[view.relation], old, new))
        return ViewEffect(view.command, tally.added, tally.gone, tally.changed, tally.columns, tally.samples)


class _Side:
    """One scratch file."""

    def __init__(self, path: Path, zone: str):
        self.engine: Engine = sqlite_engine(str(path), lock_timeout_seconds=5, durable=False)
        self._rows: ProjectedRows = rows_of_one_question(self.engine, _PROJECTIONS, zone)
        # No other process uses these tables, so a count of batches can serve as the position.
        self._position = 0

    def write(self, subjects: Sequence[Settled]) -> None:
        batch = [Replacement(projection) for projection in _PROJECTIONS]
        for settled in subjects:
            for replacement in batch:
                if replacement.projection.kind is settled.kind:
                    replacement.take(settled, only_lasting=True)
        self._rows.replace(batch, self._position, self._position + 1)
        self._position += 1

    def rows_by_order(self, view: View, now: datetime, zone: str) -> Iterator[tuple[str, list[Row]]]:
        question = over_stored_tables(view.question(AsOf.at(now, present=True, zone=zone)), view.projections)
        ordered = question.order_by(None).order_by(question.selected_columns["order_id"])
        compared = itemgetter(*map(view.columns.index, _compared(view)))
        with self.engine.connect() as connection:
            rows = connection.execution_options(yield_per=1_000).execute(ordered)
            for order_id, found in groupby(map(compared, rows), key=itemgetter(0)):
                yield order_id, list(found)


def _compared(view: View) -> list[str]:
    """The columns that are compared; the order's id is the first."""
    return [name for name in view.columns if name not in NOT_COMPARED]


def _paired(
    before: Iterator[tuple[str, list[Row]]], after: Iterator[tuple[str, list[Row]]]
) -> Iterator[tuple[list[Row], list[Row]]]:
    """The rows of each order on both sides; both are in the order of their ids, by code points."""
    old, new = next(before, None), next(after, None)
    while old is not None or new is not None:
        first = min(side[0] for side in (old, new) if side is not None)
        is_old, is_new = old is not None and old[0] == first, new is not None and new[0] == first
        yield (old[1] if old is not None and is_old else []), (new[1] if new is not None and is_new else [])
        old = next(before, None) if is_old else old
        new = next(after, None) if is_new else new
