"""Totals: what spans subjects is a sum over their rows, kept up as rows give way to others."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from projections.table import Row, RowTable


@dataclass(frozen=True)
class Totals:
    """Sums over those rows of `over` that have no end yet (`valid_to` is null), kept by key in `table`.

    `contribution` gives the row of `table` that a row of `over` adds, or None when it adds nothing. Of the row it sees
    the columns that `looks_at` names, as attributes.
    """

    table: RowTable[Any]
    over: RowTable[Any]
    looks_at: tuple[str, ...]
    contribution: Callable[[Any], Row | None]

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns by which rows are summed up."""
        return self.table.key

    @property
    def measures(self) -> tuple[str, ...]:
        """The columns with sums."""
        return tuple(name for name in self.table.names if name not in self.table.key)


def sum_contributions(totals: Totals, old: Iterable[Any], new: Iterable[Any]) -> dict[Row, tuple[int, ...]]:
    """By how much each key's measures change when the old rows give way to the new ones."""
    keys = len(totals.keys)
    sums: dict[Row, list[int]] = {}
    for rows, sign in ((old, -1), (new, 1)):
        for row in rows:
            contributed = totals.contribution(row)
            if contributed is None:
                continue
            measures = contributed[keys:]
            summed = sums.setdefault(contributed[:keys], [0] * len(measures))
            for index, measure in enumerate(measures):
                summed[index] += sign * measure
    return {key: tuple(change) for key, change in sums.items() if any(change)}
