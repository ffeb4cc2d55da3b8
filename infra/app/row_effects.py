"""Row effects: which rows of the views would differ if some subjects had other facts. Nothing is written."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from projections.catalogue import PROJECTIONS
from projections.diff import RowChange, diff
from projections.projection import Projection, Settled
from projections.table import Row, RowTable
from projections.totals import Totals, sum_contributions

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
        self._samples = samples
        self._tables = {declared: _Changes() for projection in projections for declared in projection.tables}
        self._sums: dict[Totals, dict[Row, list[int]]] = {
            totals: {} for projection in projections for totals in projection.totals
        }

    def take(self, before: Settled | None, after: Settled | None) -> None:
        """Add one subject as it is settled before and after; None for a subject without facts."""
        for projection in self._projections:
            old, new = _shaped(projection, before), _shaped(projection, after)
            for declared in projection.tables:
                changes = diff(declared.names, declared.key, old[declared.name], new[declared.name])
                self._tables[declared].note(changes, self._samples)
            for totals in projection.totals:
                self._add_up(totals, old[totals.over.name], new[totals.over.name])

    def tables(self) -> list[TableEffect]:
        """All tables in the order of the projections, each with its totals after it."""
        found: list[TableEffect] = []
        for projection in self._projections:
            found += [self._tables[declared].effect(projection, declared) for declared in projection.tables]
            found += [_effect_on(projection, totals, self._sums[totals]) for totals in projection.totals]
        return found

    def _add_up(self, totals: Totals, old: Sequence[Any], new: Sequence[Any]) -> None:
        lasting = [[row for row in rows if row.valid_to is None] for rows in (old, new)]
        sums = self._sums[totals]
        for key, change in sum_contributions(totals, *lasting).items():
            summed = [one + other for one, other in zip(sums.get(key, [0] * len(change)), change, strict=True)]
            if any(summed):
                sums[key] = summed
            else:
                sums.pop(key, None)


@dataclass
class _Changes:
    kinds: Counter[str] = field(default_factory=Counter)
    columns: Counter[str] = field(default_factory=Counter)
    samples: list[RowChange] = field(default_factory=list)

    def note(self, changes: Sequence[RowChange], most_samples: int) -> None:
        for change in changes:
            self.kinds[change.kind] += 1
            if change.kind == "changed":
                self.columns.update(column.column for column in change.columns)
            if len(self.samples) < most_samples:
                self.samples.append(change)

    def effect(self, projection: Projection, declared: RowTable[Any]) -> TableEffect:
        kinds, columns = self.kinds, dict(sorted(self.columns.items()))
        return TableEffect(
            projection.name, declared.name, kinds["added"], kinds["gone"], kinds["changed"], columns, self.samples
        )


def _effect_on(projection: Projection, totals: Totals, sums: Mapping[Row, Sequence[int]]) -> TableEffect:
    columns = Counter(
        name for change in sums.values() for name, measure in zip(totals.measures, change, strict=True) if measure
    )
    return TableEffect(projection.name, totals.table.name, 0, 0, len(sums), dict(sorted(columns.items())), ())


def _shaped(projection: Projection, settled: Settled | None) -> dict[str, list[Row]]:
    if settled is None or settled.kind is not projection.kind:
        return {declared.name: [] for declared in projection.tables}
    shaped = projection.shape(settled)
    return {declared.name: list(shaped.get(declared.name, ())) for declared in projection.tables}
