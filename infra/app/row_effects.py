"""Row effects: which rows of the views would differ if some subjects had other facts. Nothing is written."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from projections.catalogue import PROJECTIONS
from projections.diff import ChangeTally, RowChange, diff
from projections.projection import Projection, Settled
from projections.table import Row, RowTable
from projections.totals import TotalsTally

SAMPLES = 5


class TableEffect(NamedTuple):
    """How the rows of one table would change. `columns` counts the changed rows in which a column differs.

    Of a table of totals, `changed` counts the totals that differ, and there are no samples.
    """

    projection: str
    table: str
    added: int
    gone: int
    changed: int
    columns: Mapping[str, int]
    samples: Sequence[RowChange]

    @property
    def differs(self) -> bool:
        return bool(self.added or self.gone or self.changed)


class RowEffects:
    """Sums up subject by subject; memory holds counts, totals and samples."""

    def __init__(self, projections: Sequence[Projection] = PROJECTIONS, samples: int = SAMPLES):
        self._projections = projections
        self._tables = {d: ChangeTally(samples) for projection in projections for d in projection.tables}
        self._totals = {totals: TotalsTally(totals) for projection in projections for totals in projection.totals}

    def take(self, before: Settled | None, after: Settled | None) -> None:
        """Add one subject as it is settled before and after; None for a subject without facts."""
        for projection in self._projections:
            old, new = _shaped(projection, before), _shaped(projection, after)
            for declared in projection.tables:
                changes = diff(declared.names, declared.key, old[declared.name], new[declared.name])
                self._tables[declared].add(changes)
            for totals in projection.totals:
                self._totals[totals].add(old[totals.over.name], new[totals.over.name])

    def tables(self) -> list[TableEffect]:
        """All tables in the order of the projections, each with its totals after it."""
        found: list[TableEffect] = []
        for projection in self._projections:
            found += [_effect_on(projection, declared, self._tables[declared]) for declared in projection.tables]
            found += [_effect_on_totals(projection, self._totals[totals]) for totals in projection.totals]
        return found


def _effect_on(projection: Projection, declared: RowTable[Any], tally: ChangeTally) -> TableEffect:
    counts = (tally.added, tally.gone, tally.changed)
    return TableEffect(projection.name, declared.name, *counts, tally.columns, tally.samples)


def _effect_on_totals(projection: Projection, tally: TotalsTally) -> TableEffect:
    """The sums are the changes, because rows were taken before and after."""
    columns = Counter(
        name
        for change in tally.sums.values()
        for name, measure in zip(tally.totals.measures, change, strict=True)
        if measure
    )
    return TableEffect(
        projection.name, tally.totals.table.name, 0, 0, len(tally.sums), dict(sorted(columns.items())), ()
    )


def _shaped(projection: Projection, settled: Settled | None) -> dict[str, list[Row]]:
    if settled is None or settled.kind is not projection.kind:
        return {declared.name: [] for declared in projection.tables}
    shaped = projection.shape(settled)
    return {declared.name: list(shaped.get(declared.name, ())) for declared in projection.tables}
