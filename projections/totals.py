"""Totals over several subjects: sums over rows, updated as rows are replaced."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from projections.table import Row, RowTable


@dataclass(frozen=True)
class Totals:
    """Sums over the rows of `over` without an end (`valid_to` is null), stored by key in `table`.

    `contribution` returns the row of `table` that a row of `over` adds, or None if it adds nothing. Its measures are
    counts, none below zero. It gets the columns in `looks_at` as attributes. A key whose sums are all zero has no row.
    """

    table: RowTable[Any]
    over: RowTable[Any]
    looks_at: tuple[str, ...]
    contribution: Callable[[Any], Row | None]

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns by which rows are grouped."""
        return self.table.key

    @property
    def measures(self) -> tuple[str, ...]:
        """The columns with sums."""
        return tuple(name for name in self.table.names if name not in self.table.key)


Sums = dict[Row, tuple[int, ...]]
"""The measures of each key."""


def sum_groups(totals: Totals, groups: Iterable[tuple[Any, int]]) -> Sums:
    """The measures of each key over groups of rows that look alike, given one row of each and how many there are.

    A negative number takes rows away.
    """
    keys = len(totals.keys)
    sums: dict[Row, list[int]] = {}
    for row, count in groups:
        contributed = totals.contribution(row)
        if contributed is None:
            continue
        measures = contributed[keys:]
        summed = sums.setdefault(contributed[:keys], [0] * len(measures))
        for index, measure in enumerate(measures):
            summed[index] += count * measure
    return {key: tuple(summed) for key, summed in sums.items() if any(summed)}


def sum_contributions(totals: Totals, old: Iterable[Any], new: Iterable[Any]) -> Sums:
    """The change of each key's measures when the old rows are replaced by the new ones."""
    return sum_groups(totals, chain(((row, -1) for row in old), ((row, 1) for row in new)))


@dataclass
class TotalsTally:
    """The sums of a table of totals, added up batch by batch. Sums of zero are left out."""

    totals: Totals
    sums: dict[Row, tuple[int, ...]] = field(default_factory=dict)

    def add(self, old: Iterable[Any], new: Iterable[Any]) -> None:
        """Replace these rows by those; only rows that are valid now count."""
        lasting = [[row for row in rows if row.valid_to is None] for rows in (old, new)]
        for key, change in sum_contributions(self.totals, *lasting).items():
            before = self.sums.get(key, (0,) * len(change))
            summed = tuple(one + other for one, other in zip(before, change, strict=True))
            if any(summed):
                self.sums[key] = summed
            else:
                self.sums.pop(key, None)
