"""The difference between two sets of rows of one table, by key and column. Pure: it reads and writes nothing.

`waybill verify` compares stored rows with rows derived from events.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from projections.table import Row


class ColumnChange(NamedTuple):
    """One column of a row: its value before and after. A missing row has None in every column."""

    column: str
    before: Any
    after: Any


class RowChange(NamedTuple):
    """A row that exists only after (`added`), only before (`gone`), or on both sides with different values (`changed`).

    `columns` has all columns of an added or gone row, and the differing columns of a changed row.
    """

    kind: Literal["added", "gone", "changed"]
    key: Row
    columns: tuple[ColumnChange, ...]


@dataclass
class ChangeTally:
    """Counts changes of one table, batch by batch, and keeps some of them: at most `most_samples`.

    If there are more, it keeps the first of each kind of difference (the same columns changed), then the first ones.
    """

    most_samples: int
    kinds: Counter[str] = field(default_factory=Counter)
    changed_columns: Counter[str] = field(default_factory=Counter)
    _firsts: dict[object, tuple[int, RowChange]] = field(default_factory=dict)
    _others: list[tuple[int, RowChange]] = field(default_factory=list)

    @property
    def samples(self) -> list[RowChange]:
        """The changes that are kept, in the order in which they came."""
        kept = [*self._firsts.values(), *self._others][: self.most_samples]
        return [change for _, change in sorted(kept, key=lambda each: each[0])]

    @property
    def added(self) -> int:
        return self.kinds["added"]

    @property
    def gone(self) -> int:
        return self.kinds["gone"]

    @property
    def changed(self) -> int:
        return self.kinds["changed"]

    @property
    def columns(self) -> Mapping[str, int]:
        """In how many changed rows each column differs, by its name."""
        return dict(sorted(self.changed_columns.items()))

    def add(self, changes: Iterable[RowChange]) -> None:
        for change in changes:
            self.kinds[change.kind] += 1
            if change.kind == "changed":
                self.changed_columns.update(column.column for column in change.columns)
            self._keep(change)

    def _keep(self, change: RowChange) -> None:
        place = (self.kinds.total(), change)
        differing = tuple(column.column for column in change.columns)
        if len(self._firsts) < self.most_samples and (change.kind, differing) not in self._firsts:
            self._firsts[change.kind, differing] = place
        elif len(self._others) < self.most_samples:
            self._others.append(place)


def diff(names: Sequence[str], key: Sequence[str], before: Iterable[Row], after: Iterable[Row]) -> list[RowChange]:
    """The differing rows in the order of their keys (null first).

    `names` are the columns of both sides, in the order of the values, and `key` are the key columns. Raises ValueError
    if two rows of one side have the same key.
    """
    indexes = [names.index(name) for name in key]
    old, new = _by_key(indexes, before), _by_key(indexes, after)
    changed = [row_key for row_key in old.keys() | new.keys() if old.get(row_key) != new.get(row_key)]
    return [_change(names, each, old.get(each), new.get(each)) for each in sorted(changed, key=_nulls_first)]


def diff_sorted(
    names: Sequence[str], key: Sequence[str], before: Iterable[Row], after: Iterable[Row]
) -> Iterator[RowChange]:
    """The same for rows that are in the order of their keys (null first), one by one: memory holds one row a side.

    Raises ValueError if a side is not in that order, or has a key twice.
    """
    indexes = [names.index(name) for name in key]
    old, new = _in_order(indexes, before), _in_order(indexes, after)
    left, right = next(old, None), next(new, None)
    while left is not None or right is not None:
        if right is None or (left is not None and left[0] < right[0]):
            assert left is not None
            yield from diff(names, key, [left[1]], [])
            left = next(old, None)
        elif left is None or right[0] < left[0]:
            yield from diff(names, key, [], [right[1]])
            right = next(new, None)
        else:
            if left[1] != right[1]:
                yield from diff(names, key, [left[1]], [right[1]])
            left, right = next(old, None), next(new, None)


_Place = tuple[tuple[bool, Any], ...]


def _in_order(indexes: Sequence[int], rows: Iterable[Row]) -> Iterator[tuple[_Place, Row]]:
    last: _Place | None = None
    for row in rows:
        place = tuple((row[index] is not None, row[index]) for index in indexes)
        if last is not None and place <= last:
            raise ValueError(f"the row with the key {tuple(row[index] for index in indexes)} is not in order")
        last = place
        yield place, row


def _by_key(indexes: Sequence[int], rows: Iterable[Row]) -> dict[Row, Row]:
    found: dict[Row, Row] = {}
    for row in rows:
        row_key = tuple(row[index] for index in indexes)
        if row_key in found and found[row_key] != row:
            raise ValueError(f"two rows have the key {row_key}: {found[row_key]} and {row}")
        found[row_key] = row
    return found


def _change(names: Sequence[str], key: Row, before: Row | None, after: Row | None) -> RowChange:
    nothing = (None,) * len(names)
    columns = map(ColumnChange, names, before or nothing, after or nothing)
    if before is None:
        return RowChange("added", key, tuple(columns))
    if after is None:
        return RowChange("gone", key, tuple(columns))
    return RowChange("changed", key, tuple(column for column in columns if column.before != column.after))


def _nulls_first(key: Row) -> tuple[tuple[bool, str, Any], ...]:
    # A stored value that is not of its column's type cannot be compared with one that is.
    return tuple((value is not None, type(value).__name__, value) for value in key)
